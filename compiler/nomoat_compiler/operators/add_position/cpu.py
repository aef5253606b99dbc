"""Learned position embedding:  out[t] = x[t] + W[min(first + state[1] + t, rows - 1)]

The rows are numbered here, read by the kernels of embed, and added to x (elementwise.py). Tokens are shared among
threads as in embed. Tolerance 1e-6 relative.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from ..cpu.emit import Build, Expr, Memory, function, loop, share


def kernels(_: Build) -> list[Any]:
    """What embed lacks."""
    return [position_rows()]


def position_rows() -> Any:
    """position_rows(state, ids, n, first, rows, thread, threads): ids (n,) int32"""

    def body(state: Memory, ids: Memory, n: Memory, first: Expr, rows: Expr, thread: Expr, threads: Expr) -> None:
        begin, end = share(n.load("int32", 0), thread, threads)
        position = state.load("int32", 4)
        with loop(begin, end) as token:
            ids.store("int32", token * 4, T.min(first + position + token, rows - 1))

    return function("position_rows", ("state", "ids", "n"), ("first", "rows", "thread", "threads"), body)
