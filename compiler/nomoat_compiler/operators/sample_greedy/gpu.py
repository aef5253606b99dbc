"""Greedy sampling:  token = the lowest index of the largest logit, then the step state moves on.

logits (vocab_size,) float32. Exact: only comparisons. One workgroup, whose invocations each have 16 logits in flight.

Where a logit is NaN, or the largest is not finite, there is no token: -1 goes into ``tokens``, and token_id stays.
WGSL lets a compiler assume that there are neither NaN nor infinities, so logits are compared as integers (``order``).
"""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from ...expression import ceil_div
from ...program.fixed_buffers import TOKEN_RING
from ..gpu.best_of import THREADS, Best
from ..gpu.emit import Argument, Buffers, Thread, bind, function, store
from ..gpu.operator import Expr, GpuOperator, Kernel, Stage, Symbols, Variant

LOADS = 16
NO_TOKEN = -1
ORDER_OF_ZERO = 0x7F800000  # the bits of infinity


def gpu() -> GpuOperator:
    return GpuOperator((Stage("argmax", (Variant("argmax", 1, _argmax),)),))


def _argmax(symbols: Symbols) -> Kernel:
    """One workgroup; grid: 1, 1."""
    vocab_size = symbols.integer("vocab_size")
    steps = symbols.integer("steps", ceil_div("vocab_size", LOADS * THREADS))
    arguments = [
        Argument("logits", (vocab_size,), "float32"),
        Argument("state", (8,), "int32"),
        Argument("tokens", (TOKEN_RING,), "int32"),
    ]

    def body(buffers: Buffers, thread: Thread) -> None:
        best = Best()
        with T.serial(steps) as step:
            first = bind(step * (LOADS * THREADS) + thread.index)
            # Behind the vocabulary the last one is read again, which changes nothing.
            indices = [bind(T.min(first + load * THREADS, vocab_size - 1)) for load in range(LOADS)]
            values = [bind(buffers["logits"][index]) for index in indices]
            for index, value in zip(indices, values, strict=True):
                best.consider(order(value), index)
        best.join(thread)
        with T.If(thread.index == 0), T.Then():
            advance_state(buffers, T.Select(is_finite(best.key.get()), best.index.get(), T.int32(NO_TOKEN)))

    return function("argmax", arguments, (1, 1), THREADS, body)


def order(value: Expr) -> Expr:
    """A uint32 that orders float32 like their values: -infinity is 0, both zeros are equal, +infinity and NaN are
    above every finite number.
    """
    bits = bind(T.reinterpret("uint32", value))
    magnitude = bind(T.bitwise_and(bits, T.uint32(0x7FFFFFFF)))
    zero = T.uint32(ORDER_OF_ZERO)
    return bind(T.Select(bits == magnitude, zero + magnitude, zero - magnitude))


def is_finite(largest: Expr) -> Expr:
    """Whether the largest of many ``order`` says that no number was NaN and that their maximum is finite."""
    return T.And(largest > T.uint32(0), largest < T.uint32(2 * ORDER_OF_ZERO))


def advance_state(buffers: Buffers, token: Expr) -> None:
    """What every sample function ends with (docs/program-interface.md); run by one invocation."""
    state = buffers["state"]
    chosen = bind(token)
    store(buffers["tokens"], chosen, T.bitwise_and(state[2], TOKEN_RING - 1))
    with T.If(chosen >= 0), T.Then():
        store(state, chosen, 0)
    store(state, state[1] + 1, 1)
    store(state, state[2] + 1, 2)
