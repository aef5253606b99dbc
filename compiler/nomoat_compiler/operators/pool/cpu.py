"""One vector for a text:  out = mean over t of x[t], or x[0];  with normalize  out / max(||out||, 1e-12)

x (n, columns), out (columns,) float32; columns is a multiple of 4. ``pool_mean`` shares the columns among threads;
``pool_normalize`` is the work of the first one. Sums in float32, token by token: 1e-6 * max|x|.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from ..cpu.emit import (
    Build,
    Expr,
    Memory,
    Register,
    bind,
    f32,
    function,
    horizontal_sum,
    loop,
    offset,
    share,
    splat,
    splat_f32,
    when,
)

LEAST_NORM = 1e-12


def kernels(_: Build) -> list[Any]:
    """The mean and what normalises it."""
    return [pool_mean(), pool_normalize()]


def pool_mean() -> Any:
    """pool_mean(x, out, n, columns, of_all, thread, threads); of_all 0: of the first token only."""

    def body(x: Memory, out: Memory, n: Memory, columns: Expr, of_all: Expr, thread: Expr, threads: Expr) -> None:
        tokens = bind(T.Select(of_all != 0, n.load("int32", 0), T.int32(1)))
        inverse = bind(splat(f32(1) / T.Cast("float32", tokens)))
        begin, end = share(T.truncdiv(columns, 4), thread, threads)
        with loop(begin, end) as quad:
            total = Register(splat_f32(0), "float32x4")
            with loop(0, tokens) as token:
                total.add(x.load("float32", offset((token * columns + quad * 4) * 4), 4))
            out.store("float32", quad * 16, total.get() * inverse, 4)

    return function("pool_mean", ("x", "out", "n"), ("columns", "of_all", "thread", "threads"), body)


def pool_normalize() -> Any:
    """pool_normalize(out, columns, thread, threads)"""

    def body(out: Memory, columns: Expr, thread: Expr, threads: Expr) -> None:
        with when(T.And(thread == 0, threads > 0)):
            squares = Register(splat_f32(0), "float32x4")
            with loop(0, T.truncdiv(columns, 4)) as quad:
                value = out.load("float32", quad * 16, 4)
                squares.add(value * value)
            norm = T.sqrt(horizontal_sum(squares.get()))
            factor = bind(splat(f32(1) / T.max(norm, f32(LEAST_NORM))))
            with loop(0, T.truncdiv(columns, 4)) as quad:
                out.store("float32", quad * 16, out.load("float32", quad * 16, 4) * factor, 4)

    return function("pool_normalize", ("out",), ("columns", "thread", "threads"), body)
