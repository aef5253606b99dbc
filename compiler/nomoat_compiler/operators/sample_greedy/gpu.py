"""Greedy sampling:  token = the lowest index of the largest logit, then the step state moves on.

logits (vocab_size,) float32. Exact: only comparisons. Two kernels: 1,024 invocations each scan a strided part
(argmax_partial), one workgroup compares their results and writes the token (argmax_final).

Where a logit is NaN, or the largest is not finite, there is no token: -1 goes into ``tokens``, and token_id stays.
WGSL lets a compiler assume that there are neither NaN nor infinities, so logits are compared as integers (``order``).
"""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from ...expression import ceil_div
from ...program.fixed_buffers import TOKEN_RING
from ..gpu.emit import Argument, Buffers, Register, Thread, barrier, bind, function, store
from ..gpu.operator import Expr, GpuOperator, Kernel, Scratch, Stage, Symbols, Variant

PARTS = 1024
THREADS = 64
FINAL_THREADS = 256
NO_TOKEN = -1
ORDER_OF_ZERO = 0x7F800000  # the bits of infinity


def gpu() -> GpuOperator:
    return GpuOperator(
        stages=(
            Stage("argmax_partial", (Variant("argmax_partial", 1, _argmax_partial),)),
            Stage("argmax_final", (Variant("argmax_final", 1, _argmax_final),)),
        ),
        scratch=(Scratch("best_key", "uint32", PARTS), Scratch("best_index", "int32", PARTS)),
    )


def _argmax_partial(symbols: Symbols) -> Kernel:
    """Invocation p scans p, p + 1024, ...; grid: 16, 1."""
    vocab_size, steps = symbols.integer("vocab_size"), symbols.integer("steps", ceil_div("vocab_size", PARTS))
    arguments = [
        Argument("logits", (vocab_size,), "float32"),
        Argument("best_key", (PARTS,), "uint32"),
        Argument("best_index", (PARTS,), "int32"),
    ]

    def body(buffers: Buffers, thread: Thread) -> None:
        part = bind(thread.block_x * THREADS + thread.index)
        key = Register("uint32", initial=T.uint32(0))
        position = Register("int32", initial=vocab_size)
        with T.serial(steps) as step:
            index = bind(step * PARTS + part)
            with T.If(index < vocab_size), T.Then():
                candidate = order(buffers["logits"][index])
                with T.If(candidate > key.get()), T.Then():
                    key.set(candidate)
                    position.set(index)
        store(buffers["best_key"], key.get(), part)
        store(buffers["best_index"], position.get(), part)

    return function("argmax_partial", arguments, (PARTS // THREADS, 1), THREADS, body)


def _argmax_final(symbols: Symbols) -> Kernel:
    """One workgroup; grid: 1, 1."""
    vocab_size = symbols.integer("vocab_size")
    arguments = [
        Argument("best_key", (PARTS,), "uint32"),
        Argument("best_index", (PARTS,), "int32"),
        Argument("state", (8,), "int32"),
        Argument("tokens", (TOKEN_RING,), "int32"),
    ]

    def body(buffers: Buffers, thread: Thread) -> None:
        keys = T.alloc_buffer((FINAL_THREADS,), "uint32", scope="shared")
        indices = T.alloc_buffer((FINAL_THREADS,), "int32", scope="shared")
        key = Register("uint32", initial=T.uint32(0))
        position = Register("int32", initial=vocab_size)

        def consider(other_key: Expr, other_index: Expr) -> None:
            larger = other_key > key.get()
            tie = T.And(other_key == key.get(), other_index < position.get())
            with T.If(T.Or(larger, tie)), T.Then():
                key.set(other_key)
                position.set(other_index)

        for part in range(PARTS // FINAL_THREADS):
            at = bind(part * FINAL_THREADS + thread.index)
            consider(bind(buffers["best_key"][at]), bind(buffers["best_index"][at]))
        store(keys, key.get(), thread.index)
        store(indices, position.get(), thread.index)
        barrier()
        with T.If(thread.index == 0), T.Then():
            with T.serial(FINAL_THREADS) as other:
                consider(bind(keys[other]), bind(indices[other]))
            advance_state(buffers, T.Select(is_finite(key.get()), position.get(), T.int32(NO_TOKEN)))

    return function("argmax_final", arguments, (1, 1), FINAL_THREADS, body)


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
