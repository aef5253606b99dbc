"""Learned position embedding:  out[t] = x[t] + W[min(first + state[1] + t, rows - 1)]

x, out (n, columns) float32; W (rows, columns) in its storage format. Tolerance 1e-6 relative: one multiply and two adds
per value. Three stages: the rows of the tokens, the kernel of embed that reads them, and the addition; once in a call
of a function, where a dispatch costs less than kernels for every format would add to the library.
"""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from ...expression import ceil_div
from ..embed.gpu import rows_stage
from ..gpu.emit import Argument, Buffers, Thread, bind, function, store
from ..gpu.operator import GpuOperator, Kernel, Scratch, Stage, Symbols, Variant

THREADS = 64


def gpu() -> GpuOperator:
    return GpuOperator(
        (
            Stage("position_rows", (Variant("position_rows", 1, _rows),)),
            rows_stage(scale=1),
            Stage("add_rows", (Variant("add_rows", 1, _add),)),
        ),
        (Scratch("token_ids", "int32", "n"),),
    )


def _rows(symbols: Symbols) -> Kernel:
    """One invocation per token. grid: tokens, 1. A row outside the table is left to the kernel that reads it."""
    first = symbols.integer("first")
    arguments = [Argument("state", (8,), "int32"), Argument("token_ids", (symbols.n,), "int32")]

    def body(buffers: Buffers, thread: Thread) -> None:
        token = bind(thread.block_x * THREADS + thread.index)
        with T.If(token < symbols.n), T.Then():
            store(buffers["token_ids"], first + buffers["state"][1] + token, token)

    return function("position_rows", arguments, (ceil_div("n", THREADS), 1), THREADS, body)


def _add(symbols: Symbols) -> Kernel:
    """One invocation per four values. grid: quads of a token, tokens."""
    quads = symbols.integer("quads", ["//", "columns", 4])
    arguments = [
        Argument("x", (symbols.n, quads), "float32x4"),
        Argument("out", (symbols.n, quads), "float32x4"),
    ]

    def body(buffers: Buffers, thread: Thread) -> None:
        column = bind(thread.block_x * THREADS + thread.index)
        token = thread.block_y
        with T.If(column < quads), T.Then():
            store(buffers["out"], buffers["out"][token, column] + buffers["x"][token, column], token, column)

    return function("add_rows", arguments, (ceil_div(["//", "columns", 4], THREADS), "n"), THREADS, body)
