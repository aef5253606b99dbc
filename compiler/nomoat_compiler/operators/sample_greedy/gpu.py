"""Greedy sampling:  token = the lowest index of the largest logit, then the step state moves on.

logits (vocab_size,) float32. Exact: only comparisons. Two kernels: 1,024 invocations each scan a strided part
(argmax_partial), one workgroup compares their results and writes the token (argmax_final).
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from ..gpu.emit import Argument, Buffers, Expr, Register, Thread, barrier, bind, ceil_div, f32, function, store

PARTS = 1024
THREADS = 64
FINAL_THREADS = 256
TOKEN_RING = 64
LOWEST = -3.4028234663852886e38


def argmax_partial(name: str, vocab_size: int) -> Any:
    """Invocation p scans p, p + 1024, ...; grid: 16, 1."""
    arguments = [
        Argument("logits", (vocab_size,), "float32"),
        Argument("best_value", (PARTS,), "float32"),
        Argument("best_index", (PARTS,), "int32"),
    ]

    def body(buffers: Buffers, thread: Thread) -> None:
        part = bind(thread.block_x * THREADS + thread.index)
        value = Register(initial=f32(LOWEST))
        position = Register("int32", initial=T.int32(vocab_size))
        with T.serial(ceil_div(vocab_size, PARTS)) as step:
            index = bind(step * PARTS + part)
            with T.If(index < vocab_size), T.Then():
                candidate = bind(buffers["logits"][index])
                with T.If(T.Or(candidate > value.get(), position.get() == vocab_size)), T.Then():
                    value.set(candidate)
                    position.set(index)
        store(buffers["best_value"], value.get(), part)
        store(buffers["best_index"], position.get(), part)

    return function(name, arguments, (PARTS // THREADS, 1), THREADS, body)


def argmax_final(name: str, vocab_size: int) -> Any:
    """One workgroup; grid: 1, 1."""
    arguments = [
        Argument("best_value", (PARTS,), "float32"),
        Argument("best_index", (PARTS,), "int32"),
        Argument("state", (8,), "int32"),
        Argument("tokens", (TOKEN_RING,), "int32"),
    ]

    def body(buffers: Buffers, thread: Thread) -> None:
        values = T.alloc_buffer((FINAL_THREADS,), "float32", scope="shared")
        indices = T.alloc_buffer((FINAL_THREADS,), "int32", scope="shared")
        value = Register(initial=f32(LOWEST))
        position = Register("int32", initial=T.int32(vocab_size))

        def consider(other_value: Expr, other_index: Expr) -> None:
            larger = other_value > value.get()
            tie = T.And(other_value == value.get(), other_index < position.get())
            with T.If(T.Or(larger, tie)), T.Then():
                value.set(other_value)
                position.set(other_index)

        for part in range(PARTS // FINAL_THREADS):
            at = bind(part * FINAL_THREADS + thread.index)
            consider(bind(buffers["best_value"][at]), bind(buffers["best_index"][at]))
        store(values, value.get(), thread.index)
        store(indices, position.get(), thread.index)
        barrier()
        with T.If(thread.index == 0), T.Then():
            with T.serial(FINAL_THREADS) as other:
                consider(bind(values[other]), bind(indices[other]))
            advance_state(buffers, T.min(position.get(), vocab_size - 1))

    return function(name, arguments, (1, 1), FINAL_THREADS, body)


def advance_state(buffers: Buffers, token: Expr) -> None:
    """What every sample function ends with (docs/program-interface.md); run by one invocation."""
    state = buffers["state"]
    chosen = bind(token)
    store(buffers["tokens"], chosen, T.bitwise_and(state[2], TOKEN_RING - 1))
    store(state, chosen, 0)
    store(state, state[1] + 1, 1)
    store(state, state[2] + 1, 2)
