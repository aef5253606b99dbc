"""Random sampling on the GPU: penalties, temperature, top-k, top-p, min-p, and the race, without a sort.

penalize:  l = logits; count > 0: l /= r if l > 0 else l *= r; l -= f*count + p*(count > 0); weights = l / temperature
draw:      w = exp(weights - max), 0 below e^-87; keep w >= threshold; the least E_i / w_i wins (gpu_race.py)

Three passes over the vocabulary: penalize; w with, where there is a top-k or top-p, a histogram of its bits; and what
may be kept is put into a list, or races at once where nothing filters. All else is about that list.

The filters are all thresholds on w, since w orders the tokens: top-k keeps the largest t with count(w >= t) >= k,
top-p the largest t with sum(w >= t) >= top_p * sum(kept by top-k), min-p is t = min_p (the largest w is 1). Each is
found by its bits, as non-negative floats order like theirs: eleven, then ten, then ten more, from histograms
(gpu_threshold.py). Counts and sums in them are integers, so neither depends on an order; ties at a threshold are kept.

Where one of the weights is NaN before ``exp``, or the largest is not finite, there is no token: -1 goes into
``tokens``, and token_id and the counts stay. As in argmax, that is seen on integers.

logits, weights (vocab_size,) float32; token_counts (vocab_size,) int32; sampling (8,) float32; tops, the largest order
of each of penalize's workgroups; kept_bits and kept_ids (vocab_size,), the list in any order.
Against the NumPy sampler (reference/sampling.py) the token is equal unless two are within 1e-5 of each other in the
race, or a sum within 1e-5 of top_p: floats are rounded elsewhere.
"""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from ...expression import ceil_div
from ...program.fixed_buffers import TOKEN_RING
from ..gpu.best_of import THREADS, Best
from ..gpu.counters import Counters
from ..gpu.emit import Argument, Buffers, Register, Thread, barrier, bind, f32, function, storage_barrier, store
from ..gpu.operator import Expr, GpuOperator, Kernel, Scratch, Stage, Symbols, Variant
from ..sample_greedy.gpu import NO_TOKEN, ORDER_OF_ZERO, advance_state, is_finite, order
from .gpu_race import Race
from .gpu_threshold import BINS, COUNTERS, FIRST_SHIFT, Threshold

PENALIZED = 4  # token ids of an invocation of penalize
LOADS = 8  # weights of an invocation in flight
LOWEST_EXPONENT = -87.0  # e^-88 is no normal float32
TOPS = ceil_div("vocab_size", PENALIZED * THREADS)
PLACES = COUNTERS  # the counter of the list's length, after those of the histogram


def gpu() -> GpuOperator:
    return GpuOperator(
        stages=(
            Stage("penalize", (Variant("penalize", 1, _penalize),)),
            Stage("draw", (Variant("draw", 1, _draw),)),
        ),
        scratch=(
            Scratch("weights", "float32", "vocab_size"),
            Scratch("tops", "uint32", TOPS),
            Scratch("kept_bits", "uint32", "vocab_size"),
            Scratch("kept_ids", "int32", "vocab_size"),
        ),
    )


def _penalize(symbols: Symbols) -> Kernel:
    """grid: workgroups of PENALIZED * THREADS token ids, 1."""
    vocab_size, tops = symbols.integer("vocab_size"), symbols.integer("tops_length", TOPS)
    arguments = [
        Argument("logits", (vocab_size,), "float32"),
        Argument("token_counts", (vocab_size,), "int32"),
        Argument("sampling", (8,), "float32"),
        Argument("weights", (vocab_size,), "float32"),
        Argument("tops", (tops,), "uint32"),
    ]

    def body(buffers: Buffers, thread: Thread) -> None:
        best = Best()
        first = bind(thread.block_x * (PENALIZED * THREADS) + thread.index)
        # Behind the vocabulary the last one is read again, which changes nothing.
        indices = [bind(T.min(first + part * THREADS, vocab_size - 1)) for part in range(PENALIZED)]
        logits = [bind(buffers["logits"][index]) for index in indices]
        counts = [bind(buffers["token_counts"][index]) for index in indices]
        for index, logit, count in zip(indices, logits, counts, strict=True):
            weight = bind(_penalized(logit, count, buffers["sampling"]))
            store(buffers["weights"], weight, index)
            best.consider(order(weight), index)
        best.join(thread)
        with T.If(thread.index == 0), T.Then():
            store(buffers["tops"], best.key.get(), thread.block_x)

    return function("penalize", arguments, (TOPS, 1), THREADS, body)


def _penalized(logit: Expr, count: Expr, sampling: Expr) -> Expr:
    value = Register(initial=logit)
    with T.If(count > 0), T.Then():
        repeated = T.Select(logit > f32(0), logit / sampling[4], logit * sampling[4])
        value.set(repeated - sampling[6] * T.Cast("float32", count) - sampling[5])
    # NaN and infinities pass by the arithmetic, which need not keep them.
    bits = bind(T.reinterpret("uint32", logit))
    exponent = T.uint32(0x7F800000)
    weight = T.reinterpret("uint32", value.get() / sampling[0])
    return T.reinterpret("float32", T.Select(T.bitwise_and(bits, exponent) == exponent, bits, weight))


