"""Several tokens times a matrix of 8-bit weights:  y[t, n] = sum_k W[n, k] x[t, k]

x: fine activations of ``tokens`` tokens, one after the other; W: blocks; sums (4 * n_blocks,) float32: sum_k W[n, k];
y (tokens, 4 * n_blocks) float32. The sums are those of gemv_fine.py in the same order, so a token gives the same result
alone or among others. Tiles as in gemm.py.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from .blocks import ROWS, Format
from .emit import Build, Expr, Memory, Register, bind, function, loop, offset, share, splat_f32
from .fine_activations import BLOCK_BYTES, HEAD_BYTES
from .fine_product import add_fine_blocks, centred_zero, finished
from .gemm import TILE


def gemm_fine(build: Build, layout: Format) -> Any:
    """gemm_<format>(x, w, sums, y, n, k_blocks, n_blocks, zero, thread, threads); ``n`` points to their number."""
    assert layout.bits == 8

    def body(
        x: Memory,
        w: Memory,
        sums: Memory,
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
        token_stride = bind(HEAD_BYTES + k_blocks * BLOCK_BYTES)
        zeros = centred_zero(layout, zero)
        tiles = bind(T.truncdiv(tokens, TILE))

        def tile(first: Expr, size: int) -> None:
            starts = [bind((first + t) * token_stride) for t in range(size)]
            with loop(begin, end) as row:
                start = bind(row * row_stride)
                totals = [Register(splat_f32(0), "float32x4") for _ in range(size)]
                with loop(0, k_blocks) as block:
                    within = bind(HEAD_BYTES + block * BLOCK_BYTES)
                    blocks = [offset(s + within) for s in starts]
                    base = offset(start + block * layout.nbytes)
                    before = [[total.get() for total in totals]]
                    (results,) = add_fine_blocks(build, layout, x, w, [base], blocks, zeros, before)
                    for total, result in zip(totals, results, strict=True):
                        total.set(result)
                for t, total in enumerate(totals):
                    scale = x.splat("float32", starts[t])
                    result = finished(build, layout, total.get(), sums, row, scale)
                    y.store("float32", ((first + t) * n_blocks + row) * (ROWS * 4), result, 4)

        with loop(0, tiles) as i:
            tile(i * TILE, TILE)
        with loop(tiles * TILE, tokens) as i:
            tile(i, 1)

    scalars = ("k_blocks", "n_blocks", "zero", "thread", "threads")
    return function(f"gemm_{layout.name}", ("x", "w", "sums", "y", "n"), scalars, body)
