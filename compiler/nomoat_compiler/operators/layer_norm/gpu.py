"""LayerNorm:  out[t] = (x[t] - mean(x[t])) * gain / sqrt(var(x[t]) + eps) [+ bias]      (Ba et al. 2016)

x (n, columns) float32, gain and bias (columns,) float32 -> out (n, columns) float32. The mean is taken first and the
variance around it, so nothing cancels. Accumulates in float32; tolerance 1e-5 * max|x| / sqrt(var + eps) * max|gain|:
the order of the sums differs from NumPy's pairwise one.
"""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from ...expression import ceil_div
from ..gpu.emit import Argument, Buffers, Register, Thread, barrier, bind, dot, f32, function, splat, store
from ..gpu.operator import Expr, GpuOperator, Kernel, Stage, Symbols, Variant

THREADS = 64


def gpu() -> GpuOperator:
    return GpuOperator((Stage("layer_norm", (Variant("layer_norm", 1, _layer_norm),)),))


def _layer_norm(symbols: Symbols) -> Kernel:
    """One workgroup per token. grid: 1, tokens."""
    quads = symbols.integer("quads", ["//", "columns", 4])
    steps = symbols.integer("steps", ceil_div(["//", "columns", 4], THREADS))
    arguments = [
        Argument("x", (symbols.n, quads), "float32x4"),
        Argument("gain", (quads,), "float32x4"),
        Argument("bias", (quads,), "float32x4"),
        Argument("out", (symbols.n, quads), "float32x4"),
    ]

    def body(buffers: Buffers, thread: Thread) -> None:
        shared = T.alloc_buffer((2, THREADS), "float32", scope="shared")  # (2, THREADS) partial sums of both means
        token = thread.block_y

        def mean(which: int, term: Expr) -> Expr:
            """The mean over the token of what ``term`` gives for four values of it."""
            part = Register(initial=f32(0))
            with T.serial(steps) as step:
                column = bind(step * THREADS + thread.index)
                with T.If(column < quads), T.Then():
                    part.add(term(buffers["x"][token, column]))
            store(shared, part.get(), which, thread.index)
            barrier()
            total = Register(initial=f32(0))
            with T.serial(THREADS) as i:
                total.add(shared[which, i])
            return bind(total.get() / T.Cast("float32", symbols.integer("columns")))

        def squares(values: Expr) -> Expr:
            deviation = bind(values - splat(average))
            return dot(deviation, deviation)

        average = mean(0, lambda values: dot(values, splat(f32(1))))
        factor = bind(T.rsqrt(mean(1, squares) + symbols.number("eps")))
        with T.serial(steps) as step:
            column = bind(step * THREADS + thread.index)
            with T.If(column < quads), T.Then():
                value = (buffers["x"][token, column] - splat(average)) * splat(factor)
                result = Register("float32x4", value * buffers["gain"][column])
                with T.If(symbols.flag("has_bias", "bias")), T.Then():
                    result.add(buffers["bias"][column])
                store(buffers["out"], result.get(), token, column)

    return function("layer_norm", arguments, (1, "n"), THREADS, body)
