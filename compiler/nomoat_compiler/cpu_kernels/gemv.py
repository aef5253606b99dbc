"""One token times a matrix of 4-bit weights:  y[n] = sum_k W[n, k] x[k]

x: activation blocks (activations.py) of one token; W: blocks (blocks.py); y (4 * n_blocks,) float32.
Integer products are exact; each group's sum is scaled in float32 and added up in float32.
Tolerance against NumPy in float64 on the same int8 activations: 1e-6 * K * max|x| * max|W|.

Memory is the limit, so the weights are read once, front to back, in several streams far apart (the processor's
prefetchers follow several faster than one). Relaxed sums stay in int16 for a block: eight products of at most
2 * 127 * 15 reach 30480.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from .activations import BLOCK_BYTES, result_factor
from .block_product import Activations, add_blocks
from .blocks import ROWS, Format
from .emit import Build, Expr, Memory, Register, bind, function, loop, offset, share, splat, splat_f32

# From memory, six were 3 % faster than four, and four 25 % faster than one.
STREAMS = 6


def gemv(build: Build, layout: Format) -> Any:
    """gemv_<format>(x, w, y, x_stride, k_blocks, n_blocks, zero, thread, threads)

    Each thread has its own copy of x, ``x_stride`` bytes apart.
    """

    assert layout.bits == 4

    def body(
        x: Memory,
        w: Memory,
        y: Memory,
        x_stride: Expr,
        k_blocks: Expr,
        n_blocks: Expr,
        zero: Expr,
        thread: Expr,
        threads: Expr,
    ) -> None:
        begin, end = share(n_blocks, thread, threads)
        own_x = bind(x_stride * thread)
        stride = bind(k_blocks * layout.nbytes)
        zeros = bind(splat(T.Cast("float32", zero)))
        length = bind(T.truncdiv(end - begin, STREAMS))

        def rows(first: Expr, step: Expr, streams: int) -> None:
            sums = [Register(splat_f32(0), "float32x4") for _ in range(streams)]
            starts = [bind((first + step * s) * stride) for s in range(streams)]
            with loop(0, k_blocks) as block:
                activations = Activations(build, x, offset(own_x + block * BLOCK_BYTES[build.relaxed]))
                bases = [offset(start + block * layout.nbytes) for start in starts]
                totals = [[total.get()] for total in sums]
                for total, (result,) in zip(
                    sums, add_blocks(build, layout, w, bases, [activations], zeros, totals), strict=True
                ):
                    total.set(result)
            for s, total in enumerate(sums):
                y.store(
                    "float32", (first + step * s) * (ROWS * 4), total.get() * splat_f32(result_factor(layout.half)), 4
                )

        with loop(0, length) as i:
            rows(begin + i, length, STREAMS)
        with loop(begin + length * STREAMS, end) as i:
            rows(i, T.int32(0), 1)

    scalars = ("x_stride", "k_blocks", "n_blocks", "zero", "thread", "threads")
    return function(f"gemv_{layout.name}", ("x", "w", "y"), scalars, body)
