"""RMSNorm:  out[t, i] = x[t, i] * gain[i] / sqrt(mean_j x[t, j]^2 + eps)      (Zhang and Sennrich 2019, eq. 4)

x (n, hidden_size) float32, gain (hidden_size,) -> out (n, hidden_size) float32. Accumulates in float32;
tolerance 1e-5 relative: the order of the sum differs from NumPy's pairwise one.
Only prefill uses this kernel: decode folds the norm into the matmul that follows (linear_decode).
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from ..gpu.emit import (
    Argument,
    Buffers,
    Definition,
    Expr,
    Register,
    Thread,
    barrier,
    bind,
    ceil_div,
    dot,
    f32,
    function,
    splat,
    store,
)
from ..gpu.weight_reader import VectorReader

THREADS = 64


def rms_norm(name: str, hidden_size: int, eps: float, gain_dtype: str, n: Expr) -> Any:
    """One workgroup per token. grid: 1, tokens."""
    gain = VectorReader("gain", hidden_size, gain_dtype)
    quads = hidden_size // 4
    arguments = [
        Argument("x", (n, quads), "float32x4"),
        gain.argument(by_four=True),
        Argument("out", (n, quads), "float32x4"),
    ]

    def body(buffers: Buffers, thread: Thread) -> None:
        shared = T.alloc_buffer((THREADS,), "float32", scope="shared")  # (THREADS,) partial sums of squares
        squares = Register(initial=f32(0))
        token = thread.block_y
        with T.serial(ceil_div(quads, THREADS)) as step:
            column = bind(step * THREADS + thread.index)
            with T.If(column < quads), T.Then():
                value = bind(buffers["x"][token, column])
                squares.add(dot(value, value))
        store(shared, squares.get(), thread.index)
        barrier()
        total = Register(initial=f32(0))
        with T.serial(THREADS) as i:
            total.add(shared[i])
        factor = bind(T.rsqrt(total.get() / f32(hidden_size) + f32(eps)))
        with T.serial(ceil_div(quads, THREADS)) as step:
            column = bind(step * THREADS + thread.index)
            with T.If(column < quads), T.Then():
                value = buffers["x"][token, column] * gain.load4(buffers, column) * splat(factor)
                store(buffers["out"], value, token, column)

    return function(name, arguments, (1, n), THREADS, body)


def rms_norm_definition(hidden_size: int, eps: float) -> Definition:
    return {"op": "rms_norm", "columns": hidden_size, "eps": eps}
