"""One token times a quantized matrix:  y[n] = sum_k W[n, k] x[k]

x: one token's activations, in the form that products.py gives for the format; W: blocks (blocks.py); of 8-bit formats
sums (4 * n_blocks,) float32: sum_k W[n, k] (row_sums.py); y (4 * n_blocks,) float32.
Integer products are exact; each group's sum is scaled in float32 and added up in float32. Tolerance against NumPy in
float64 on the same integers: 1e-6 * K * max|x| * max|W| with 4-bit weights, 2e-6 with 8-bit ones.

Memory is the limit, so the weights are read once, front to back, in several streams far apart (the processor's
prefetchers follow several faster than one). Relaxed sums stay in int16 for a block of 4 bits: eight products of at most
2 * 127 * 15 reach 30480.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from ..cpu.blocks import ROWS, Format
from ..cpu.emit import Build, Expr, Memory, Place, Register, bind, function, loop, share, splat_f32
from ..cpu.quads import header_bytes, header_place
from .cpu_products import Product, product_of


def gemv(build: Build, layout: Format) -> Any:
    """gemv_<format>(x, w[, sums], y, x_stride, k_blocks, n_blocks, zero, thread, threads)

    Each thread has its own copy of x, ``x_stride`` bytes apart.
    """
    kind = product_of(layout)

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
        **more: Memory,
    ) -> None:
        begin, end = share(n_blocks, thread, threads)
        token = x.at(x_stride * thread)
        header = header_bytes(layout, k_blocks)
        stride = bind(header + k_blocks * layout.nbytes)
        product: Product = kind(build, layout, zero, **more)
        length = bind(T.truncdiv(end - begin, product.streams))

        def rows(first: Expr, step: Expr, streams: int) -> None:
            totals = [Register(splat_f32(0), "float32x4") for _ in range(streams)]
            starts = [w.at((first + step * s) * stride) for s in range(streams)]
            with loop(0, k_blocks) as block:
                place = Place(header + block * layout.nbytes)
                blocks = [start.at(place) for start in starts]
                headers = None
                if layout.integer:
                    header_at = Place(header_place(layout, block))
                    headers = [start.at(header_at) for start in starts]
                activations = token.at(product.head_bytes + block * product.block_bytes(build))
                results = product.add(blocks, [activations], [[total.get()] for total in totals], headers)
                for total, (result,) in zip(totals, results, strict=True):
                    total.set(result)
            for s, total in enumerate(totals):
                row = bind(first + step * s)
                y.store("float32", row * (ROWS * 4), product.finish(total.get(), row, token), 4)

        with loop(0, length) as i:
            rows(begin + i, length, product.streams)
        with loop(begin + length * product.streams, end) as i:
            rows(i, T.int32(0), 1)

    scalars = ("x_stride", "k_blocks", "n_blocks", "zero", "thread", "threads")
    return function(f"gemv_{layout.name}", ("x", "w", *kind.pointers, "y"), scalars, body)
