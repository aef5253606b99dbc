"""The next token from the logits: argmax, or penalties, temperature, top-k, top-p, min-p and a draw, without a sort.

The order and meaning of the filters, the ties and the random numbers are those of gpu.py, so a seed draws
the same tokens on both devices but for the rounding of sums. state, sampling, token_counts and tokens as in
docs/program-interface.md.

    argmax_share, argmax_finish      the lowest index of the largest logit
    penalize_share                   weights = penalized logits / temperature; each slice's maximum
    exp_share                        weights = exp(weights - maximum); each slice's histogram of them
    draw                             thresholds and the draw, on one thread

The vocabulary is cut into SLICES slices whatever the number of threads, so that sums do not depend on it.

Weights lie in (0, 1]; a histogram has 512 bins, by the sign-less exponent and the first mantissa bit (bits >> 22):
counts (int32) and sums (float32). A threshold is found in its bin's own weights, which ``draw`` gathers, by bisection
over their bits as in the other kernel.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tvm.script.ir_builder import tirx as T

from ..cpu.emit import (
    Build,
    Expr,
    Memory,
    Register,
    as_type,
    bind,
    f32,
    function,
    horizontal_max,
    lane,
    loop,
    offset,
    select,
    share,
    splat,
    splat_f32,
    splat_i32,
    when,
)
from ..cpu.exponential import exp

TOKEN_RING = 64
LOWEST = -3.0e38
SLICES = 8
BINS = 256  # the largest weight, 1.0, is bin 254: bits 0x3F800000 >> 22
BIN_SHIFT = 22
# One slice's partial result: maximum or best logit, its index, 56 bytes unused, then counts and sums of the bins.
PART_BYTES = 64 + 8 * BINS
ONE_BITS = 0x3F800000


def argmax_share() -> Any:
    """argmax_share(logits, parts, vocab_size, thread, threads)"""

    def body(logits: Memory, parts: Memory, vocab_size: Expr, thread: Expr, threads: Expr) -> None:
        with _slices(vocab_size, thread, threads) as (part, begin, end):
            _argmax(logits, parts, vocab_size, part, begin, end)

    return function("argmax_share", ("logits", "parts"), ("vocab_size", "thread", "threads"), body)


def _argmax(logits: Memory, parts: Memory, vocab_size: Expr, part: Expr, begin: Expr, end: Expr) -> None:
    best = Register(splat_f32(LOWEST), "float32x4")
    where = Register(splat_i32(0), "int32x4")
    with loop(begin, end) as i:
        index = bind(splat(i * 4) + T.ramp(T.int32(0), 1, 4))
        # Lanes beyond the vocabulary never win; a logit that is not a number never does either.
        value = bind(T.Select(index < splat(vocab_size), logits.load("float32", i * 16, 4), splat_f32(LOWEST)))
        better = value > best.get()
        where.set(T.Select(better, index, where.get()))
        best.set(T.Select(better, value, best.get()))
    value = Register(f32(LOWEST), "float32")
    token = Register(T.int32(0x7FFFFFFF), "int32")
    for k in range(4):
        candidate, index = bind(lane(best.get(), k)), bind(lane(where.get(), k))
        better = T.Or(candidate > value.get(), T.And(candidate == value.get(), index < token.get()))
        with when(better):
            value.set(candidate)
            token.set(index)
    at = bind(part * PART_BYTES)
    parts.store("float32", at, value.get())
    parts.store("int32", at + 4, token.get())


def argmax_finish() -> Any:
    """argmax_finish(parts, state, tokens, thread, threads): thread 0 joins the slices and advances the state."""

    def body(parts: Memory, state: Memory, tokens: Memory, thread: Expr, threads: Expr) -> None:
        with when(thread == 0):
            value = Register(parts.load("float32", 0), "float32")
            token = Register(parts.load("int32", 4), "int32")
            with loop(1, SLICES) as part:
                candidate = parts.load("float32", part * PART_BYTES)
                # Parts are in the order of the vocabulary, so at a tie the earlier one stands.
                with when(candidate > value.get()):
                    value.set(candidate)
                    token.set(parts.load("int32", part * PART_BYTES + 4))
            _advance(state, tokens, bind(token.get()))

    return function("argmax_finish", ("parts", "state", "tokens"), ("thread", "threads"), body)


def penalize_share() -> Any:
    """penalize_share(logits, counts, sampling, weights, parts, vocab_size, thread, threads)"""

    def body(
        logits: Memory,
        counts: Memory,
        sampling: Memory,
        weights: Memory,
        parts: Memory,
        vocab_size: Expr,
        thread: Expr,
        threads: Expr,
    ) -> None:
        temperature = sampling.splat("float32", 0)
        repetition = sampling.splat("float32", 16)
        presence = sampling.splat("float32", 20)
        frequency = sampling.splat("float32", 24)
        with _slices(vocab_size, thread, threads) as (part, begin, end):
            largest = Register(splat_f32(LOWEST), "float32x4")
            with loop(begin, end) as i:
                index = splat(i * 4) + T.ramp(T.int32(0), 1, 4)
                logit = logits.load("float32", i * 16, 4)
                count = counts.load("int32", i * 16, 4)
                repeated = select("float32x4", logit > splat_f32(0), logit / repetition, logit * repetition)
                penalized = repeated - frequency * T.Cast("float32x4", count) - presence
                chosen = select("float32x4", count > splat_i32(0), penalized, logit)
                value = bind(chosen / temperature)
                value = bind(T.Select(index < splat(vocab_size), value, splat_f32(LOWEST)))
                largest.set(T.max(largest.get(), value))
                weights.store("float32", i * 16, value, 4)
            parts.store("float32", part * PART_BYTES, horizontal_max(largest.get()))

    pointers = ("logits", "counts", "sampling", "weights", "parts")
    return function("penalize_share", pointers, ("vocab_size", "thread", "threads"), body)


def exp_share(build: Build) -> Any:
    """exp_share(weights, parts, vocab_size, thread, threads)"""

    def body(weights: Memory, parts: Memory, vocab_size: Expr, thread: Expr, threads: Expr) -> None:
        maximum = Register(parts.load("float32", 0), "float32")
        with loop(1, SLICES) as other:
            maximum.set(T.max(maximum.get(), parts.load("float32", other * PART_BYTES)))
        top = bind(splat(maximum.get()))
        with _slices(vocab_size, thread, threads) as (part, begin, end):
            bins = bind(part * PART_BYTES + 64)
            with loop(0, 2 * BINS // 4) as i:
                parts.store("int32", bins + i * 16, splat_i32(0), 4)
            with loop(begin, end) as i:
                shifted = weights.load("float32", i * 16, 4) - top
                # exp stops at e^-87: below it a weight is nothing, as in the other kernel.
                value = bind(T.Select(shifted > splat_f32(-87.0), exp(build, shifted), splat_f32(0)))
                weights.store("float32", i * 16, value, 4)
                places = bind(T.shift_right(as_type("int32x4", value), splat_i32(BIN_SHIFT)))
                for k in range(4):
                    at = offset(bins + lane(places, k) * 8)
                    parts.store("int32", at, parts.load("int32", at) + 1)
                    parts.store("float32", at + 4, parts.load("float32", at + 4) + lane(value, k))

    return function("exp_share", ("weights", "parts"), ("vocab_size", "thread", "threads"), body)


def draw() -> Any:
    """draw(weights, parts, sampling, counts, state, tokens, gathered, vocab_size, thread, threads)

    gathered (vocab_size,) float32 is scratch. Thread 0 works.
    """

    def body(
        weights: Memory,
        parts: Memory,
        sampling: Memory,
        counts: Memory,
        state: Memory,
        tokens: Memory,
        gathered: Memory,
        vocab_size: Expr,
        thread: Expr,
        threads: Expr,
    ) -> None:
        with when(thread == 0):
            # All slices' histograms into the first one.
            with loop(1, SLICES) as part, loop(0, BINS) as i:
                at, other = 64 + i * 8, part * PART_BYTES + 64 + i * 8
                parts.store("int32", at, parts.load("int32", at) + parts.load("int32", other))
                parts.store("float32", at + 4, parts.load("float32", at + 4) + parts.load("float32", other + 4))
            threshold = Register(T.int32(0), "int32")
            top_k, top_p, min_p = (sampling.load("float32", 4 * i) for i in (1, 2, 3))
            with when(T.And(top_k > f32(0), top_k < T.Cast("float32", vocab_size))):
                _raise(threshold, weights, parts, gathered, vocab_size, top_k, counted=True)
            with when(top_p < f32(1)):
                total = _total_above(weights, vocab_size, bind(threshold.get()))
                _raise(threshold, weights, parts, gathered, vocab_size, bind(total * top_p), counted=False)
            threshold.set(T.max(threshold.get(), T.reinterpret("int32", min_p)))
            level = bind(threshold.get())
            target = bind(_uniform(state) * _total_above(weights, vocab_size, level))
            running = Register(f32(0), "float32")
            token = Register(T.int32(0), "int32")
            with loop(0, vocab_size) as i:
                w = weights.load("float32", i * 4)
                kept = T.And(T.reinterpret("int32", w) >= level, w > f32(0))
                with when(T.And(kept, running.get() <= target)):
                    token.set(i)
                    running.add(w)
            chosen = bind(token.get())
            counts.store("int32", chosen * 4, counts.load("int32", chosen * 4) + 1)
            _advance(state, tokens, chosen)

    pointers = ("weights", "parts", "sampling", "counts", "state", "tokens", "gathered")
    return function("draw", pointers, ("vocab_size", "thread", "threads"), body)


@contextmanager
def _slices(vocab_size: Expr, thread: Expr, threads: Expr) -> Iterator[tuple[Expr, Expr, Expr]]:
    """This thread's slices: their numbers, and the groups of four tokens [begin, end) of each."""
    first, last = share(T.int32(SLICES), thread, threads)
    with loop(first, last) as part:
        begin, end = share(T.truncdiv(vocab_size + 3, 4), part, T.int32(SLICES))
        yield part, begin, end


