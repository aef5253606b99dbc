"""Activations as integers of 12 bits, one scale for a whole token: the form in which they meet 8-bit weights.

    scale = max|x| / 2047,  q = round(x / scale)

Relaxed SIMD multiplies int8 by values below 128, so q + 2048 is cut into two parts of 6 bits; what the 2048 adds to a
result is the same for every token, and is taken out with the sums of the weights' rows (row_sums.py). Plain SIMD
multiplies int16, so q stays whole.

A token: a head of 16 bytes with the scale (float32), then a block for each 32 columns:

    relaxed: 32 bytes (q + 2048) & 63, 32 bytes (q + 2048) >> 6; float32 sum of q + 2048
    plain:   32 int16 q in the order of activations.activation_word(8, ...); float32 sum of q

x (n, columns) float32; columns is a multiple of 4, and the rest of the last block is 0. q is exact against NumPy's
float32 but for ties. As in quantize_activations.py, tokens are split among threads, or each thread makes its own.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from .blocks import COLUMNS
from .emit import (
    Build,
    Expr,
    Memory,
    Register,
    absolute,
    bind,
    f32,
    function,
    horizontal_max,
    horizontal_sum,
    loop,
    offset,
    round_to_int,
    share,
    splat,
    splat_f32,
    splat_i32,
)
from .quantize_activations import block_values, store_bytes, store_words

HEAD_BYTES = 16
BLOCK_BYTES = 68
SUM = 64
PEAK = 2047
PART_BITS = 6


def excess(build: Build) -> int:
    """What is stored more than q."""
    return 1 << (2 * PART_BITS - 1) if build.relaxed else 0


def quantize_fine(build: Build) -> Any:
    """quantize_fine(x, fine, n, columns, k_blocks, thread, threads): ``n`` points to the number of tokens."""

    def body(x: Memory, fine: Memory, n: Memory, columns: Expr, k_blocks: Expr, thread: Expr, threads: Expr) -> None:
        begin, end = share(n.load("int32", 0), thread, threads)
        with loop(begin, end) as token:
            target = bind(token * (HEAD_BYTES + k_blocks * BLOCK_BYTES))
            _quantize_token(build, x, bind(token * columns * 4), fine, target, columns, k_blocks)

    return function("quantize_fine", ("x", "fine", "n"), ("columns", "k_blocks", "thread", "threads"), body)


def quantize_fine_own(build: Build) -> Any:
    """quantize_fine_own(x, fine, x_stride, stride, columns, k_blocks, thread, threads); x_stride 0: one x for all."""

    def body(
        x: Memory,
        fine: Memory,
        x_stride: Expr,
        stride: Expr,
        columns: Expr,
        k_blocks: Expr,
        thread: Expr,
        threads: Expr,
    ) -> None:
        _quantize_token(build, x, bind(x_stride * thread), fine, bind(stride * thread), columns, k_blocks)

    scalars = ("x_stride", "stride", "columns", "k_blocks", "thread", "threads")
    return function("quantize_fine_own", ("x", "fine"), scalars, body)


def _quantize_token(
    build: Build, x: Memory, start: Expr, fine: Memory, target: Expr, columns: Expr, k_blocks: Expr
) -> None:
    largest = Register(splat_f32(0), "float32x4")
    with loop(0, T.truncdiv(columns, 4)) as i:
        largest.set(T.max(largest.get(), absolute(x.load("float32", start + i * 16, 4))))
    peak = horizontal_max(largest.get())
    fine.store("float32", target, peak * f32(1 / PEAK))
    inverse = bind(splat(T.Select(peak > f32(0), f32(PEAK) / peak, f32(0))))
    whole = bind(T.truncdiv(columns, COLUMNS))
    for begin, end in ((T.int32(0), whole), (whole, k_blocks)):
        with loop(begin, end) as block:
            values = block_values(x, start, block, None if end is whole else columns)
            _store_block(build, values, inverse, fine, offset(target + HEAD_BYTES + block * BLOCK_BYTES))


def _store_block(build: Build, values: list[Expr], inverse: Expr, fine: Memory, at: Expr) -> None:
    integers = [bind(round_to_int(value * inverse) + splat_i32(excess(build))) for value in values]
    total = integers[0]
    for integer in integers[1:]:
        total = bind(total + integer)
    if build.relaxed:
        low = [bind(T.bitwise_and(integer, splat_i32((1 << PART_BITS) - 1))) for integer in integers]
        store_bytes(fine, at, low)
        store_bytes(fine, at + 32, [bind(T.shift_right(integer, splat_i32(PART_BITS))) for integer in integers])
    else:
        store_words(fine, at, integers)
    fine.store("float32", at + SUM, horizontal_sum(T.Cast("float32x4", total)))