def _draw(symbols: Symbols) -> Kernel:
    """One workgroup; grid: 1, 1."""
    vocab_size, tops = symbols.integer("vocab_size"), symbols.integer("tops_length", TOPS)
    steps = symbols.integer("steps", ceil_div("vocab_size", LOADS * THREADS))
    top_steps = symbols.integer("top_steps", ceil_div(TOPS, THREADS))
    counters = Counters(symbols, COUNTERS + 1)
    arguments = [
        Argument("weights", (vocab_size,), "float32"),
        Argument("tops", (tops,), "uint32"),
        Argument("sampling", (8,), "float32"),
        Argument("token_counts", (vocab_size,), "int32"),
        Argument("state", (8,), "int32"),
        Argument("tokens", (TOKEN_RING,), "int32"),
        Argument("kept_bits", (vocab_size,), "uint32"),
        Argument("kept_ids", (vocab_size,), "int32"),
    ]

    def body(buffers: Buffers, thread: Thread) -> None:
        told = T.alloc_buffer((1,), "uint32", scope="shared")
        weights, sampling = buffers["weights"], buffers["sampling"]
        best = Best()
        with T.serial(top_steps) as step:
            index = bind(T.min(step * THREADS + thread.index, tops - 1))
            best.consider(bind(buffers["tops"][index]), index)
        best.join(thread)
        with T.If(thread.index == 0), T.Then():
            store(told, best.key.get(), 0)
        barrier()
        largest = bind(told[0])
        maximum = bind(_number(largest))
        best.reset()

        top_k, top_p = bind(sampling[1]), bind(sampling[2])
        counts = bind(T.Cast("int32", T.And(top_k > f32(0), top_k < T.Cast("float32", vocab_size)))) != 0
        sums = bind(T.Cast("int32", top_p < f32(1))) != 0
        filters = T.Or(counts, sums)
        threshold = Threshold(counters, thread)

        with T.serial(steps) as step:
            indices = _indices(step, thread, vocab_size)
            values = [bind(weights[T.min(index, vocab_size - 1)]) for index in indices]
            for index, value in zip(indices, values, strict=True):
                with T.If(index < vocab_size), T.Then():
                    w = bind(_weight(value, largest, maximum))
                    store(weights, w, index)
                    bits = bind(T.reinterpret("uint32", w))
                    with T.If(T.And(filters, bits > T.uint32(0))), T.Then():
                        threshold.count(T.Cast("int32", T.shift_right(bits, T.uint32(FIRST_SHIFT))), bits, counts)
        barrier()
        with T.If(filters), T.Then():
            threshold.find(T.int32(0), top_k, top_p, counts)

        # What an invocation wrote it may read: the same token ids are its own in every pass.
        race = Race(buffers["state"], best)
        edge = bind(T.max(threshold.low.get(), T.uint32(1)))
        unfiltered = bind(T.max(edge, T.reinterpret("uint32", sampling[3])))
        with T.serial(steps) as step:
            indices = _indices(step, thread, vocab_size)
            values = [bind(T.reinterpret("uint32", weights[T.min(index, vocab_size - 1)])) for index in indices]
            for index, bits in zip(indices, values, strict=True):
                with T.If(T.And(index < vocab_size, bits >= edge)), T.Then(), T.If(filters):
                    with T.Then():
                        place = bind(T.Cast("int32", counters.add(T.int32(PLACES), T.uint32(1))))
                        store(buffers["kept_bits"], bits, place)
                        store(buffers["kept_ids"], index, place)
                    with T.Else(), T.If(bits >= unfiltered), T.Then():
                        race.enter(index, bits)
        storage_barrier()

        length = bind(T.Cast("int32", counters.value(T.int32(PLACES))))
        with T.If(counts), T.Then():
            threshold.refine(buffers["kept_bits"], length, T.int32(1), top_k, top_p, counts)
            # Of what top-k leaves top-p begins anew.
            threshold.keep()
        with T.If(sums), T.Then():
            first = T.Select(counts, T.int32(0), T.int32(1))
            threshold.refine(buffers["kept_bits"], length, first, top_k, top_p, T.bool(False))
        level = bind(T.max(threshold.low.get(), T.reinterpret("uint32", sampling[3])))
        with T.serial(bind(T.shift_right(length + (THREADS - 1), 8))) as step:
            place = bind(step * THREADS + thread.index)
            with T.If(place < length), T.Then():
                bits = bind(buffers["kept_bits"][place])
                with T.If(bits >= level), T.Then():
                    race.enter(bind(buffers["kept_ids"][place]), bits)
        best.join(thread)
        with T.If(thread.index == 0), T.Then():
            chosen = bind(best.index.get())
            finite = is_finite(largest)
            with T.If(finite), T.Then():
                store(buffers["token_counts"], buffers["token_counts"][chosen] + 1, chosen)
            advance_state(buffers, T.Select(finite, chosen, T.int32(NO_TOKEN)))

    assert BINS >= (0x3F800000 >> FIRST_SHIFT) + 1  # the bin of w = 1
    return function("draw", arguments, (1, 1), THREADS, body)


def _indices(step: Expr, thread: Thread, vocab_size: Expr) -> list[Expr]:
    """The token ids of an invocation in one step, neighbours beside neighbours."""
    first = bind(step * (LOADS * THREADS) + thread.index)
    return [bind(first + load * THREADS) for load in range(LOADS)]


def _weight(value: Expr, largest: Expr, maximum: Expr) -> Expr:
    """w: exactly 1 of the largest, however exp rounds."""
    key = order(value)
    difference = bind(value - maximum)
    inside = T.And(key > T.uint32(0), difference > f32(LOWEST_EXPONENT))
    w = bind(T.min(T.exp(T.max(difference, f32(LOWEST_EXPONENT))), f32(1)))
    return T.Select(key == largest, f32(1), T.Select(inside, w, f32(0)))


def _number(key: Expr) -> Expr:
    """The float32 of which ``key`` is the order."""
    zero = T.uint32(ORDER_OF_ZERO)
    below = T.bitwise_or(zero - key, T.uint32(0x80000000))
    return T.reinterpret("float32", T.Select(key >= zero, key - zero, below))
