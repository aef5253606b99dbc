"""Several tokens times a matrix of 4-bit weights:  y[t, n] = sum_k W[n, k] x[t, k]

x: activation blocks of ``tokens`` tokens, one after the other; W: blocks; y (tokens, 4 * n_blocks) float32.
The sums are those of gemv.py in the same order, so a token gives the same result alone or among others.

A tile of four tokens stays in the first-level cache while the thread's rows pass by; each block is taken apart once
for the tile. Threads share the rows.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from .activations import BLOCK_BYTES, result_factor
from .block_product import Activations, add_blocks
from .blocks import ROWS, Format
from .emit import Build, Expr, Memory, Register, bind, function, loop, offset, share, splat, splat_f32

TILE = 4


def gemm(build: Build, layout: Format) -> Any:
    """gemm_<format>(x, w, y, n, k_blocks, n_blocks, zero, thread, threads); ``n`` points to the number of tokens."""
    assert layout.bits == 4
    block_bytes = BLOCK_BYTES[build.relaxed]

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
    ) -> None:
        tokens = n.load("int32", 0)
        begin, end = share(n_blocks, thread, threads)
        row_stride = bind(k_blocks * layout.nbytes)
        token_stride = bind(k_blocks * block_bytes)
        zeros = bind(splat(T.Cast("float32", zero)))
        tiles = bind(T.truncdiv(tokens, TILE))

        def tile(first: Expr, size: int) -> None:
            starts = [bind((first + t) * token_stride) for t in range(size)]
            with loop(begin, end) as row:
                start = bind(row * row_stride)
                sums = [Register(splat_f32(0), "float32x4") for _ in range(size)]
                with loop(0, k_blocks) as block:
                    within = bind(block * block_bytes)
                    activations = [Activations(build, x, offset(s + within)) for s in starts]
                    base = offset(start + block * layout.nbytes)
                    totals = [s.get() for s in sums]
                    (results,) = add_blocks(build, layout, w, [base], activations, zeros, [totals])
                    for total, result in zip(sums, results, strict=True):
                        total.set(result)
                for t, total in enumerate(sums):
                    at = ((first + t) * n_blocks + row) * (ROWS * 4)
                    y.store("float32", at, total.get() * splat_f32(result_factor(layout.half)), 4)

        with loop(0, tiles) as i:
            tile(i * TILE, TILE)
        with loop(tiles * TILE, tokens) as i:
            tile(i, 1)

    scalars = ("k_blocks", "n_blocks", "zero", "thread", "threads")
    return function(f"gemm_{layout.name}", ("x", "w", "y", "n"), scalars, body)