def _total_above(weights: Memory, vocab_size: Expr, level: Expr) -> Expr:
    """The sum of the weights whose bits are at least ``level``."""
    sums = Register(splat_f32(0), "float32x4")
    with loop(0, T.truncdiv(vocab_size + 3, 4)) as i:
        value = weights.load("float32", i * 16, 4)
        kept = as_type("int32x4", value) >= splat(level)
        sums.add(T.Select(kept, value, splat_f32(0)))
    pairs = bind(sums.get())
    return bind(lane(pairs, 0) + lane(pairs, 1) + lane(pairs, 2) + lane(pairs, 3))


def _raise(
    threshold: Register,
    weights: Memory,
    parts: Memory,
    gathered: Memory,
    vocab_size: Expr,
    enough: Expr,
    counted: bool,
) -> None:
    """Raises ``threshold`` to the largest level at or above which the count (or sum) still reaches ``enough``."""
    low = bind(threshold.get())

    def measure(bin_at: Expr) -> Expr:
        return T.Cast("float32", parts.load("int32", bin_at)) if counted else parts.load("float32", bin_at + 4)

    above = Register(f32(0), "float32")  # what the bins above ``found`` give
    found = Register(T.int32(-1), "int32")
    with loop(0, BINS) as i:
        index = bind(BINS - 1 - i)
        with when(found.get() < 0):
            inside = bind(measure(64 + index * 8))
            with T.If(above.get() + inside >= enough):
                with T.Then():
                    found.set(index)
                with T.Else():
                    above.add(inside)
    with when(found.get() >= 0):
        bin_index = bind(found.get())
        first = bind(T.shift_left(bin_index, BIN_SHIFT))
        size = Register(T.int32(0), "int32")
        with loop(0, vocab_size) as i:
            bits = weights.load("int32", i * 4)
            with when(T.shift_right(bits, BIN_SHIFT) == bin_index):
                gathered.store("int32", size.get() * 4, bits)
                size.add(T.int32(1))
        start = Register(first, "int32")
        stop = Register(first + (1 << BIN_SHIFT), "int32")
        with loop(0, BIN_SHIFT + 1):
            middle = bind(start.get() + T.shift_right(stop.get() - start.get(), 1))
            total = Register(above.get(), "float32")
            with loop(0, size.get()) as i:
                bits = gathered.load("int32", i * 4)
                with when(bits >= middle):
                    total.add(f32(1) if counted else T.reinterpret("float32", bits))
            with T.If(total.get() >= enough):
                with T.Then():
                    start.set(middle)
                with T.Else():
                    stop.set(middle)
        threshold.set(T.max(low, start.get()))


