"""RMSNorm:  out[t, i] = x[t, i] * gain[i] / sqrt(mean_j x[t, j]^2 + eps) [+ residual[t, i]]

(Zhang and Sennrich 2019, eq. 4.) x, residual (n, columns) float32, gain (columns,) float32 -> out (n, columns) float32.
Accumulates in float32; tolerance 1e-5 relative: the order of the sum differs from NumPy's pairwise one. A norm before a
matmul is folded into it in decode (linear/gpu_decode.py).
"""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from ...expression import ceil_div
from ..gpu.emit import Argument, Buffers, Register, Thread, barrier, bind, dot, f32, function, splat, store
from ..gpu.operator import GpuOperator, Kernel, Stage, Symbols, Variant

THREADS = 64


def gpu() -> GpuOperator:
    return GpuOperator((Stage("rms_norm", (Variant("rms_norm", 1, _rms_norm),)),))


def _rms_norm(symbols: Symbols) -> Kernel:
    """One workgroup per token. grid: 1, tokens."""
    quads = symbols.integer("quads", ["//", "columns", 4])
    steps = symbols.integer("steps", ceil_div(["//", "columns", 4], THREADS))
    arguments = [
        Argument("x", (symbols.n, quads), "float32x4"),
        Argument("gain", (quads,), "float32x4"),
        Argument("residual", (symbols.n, quads), "float32x4"),
        Argument("out", (symbols.n, quads), "float32x4"),
    ]

    def body(buffers: Buffers, thread: Thread) -> None:
        shared = T.alloc_buffer((THREADS,), "float32", scope="shared")  # (THREADS,) partial sums of squares
        squares = Register(initial=f32(0))
        token = thread.block_y
        with T.serial(steps) as step:
            column = bind(step * THREADS + thread.index)
            with T.If(column < quads), T.Then():
                value = bind(buffers["x"][token, column])
                squares.add(dot(value, value))
        store(shared, squares.get(), thread.index)
        barrier()
        total = Register(initial=f32(0))
        with T.serial(THREADS) as i:
            total.add(shared[i])
        mean = total.get() / T.Cast("float32", symbols.integer("columns"))
        factor = bind(T.rsqrt(mean + symbols.number("eps")))
        with T.serial(steps) as step:
            column = bind(step * THREADS + thread.index)
            with T.If(column < quads), T.Then():
                result = Register("float32x4", buffers["x"][token, column] * buffers["gain"][column] * splat(factor))
                with T.If(symbols.flag("has_residual", "residual")), T.Then():
                    result.add(buffers["residual"][token, column])
                store(buffers["out"], result.get(), token, column)

    return function("rms_norm", arguments, (1, "n"), THREADS, body)
