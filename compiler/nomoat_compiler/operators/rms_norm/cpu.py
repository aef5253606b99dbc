"""RMSNorm:  y = x * gain / sqrt(mean(x^2) + eps) [+ residual]     (Zhang and Sennrich 2019)

x, residual, y (n, columns) float32; gain (columns,) float32; columns is a multiple of 4. Tolerance 2e-6 relative.

``rms_norm`` and ``rms_norm_add``, which has the residual, split the tokens among threads. ``rms_norm_own`` is for one
token: every thread makes the whole result in its own memory, ``stride`` bytes apart, which costs less than a barrier.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from ..cpu.emit import Build, Expr, Memory, Register, bind, f32, function, horizontal_sum, loop, share, splat, splat_f32


def kernels(build: Build) -> list[Any]:
    """Every kernel of the norm."""
    return [rms_norm(), rms_norm_add(), rms_norm_own()]


def rms_norm() -> Any:
    """rms_norm(x, gain, y, n, columns, thread, threads, eps)"""

    def body(
        x: Memory, gain: Memory, y: Memory, n: Memory, columns: Expr, thread: Expr, threads: Expr, eps: Expr
    ) -> None:
        begin, end = share(n.load("int32", 0), thread, threads)
        with loop(begin, end) as token:
            start = bind(token * columns * 4)
            _norm_row(x, start, gain, y, start, columns, eps)

    return function("rms_norm", ("x", "gain", "y", "n"), ("columns", "eps_bits", "thread", "threads"), _with_eps(body))


def rms_norm_add() -> Any:
    """rms_norm_add(x, gain, residual, y, n, columns, thread, threads, eps)"""

    def body(
        x: Memory,
        gain: Memory,
        residual: Memory,
        y: Memory,
        n: Memory,
        columns: Expr,
        thread: Expr,
        threads: Expr,
        eps: Expr,
    ) -> None:
        begin, end = share(n.load("int32", 0), thread, threads)
        with loop(begin, end) as token:
            start = bind(token * columns * 4)
            _norm_row(x, start, gain, y, start, columns, eps, residual)

    pointers = ("x", "gain", "residual", "y", "n")
    return function("rms_norm_add", pointers, ("columns", "eps_bits", "thread", "threads"), _with_eps(body))


def rms_norm_own() -> Any:
    """rms_norm_own(x, gain, y, stride, columns, thread, threads, eps): y (columns,) in each thread's own memory."""

    def body(
        x: Memory, gain: Memory, y: Memory, stride: Expr, columns: Expr, thread: Expr, threads: Expr, eps: Expr
    ) -> None:
        _norm_row(x, T.int32(0), gain, y, bind(stride * thread), columns, eps)

    scalars = ("stride", "columns", "eps_bits", "thread", "threads")
    return function("rms_norm_own", ("x", "gain", "y"), scalars, _with_eps(body))


def _with_eps(body: Any) -> Any:
    """Scalars are int32: eps comes as its bits."""

    def wrapped(eps_bits: Expr, **rest: Any) -> None:
        body(eps=T.reinterpret("float32", eps_bits), **rest)

    return wrapped


def _norm_row(
    x: Memory,
    start: Expr,
    gain: Memory,
    y: Memory,
    target: Expr,
    columns: Expr,
    eps: Expr,
    residual: Memory | None = None,
) -> None:
    """columns is a multiple of 4."""
    squares = Register(splat_f32(0), "float32x4")
    with loop(0, T.truncdiv(columns, 4)) as i:
        value = x.load("float32", start + i * 16, 4)
        squares.add(value * value)
    mean = horizontal_sum(squares.get()) / T.Cast("float32", columns)
    factor = bind(splat(f32(1) / T.sqrt(mean + eps)))
    with loop(0, T.truncdiv(columns, 4)) as i:
        value = x.load("float32", start + i * 16, 4) * factor * gain.load("float32", i * 16, 4)
        if residual is not None:
            value = value + residual.load("float32", start + i * 16, 4)
        y.store("float32", target + i * 16, value, 4)
