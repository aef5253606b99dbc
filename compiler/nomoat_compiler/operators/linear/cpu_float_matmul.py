"""Tokens times a matrix of plain numbers:  y[t, n] = sum_k W[n, k] x[t, k]

x (n, columns) float32, each thread's ``x_stride`` bytes further on; W (4 * n_blocks, columns) float32, float16 or
bfloat16; y (n, 4 * n_blocks) float32. columns is a multiple of 4. Sums in float32, four at a time. Tolerance 2e-6 *
columns * max|x| * max|W|.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from ..cpu.emit import (
    Build,
    Expr,
    Memory,
    Register,
    bind,
    fma,
    function,
    horizontal_sum,
    loop,
    offset,
    share,
    splat_f32,
)
from ..cpu.plain_numbers import ITEM_BYTES, load4


def float_matmul(build: Build, dtype: str) -> Any:
    """matmul_<dtype>(x, w, y, n, x_stride, columns, n_blocks, thread, threads)"""
    size = ITEM_BYTES[dtype]

    def body(
        x: Memory, w: Memory, y: Memory, n: Memory, x_stride: Expr, columns: Expr, n_blocks: Expr, thread: Expr,
        threads: Expr,
    ) -> None:  # fmt: skip
        own = x.at(x_stride * thread)
        tokens = n.load("int32", 0)
        begin, end = share(n_blocks, thread, threads)
        row_bytes = bind(columns * size)

        def tile(first: Expr, count: int) -> None:
            with loop(begin, end) as block:
                sums = [[Register(splat_f32(0), "float32x4") for _ in range(count)] for _ in range(4)]
                start = bind(block * 4 * row_bytes)
                with loop(0, T.truncdiv(columns, 4)) as i:
                    xs = [own.load("float32", offset((first + t) * columns * 4 + i * 16), 4) for t in range(count)]
                    for row in range(4):
                        numbers = load4(w, dtype, offset(start + row_bytes * row + i * (4 * size)))
                        for value, total in zip(xs, sums[row], strict=True):
                            total.set(fma(build, numbers, value, total.get()))
                for t in range(count):
                    for row in range(4):
                        at = ((first + t) * n_blocks + block) * 16 + 4 * row
                        y.store("float32", at, horizontal_sum(sums[row][t].get()))

        tiles = bind(T.truncdiv(tokens, 2))
        with loop(0, tiles) as i:
            tile(i * 2, 2)
        with loop(tiles * 2, tokens) as i:
            tile(i, 1)

    scalars = ("x_stride", "columns", "n_blocks", "thread", "threads")
    return function(f"matmul_{dtype}", ("x", "w", "y", "n"), scalars, body)