def _advance(state: Memory, tokens: Memory, token: Expr) -> None:
    """token_id = token; tokens[step % 64] = token; position += 1; step += 1"""
    step = state.load("int32", 8)
    tokens.store("int32", T.bitwise_and(step, TOKEN_RING - 1) * 4, token)
    state.store("int32", 0, token)
    state.store("int32", 4, state.load("int32", 4) + 1)
    state.store("int32", 8, step + 1)


def _pcg(value: Expr) -> Expr:
    """PCG-RXS-M-XS on 32 bits: one multiply-add step and its output permutation (O'Neill 2014)."""
    word = _wrapping(value, 747796405, 2891336453)
    shift = T.shift_right(word, T.uint32(28)) + T.uint32(4)
    mixed = _wrapping(bind(T.bitwise_xor(T.shift_right(word, shift), word)), 277803737, 0)
    return bind(T.bitwise_xor(T.shift_right(mixed, T.uint32(22)), mixed))


def _wrapping(value: Expr, factor: int, term: int) -> Expr:
    """value * factor + term modulo 2^32. By 64 bits, since TVM promises LLVM that unsigned products do not overflow."""
    wide = T.Cast("uint64", value) * T.Cast("uint64", T.uint32(factor)) + T.Cast("uint64", T.uint32(term))
    return bind(T.Cast("uint32", T.bitwise_and(wide, T.Cast("uint64", T.uint32(0xFFFFFFFF)))))


def _uniform(state: Memory) -> Expr:
    """u in [0, 1) from seed = state[3] and step = state[2]: 24 bits of pcg(pcg(seed) xor step)."""
    seed, step = state.load("uint32", 12), state.load("uint32", 8)
    bits = _pcg(T.bitwise_xor(_pcg(seed), step))
    return T.Cast("float32", T.Cast("int32", T.shift_right(bits, T.uint32(8)))) * f32(2.0**-24)
