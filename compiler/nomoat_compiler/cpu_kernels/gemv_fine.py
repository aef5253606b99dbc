"""One token times a matrix of 8-bit weights:  y[n] = sum_k W[n, k] x[k]

x: fine activations (fine_activations.py); W: blocks (blocks.py); sums (4 * n_blocks,) float32: sum_k W[n, k];
y (4 * n_blocks,) float32. A block's integer sum is exact; it is scaled and added up in float32.
Tolerance against NumPy in float64 on the same integers: 2e-6 * K * max|x| * max|W|.

As in gemv.py the weights are read once, in several streams.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from .blocks import ROWS, Format
from .emit import Build, Expr, Memory, Register, bind, function, loop, offset, share, splat_f32
from .fine_activations import BLOCK_BYTES, HEAD_BYTES
from .fine_product import add_fine_blocks, centred_zero, finished

STREAMS = 4


def gemv_fine(build: Build, layout: Format) -> Any:
    """gemv_<format>(x, w, sums, y, x_stride, k_blocks, n_blocks, zero, thread, threads)

    Each thread has its own copy of x, ``x_stride`` bytes apart.
    """
    assert layout.bits == 8

    def body(
        x: Memory,
        w: Memory,
        sums: Memory,
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
        zeros = centred_zero(layout, zero)
        scale = x.splat("float32", own_x)
        length = bind(T.truncdiv(end - begin, STREAMS))

        def rows(first: Expr, step: Expr, streams: int) -> None:
            totals = [Register(splat_f32(0), "float32x4") for _ in range(streams)]
            starts = [bind((first + step * s) * stride) for s in range(streams)]
            with loop(0, k_blocks) as block:
                token = offset(own_x + HEAD_BYTES + block * BLOCK_BYTES)
                bases = [offset(start + block * layout.nbytes) for start in starts]
                before = [[total.get()] for total in totals]
                results = add_fine_blocks(build, layout, x, w, bases, [token], zeros, before)
                for total, (result,) in zip(totals, results, strict=True):
                    total.set(result)
            for s, total in enumerate(totals):
                row = bind(first + step * s)
                y.store("float32", row * (ROWS * 4), finished(build, layout, total.get(), sums, row, scale), 4)

        with loop(0, length) as i:
            rows(begin + i, length, STREAMS)
        with loop(begin + length * STREAMS, end) as i:
            rows(i, T.int32(0), 1)

    scalars = ("x_stride", "k_blocks", "n_blocks", "zero", "thread", "threads")
    return function(f"gemv_{layout.name}", ("x", "w", "sums", "y"), scalars, body)
