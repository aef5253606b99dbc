"""One vector for a text:  out = mean over t of x[t], or x[0];  with normalize  out / max(||out||, 1e-12)

x (n, columns) float32 -> out (columns,) float32. Accumulates in float32; tolerance 1e-6 * max|x|, normalised 1e-6: sums
are taken in another order than NumPy's.
"""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from ...expression import ceil_div
from ..gpu.emit import Argument, Buffers, Register, Thread, barrier, bind, dot, f32, function, splat, store
from ..gpu.operator import GpuOperator, Kernel, Stage, Symbols, Variant

THREADS = 256
LEAST_NORM = 1e-12


def gpu() -> GpuOperator:
    return GpuOperator((Stage("pool", (Variant("pool", 1, _pool),)),))


def _pool(symbols: Symbols) -> Kernel:
    """One workgroup. grid: 1, 1."""
    quads = symbols.integer("quads", ["//", "columns", 4])
    steps = symbols.integer("steps", ceil_div(["//", "columns", 4], THREADS))
    arguments = [Argument("x", (symbols.n, quads), "float32x4"), Argument("out", (quads,), "float32x4")]

    def body(buffers: Buffers, thread: Thread) -> None:
        shared = T.alloc_buffer((THREADS,), "float32", scope="shared")  # (THREADS,) partial sums of squares
        tokens = bind(T.Select(symbols.flag("of_all", "mean"), symbols.n, 1))
        squares = Register(initial=f32(0))
        with T.serial(steps) as step:
            column = bind(step * THREADS + thread.index)
            with T.If(column < quads), T.Then():
                total = Register("float32x4", splat(f32(0)))
                with T.serial(tokens) as token:
                    total.add(buffers["x"][token, column])
                mean = bind(total.get() / splat(T.Cast("float32", tokens)))
                squares.add(dot(mean, mean))
                store(buffers["out"], mean, column)
        with T.If(symbols.flag("normalizes", "normalize")), T.Then():
            store(shared, squares.get(), thread.index)
            barrier()
            total = Register(initial=f32(0))
            with T.serial(THREADS) as i:
                total.add(shared[i])
            factor = bind(f32(1) / T.max(T.sqrt(total.get()), f32(LEAST_NORM)))
            # Each invocation scales what it wrote itself.
            with T.serial(steps) as step:
                column = bind(step * THREADS + thread.index)
                with T.If(column < quads), T.Then():
                    store(buffers["out"], buffers["out"][column] * splat(factor), column)

    return function("pool", arguments, (1, 1), THREADS, body)
