"""Layer normalisation:  y = (x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps) * gain [+ bias]     (Ba et al. 2016)

x, y (n, columns) float32; gain, bias (columns,) float32; columns is a multiple of 4. Tokens are shared among threads.
The mean is taken first and the variance around it, so nothing cancels. Tolerance 2e-6 * max|x * gain|.
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
    share,
    splat,
    splat_f32,
    when,
)


def kernels(_: Build) -> list[Any]:
    """The norm is one kernel."""
    return [layer_norm()]


def layer_norm() -> Any:
    """layer_norm(x, gain, bias, y, n, columns, eps_bits, has_bias, thread, threads); has_bias 0: bias is not read."""

    def body(
        x: Memory,
        gain: Memory,
        bias: Memory,
        y: Memory,
        n: Memory,
        columns: Expr,
        eps_bits: Expr,
        has_bias: Expr,
        thread: Expr,
        threads: Expr,
    ) -> None:
        begin, end = share(n.load("int32", 0), thread, threads)
        quads = bind(T.truncdiv(columns, 4))
        count = bind(T.Cast("float32", columns))
        with loop(begin, end) as token:
            start = bind(token * columns * 4)
            total = Register(splat_f32(0), "float32x4")
            with loop(0, quads) as i:
                total.add(x.load("float32", start + i * 16, 4))
            mean = bind(splat(horizontal_sum(total.get()) / count))
            squares = Register(splat_f32(0), "float32x4")
            with loop(0, quads) as i:
                centred = bind(x.load("float32", start + i * 16, 4) - mean)
                squares.add(centred * centred)
            variance = horizontal_sum(squares.get()) / count
            factor = bind(splat(f32(1) / T.sqrt(variance + T.reinterpret("float32", eps_bits))))
            with loop(0, quads) as i:
                value = (x.load("float32", start + i * 16, 4) - mean) * factor
                scaled = Register(value * gain.load("float32", i * 16, 4), "float32x4")
                with when(has_bias != 0):
                    scaled.add(bias.load("float32", i * 16, 4))
                y.store("float32", start + i * 16, scaled.get(), 4)

    pointers = ("x", "gain", "bias", "y", "n")
    return function("layer_norm", pointers, ("columns", "eps_bits", "has_bias", "thread", "threads"), body)
