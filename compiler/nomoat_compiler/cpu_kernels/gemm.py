"""Several tokens times a quantized matrix:  y[t, n] = sum_k W[n, k] x[t, k]

x: ``tokens`` tokens, one after the other, in the form that products.py gives for the format; W: blocks; of 8-bit
formats sums (4 * n_blocks,) float32: sum_k W[n, k]; y (tokens, 4 * n_blocks) float32.
The sums are those of gemv.py in the same order, so a token gives the same result alone or among others.

A tile of four tokens stays in the first-level cache while the thread's rows pass by; each block is taken apart once
for the tile. Threads share the rows.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from .blocks import ROWS, Format
from .emit import Build, Expr, Memory, Register, bind, function, loop, offset, share, splat_f32
from .products import Product, product_of

TILE = 4


def gemm(build: Build, layout: Format) -> Any:
    """gemm_<format>(x, w[, sums], y, n, k_blocks, n_blocks, zero, thread, threads); ``n`` points to how many tokens."""
    kind = product_of(layout)

    def body(
        x: Memory,
        w: Memory,
        y: Memory,
        n: Memory,
        k_blocks: Expr,
        n_blocks: Expr,
        zero: Expr,
        thread: Expr,
        threads: Expr,
        **more: Memory,
    ) -> None:
        tokens = n.load("int32", 0)
        begin, end = share(n_blocks, thread, threads)
        product: Product = kind(build, layout, x, w, zero, **more)
        row_stride = bind(k_blocks * layout.nbytes)
        token_stride = bind(product.head_bytes + k_blocks * product.block_bytes(build))
        tiles = bind(T.truncdiv(tokens, TILE))

        def tile(first: Expr, size: int) -> None:
            starts = [bind((first + t) * token_stride) for t in range(size)]
            with loop(begin, end) as row:
                start = bind(row * row_stride)
                totals = [Register(splat_f32(0), "float32x4") for _ in range(size)]
                with loop(0, k_blocks) as block:
                    within = bind(product.head_bytes + block * product.block_bytes(build))
                    blocks = [offset(s + within) for s in starts]
                    base = offset(start + block * layout.nbytes)
                    (results,) = product.add([base], blocks, [[total.get() for total in totals]])
                    for total, result in zip(totals, results, strict=True):
                        total.set(result)
                for t, total in enumerate(totals):
                    at = ((first + t) * n_blocks + row) * (ROWS * 4)
                    y.store("float32", at, product.finish(total.get(), row, starts[t]), 4)

        with loop(0, tiles) as i:
            tile(i * TILE, TILE)
        with loop(tiles * TILE, tokens) as i:
            tile(i, 1)

    scalars = ("k_blocks", "n_blocks", "zero", "thread", "threads")
    return function(f"gemm_{layout.name}", ("x", "w", *kind.pointers, "y", "n"), scalars, body)
