"""Random sampling on the GPU: penalties, temperature, top-k, top-p, min-p, and the draw, without a sort.

penalize:  l = logits; count > 0: l /= r if l > 0 else l *= r; l -= f*count + p*(count > 0); weights = l / temperature
draw:      w = exp(weights - max), 0 below e^-87; keep w >= threshold; token where the running sum of kept w passes
           u * sum

The filters are all thresholds on w, since w orders the tokens: top-k keeps the largest t with count(w >= t) >= k,
top-p the largest t with sum(w >= t) >= top_p * sum(kept by top-k), min-p is t = min_p (the largest w is 1). Each is
found by bisection on the bits of w: non-negative floats order like their bits, so 31 halvings are exact, and ties at
the threshold are all kept. u comes from (seed, step) by PCG's output function (O'Neill 2014), so a draw can be
repeated and k steps need no upload.

Where one of the weights is NaN before ``exp``, or the largest is not finite, there is no token: -1 goes into
``tokens``, and token_id and the counts stay. As in argmax, that is seen on integers.

logits, weights (vocab_size,) float32; token_counts (vocab_size,) int32; sampling (8,) float32.
Against the NumPy sampler (reference/sampling.py) the token is equal unless u * sum is within 1e-5 of a boundary:
sums are taken in another order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tvm.script.ir_builder import tirx as T

from ...expression import ceil_div
from ...program.fixed_buffers import TOKEN_RING
from ..gpu.emit import Argument, Buffers, Register, Thread, barrier, bind, f32, function, storage_barrier, store
from ..gpu.operator import Expr, GpuOperator, Kernel, Scratch, Stage, Symbols, Variant
from ..sample_greedy.gpu import NO_TOKEN, ORDER_OF_ZERO, advance_state, is_finite, order

THREADS = 256
LOWEST_EXPONENT = -87.0  # e^-88 is no normal float32
ONE_BITS = 0x3F800000  # the bits of 1.0, the largest w


def gpu() -> GpuOperator:
    return GpuOperator(
        stages=(
            Stage("penalize", (Variant("penalize", 1, _penalize),)),
            Stage("draw", (Variant("draw", 1, _draw),)),
        ),
        scratch=(Scratch("weights", "float32", "vocab_size"),),
    )


def _penalize(symbols: Symbols) -> Kernel:
    """One invocation per token id; grid: token ids, 1."""
    vocab_size = symbols.integer("vocab_size")
    arguments = [
        Argument("logits", (vocab_size,), "float32"),
        Argument("token_counts", (vocab_size,), "int32"),
        Argument("sampling", (8,), "float32"),
        Argument("weights", (vocab_size,), "float32"),
    ]

    def body(buffers: Buffers, thread: Thread) -> None:
        index = bind(thread.block_x * THREADS + thread.index)
        sampling = buffers["sampling"]
        with T.If(index < vocab_size), T.Then():
            count = bind(buffers["token_counts"][index])
            logit = Register(initial=buffers["logits"][index])
            with T.If(count > 0), T.Then():
                value = bind(logit.get())
                repeated = T.Select(value > f32(0), value / sampling[4], value * sampling[4])
                logit.set(repeated - sampling[6] * T.Cast("float32", count) - sampling[5])
            # NaN and infinities pass by the arithmetic, which need not keep them.
            bits = bind(T.reinterpret("uint32", buffers["logits"][index]))
            exponent = T.uint32(0x7F800000)
            weight = T.reinterpret("uint32", logit.get() / sampling[0])
            kept = T.Select(T.bitwise_and(bits, exponent) == exponent, bits, weight)
            store(buffers["weights"], T.reinterpret("float32", kept), index)

    return function("penalize", arguments, (ceil_div("vocab_size", THREADS), 1), THREADS, body)


def _draw(symbols: Symbols) -> Kernel:
    """One workgroup; invocation i owns the token ids [i * per_thread, (i + 1) * per_thread). grid: 1, 1."""
    vocab_size = symbols.integer("vocab_size")
    per_thread = symbols.integer("per_thread", ceil_div("vocab_size", THREADS))
    arguments = [
        Argument("weights", (vocab_size,), "float32"),
        Argument("sampling", (8,), "float32"),
        Argument("token_counts", (vocab_size,), "int32"),
        Argument("state", (8,), "int32"),
        Argument("tokens", (TOKEN_RING,), "int32"),
    ]

    def body(buffers: Buffers, thread: Thread) -> None:
        shared = T.alloc_buffer((THREADS,), "float32", scope="shared")  # (THREADS,) partial results
        keys = T.alloc_buffer((THREADS,), "uint32", scope="shared")  # (THREADS,) largest order
        weights, sampling = buffers["weights"], buffers["sampling"]
        partial = Register()
        combined = Register()
        threshold = Register("uint32", initial=T.uint32(0))

        def each(visit: Callable[[Expr], None], stride: int = THREADS) -> None:
            """Visits every token id once; strided, so that neighbours read neighbours."""
            with T.serial(per_thread) as step:
                index = bind(step * stride + thread.index)
                with T.If(index < vocab_size), T.Then():
                    visit(index)

        def combine() -> None:
            """combined = the sum of every invocation's partial, the same in all of them."""
            store(shared, partial.get(), thread.index)
            barrier()
            combined.set(f32(0))
            with T.serial(THREADS) as other:
                combined.add(shared[other])
            barrier()

        def total(level: Expr, measure: Callable[[Expr], Expr]) -> None:
            """combined = the sum of measure(w) over the w at or above ``level``."""
            partial.set(f32(0))

            def visit(index: Expr) -> None:
                w = bind(weights[index])
                with T.If(T.reinterpret("uint32", w) >= level), T.Then():
                    partial.add(measure(w))

            each(visit)
            combine()

        def bisect(enough: Expr, measure: Callable[[Expr], Expr]) -> None:
            """Raises ``threshold`` to the largest level whose total still reaches ``enough``."""
            low = Register("uint32", initial=threshold.get())  # reaches it
            high = Register("uint32", initial=T.uint32(ONE_BITS + 1))  # does not
            with T.serial(31):
                middle = bind(low.get() + T.shift_right(high.get() - low.get(), T.uint32(1)))
                total(middle, measure)
                with T.If(combined.get() >= enough):
                    with T.Then():
                        low.set(middle)
                    with T.Else():
                        high.set(middle)
            threshold.set(low.get())

        largest = Register("uint32", initial=T.uint32(0))
        each(lambda index: largest.set(T.max(largest.get(), order(weights[index]))))
        store(keys, largest.get(), thread.index)
        barrier()
        with T.serial(THREADS) as other:
            largest.set(T.max(largest.get(), keys[other]))
        finite = bind(is_finite(largest.get()))
        maximum = bind(_number(largest.get()))

        def exponential(index: Expr) -> None:
            difference = bind(weights[index] - maximum)
            inside = T.And(order(weights[index]) > T.uint32(0), difference > f32(LOWEST_EXPONENT))
            w = T.exp(T.max(difference, f32(LOWEST_EXPONENT)))
            store(weights, T.Select(inside, w, f32(0)), index)

        each(exponential)
        storage_barrier()

        top_k, top_p, min_p = sampling[1], sampling[2], sampling[3]
        with T.If(T.And(top_k > f32(0), top_k < T.Cast("float32", vocab_size))), T.Then():
            bisect(top_k, lambda _: f32(1))
        with T.If(top_p < f32(1)), T.Then():
            total(threshold.get(), lambda w: w)
            # Rounding may leave every level just short of the target; the level 0 then keeps all, as it should.
            bisect(bind(combined.get() * top_p), lambda w: w)
        threshold.set(T.max(threshold.get(), T.reinterpret("uint32", min_p)))

        # The draw walks the token ids in order, so here each invocation owns a contiguous run.
        partial.set(f32(0))
        level = bind(threshold.get())
        first = bind(thread.index * per_thread)
        end = bind(T.min(first + per_thread, vocab_size))
        with T.serial(per_thread) as step:
            index = bind(first + step)
            with T.If(index < end), T.Then():
                w = bind(weights[index])
                with T.If(T.reinterpret("uint32", w) >= level), T.Then():
                    partial.add(w)
        combine()
        with T.If(thread.index == 0), T.Then():
            target = bind(_uniform(buffers["state"]) * combined.get())
            running = Register(initial=f32(0))
            owner = Register("int32", initial=T.int32(0))
            before = Register(initial=f32(0))
            with T.serial(THREADS) as other:
                # The last run with kept weight whose start is not past the target.
                with T.If(T.And(shared[other] > f32(0), running.get() <= target)), T.Then():
                    owner.set(other)
                    before.set(running.get())
                running.add(shared[other])
            token = Register("int32", initial=T.int32(0))
            running.set(before.get())
            with T.serial(per_thread) as step:
                index = bind(owner.get() * per_thread + step)
                with T.If(index < vocab_size), T.Then():
                    w = bind(weights[index])
                    kept = T.And(T.reinterpret("uint32", w) >= level, w > f32(0))
                    with T.If(T.And(kept, running.get() <= target)), T.Then():
                        token.set(index)
                        running.add(w)
            chosen = bind(token.get())
            with T.If(finite), T.Then():
                store(buffers["token_counts"], buffers["token_counts"][chosen] + 1, chosen)
            advance_state(buffers, T.Select(finite, chosen, T.int32(NO_TOKEN)))

    return function("draw", arguments, (1, 1), THREADS, body)


def _number(key: Expr) -> Expr:
    """The float32 of which ``key`` is the order."""
    zero = T.uint32(ORDER_OF_ZERO)
    below = T.bitwise_or(zero - key, T.uint32(0x80000000))
    return T.reinterpret("float32", T.Select(key >= zero, key - zero, below))


def _pcg(value: Expr) -> Expr:
    """PCG-RXS-M-XS on 32 bits: one multiply-add step and its output permutation."""
    state = bind(value * T.uint32(747796405) + T.uint32(2891336453))
    shift = T.shift_right(state, T.uint32(28)) + T.uint32(4)
    word = bind(T.bitwise_xor(T.shift_right(state, shift), state) * T.uint32(277803737))
    return bind(T.bitwise_xor(T.shift_right(word, T.uint32(22)), word))


def _uniform(state: Any) -> Expr:
    """u in [0, 1) from seed = state[3] and step = state[2]: 24 bits of pcg(pcg(seed) xor step)."""
    seed, step = T.reinterpret("uint32", state[3]), T.reinterpret("uint32", state[2])
    bits = _pcg(T.bitwise_xor(_pcg(seed), step))
    return T.Cast("float32", T.shift_right(bits, T.uint32(8))) * f32(2.0**-24)
