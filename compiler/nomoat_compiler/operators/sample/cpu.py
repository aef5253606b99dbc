"""The next token from the logits by penalties, temperature, top-k, top-p, min-p and a draw, without a sort.

The order and meaning of the filters, the ties and the race (cpu_race.py) are those of gpu.py, so a seed draws
the same tokens on both devices but for the rounding of sums. state, sampling, token_counts and tokens as in
docs/program-interface.md.

    penalize_share      weights = penalized logits / temperature; each slice's maximum
    exp_share           weights = exp(weights - maximum); each slice's histogram of them
    draw                thresholds and the race, on one thread

Where a logit (or weight, before ``exp``) is NaN, or the largest is not finite, there is no token: -1 goes into tokens,
and token_id and the counts stay. Maxima are therefore taken of ``order``, which has NaN above all numbers.

The vocabulary is cut into slices as in sample_greedy, so sums do not depend on the number of threads.

Weights lie in (0, 1]; a histogram has 512 bins, by the sign-less exponent and the first mantissa bit (bits >> 22):
counts (int32) and sums (float32). A threshold is found in its bin's own weights, which ``draw`` gathers, by bisection
over their bits as in the other kernel.
"""

from __future__ import annotations

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
    splat,
    splat_f32,
    splat_i32,
    when,
)
from ..cpu.exponential import exp
from ..sample_greedy.cpu import (
    BINS,
    BINS_AT,
    NO_TOKEN,
    ORDER_OF_ZERO,
    PART_BYTES,
    SLICES,
    advance,
    is_finite,
    lanes,
    order,
    slices,
)  # fmt: skip
from .cpu_race import race

NOTHING = float("-inf")  # what lies behind the vocabulary
BIN_SHIFT = 22
ONE_BITS = 0x3F800000


def kernels(build: Build) -> list[Any]:
    """The stages of sampling, in order."""
    return [penalize_share(), exp_share(build), draw()]


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
        with slices(vocab_size, thread, threads) as (part, begin, end):
            largest = Register(lanes(0), "uint32x4")
            with loop(begin, end) as i:
                index = splat(i * 4) + T.ramp(T.int32(0), 1, 4)
                logit = logits.load("float32", i * 16, 4)
                count = counts.load("int32", i * 16, 4)
                repeated = select("float32x4", logit > splat_f32(0), logit / repetition, logit * repetition)
                penalized = repeated - frequency * T.Cast("float32x4", count) - presence
                chosen = select("float32x4", count > splat_i32(0), penalized, logit)
                value = bind(chosen / temperature)
                value = bind(T.Select(index < splat(vocab_size), value, splat_f32(NOTHING)))
                key = order(as_type("uint32x4", value))
                largest.set(T.max(largest.get(), key))
                # No NaN goes on: TVM's comparisons of floats are true for it, and a histogram has no bin for it.
                value = T.Select(key < lanes(2 * ORDER_OF_ZERO), value, splat_f32(NOTHING))
                weights.store("float32", i * 16, value, 4)
            parts.store("uint32", part * PART_BYTES, horizontal_max(largest.get()))

    pointers = ("logits", "counts", "sampling", "weights", "parts")
    return function("penalize_share", pointers, ("vocab_size", "thread", "threads"), body)


def exp_share(build: Build) -> Any:
    """exp_share(weights, parts, vocab_size, thread, threads)"""

    def body(weights: Memory, parts: Memory, vocab_size: Expr, thread: Expr, threads: Expr) -> None:
        # Where the largest is not finite nothing will be drawn, and differences with a finite number stay in order.
        finite = T.max(T.min(_largest(parts), T.uint32(2 * ORDER_OF_ZERO - 1)), T.uint32(1))
        top = bind(splat(_number(bind(finite))))
        with slices(vocab_size, thread, threads) as (part, begin, end):
            bins = bind(part * PART_BYTES + BINS_AT)
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
                at, other = BINS_AT + i * 8, part * PART_BYTES + BINS_AT + i * 8
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
            chosen = race(weights, parts, state, vocab_size, bind(threshold.get()))
            finite = bind(is_finite(_largest(parts)))
            with when(finite):
                counts.store("int32", chosen * 4, counts.load("int32", chosen * 4) + 1)
            advance(state, tokens, bind(T.Select(finite, chosen, T.int32(NO_TOKEN))))

    pointers = ("weights", "parts", "sampling", "counts", "state", "tokens", "gathered")
    return function("draw", pointers, ("vocab_size", "thread", "threads"), body)


def _number(key: Expr) -> Expr:
    """The float32 of which ``key`` is the order."""
    zero = T.uint32(ORDER_OF_ZERO)
    below = T.bitwise_or(zero - key, T.uint32(0x80000000))
    return bind(T.reinterpret("float32", T.Select(key >= zero, key - zero, below)))


def _largest(parts: Memory) -> Expr:
    """The order of the largest weight, from all slices."""
    key = Register(parts.load("uint32", 0), "uint32")
    with loop(1, SLICES) as part:
        key.set(T.max(key.get(), parts.load("uint32", part * PART_BYTES)))
    return bind(key.get())


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
            inside = bind(measure(BINS_AT + index * 8))
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
