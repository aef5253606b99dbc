"""Several tokens times a quantized matrix:  y[t, n] = sum_k W[n, k] x[t, k]

x: ``tokens`` tokens, one after the other, in the form that products.py gives for the format; W: blocks; of 8-bit
formats sums (4 * n_blocks,) float32: sum_k W[n, k]; y (tokens, 4 * n_blocks) float32.
The sums are those of gemv.py in the same order, so a token gives the same result alone or among others.

A tile of four tokens stays in the first-level cache while the thread's rows pass by; each block is taken apart once
for the tile, and each word of activations is loaded once for two groups of four rows. Threads share the rows.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from ..cpu.blocks import ROWS, Format
from ..cpu.emit import Build, Expr, Memory, Place, Register, bind, function, loop, share, splat_f32
from ..cpu.quads import header_bytes, header_place
from .cpu_products import Product, product_of

TILE = 4
GROUPS_AT_ONCE = 2


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
        product: Product = kind(build, layout, zero, **more)
        header = header_bytes(layout, k_blocks)
        row_stride = bind(header + k_blocks * layout.nbytes)
        token_stride = bind(product.head_bytes + k_blocks * product.block_bytes(build))
        tiles = bind(T.truncdiv(tokens, TILE))

        def tile(first: Expr, size: int) -> None:
            own = [x.at((first + t) * token_stride) for t in range(size)]

            def rows(row: Expr, count: int) -> None:
                starts = [w.at((row + r) * row_stride) for r in range(count)]
                totals = [[Register(splat_f32(0), "float32x4") for _ in range(size)] for _ in range(count)]
                with loop(0, k_blocks) as block:
                    x_place = Place(product.head_bytes + block * product.block_bytes(build))
                    w_place = Place(header + block * layout.nbytes)
                    activations = [token.at(x_place) for token in own]
                    weights = [start.at(w_place) for start in starts]
                    headers = None
                    if layout.integer:
                        header_at = Place(header_place(layout, block))
                        headers = [start.at(header_at) for start in starts]
                    before = [[total.get() for total in group] for group in totals]
                    results = product.add(weights, activations, before, headers)
                    for group, new in zip(totals, results, strict=True):
                        for total, result in zip(group, new, strict=True):
                            total.set(result)
                for r, group in enumerate(totals):
                    for t, total in enumerate(group):
                        at = ((first + t) * n_blocks + row + r) * (ROWS * 4)
                        y.store("float32", at, product.finish(total.get(), row + r, own[t]), 4)

            pairs = bind(T.truncdiv(end - begin, GROUPS_AT_ONCE))
            with loop(0, pairs) as i:
                rows(begin + i * GROUPS_AT_ONCE, GROUPS_AT_ONCE)
            with loop(begin + pairs * GROUPS_AT_ONCE, end) as row:
                rows(row, 1)

        with loop(0, tiles) as i:
            tile(i * TILE, TILE)
        with loop(tiles * TILE, tokens) as i:
            tile(i, 1)

    scalars = ("k_blocks", "n_blocks", "zero", "thread", "threads")
    return function(f"gemm_{layout.name}", ("x", "w", *kind.pointers, "y", "n"), scalars, body)
