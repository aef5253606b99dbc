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

from functools import partial
from typing import Any

from tvm.script.ir_builder import tirx as T

from .emit import (
    Build,
    Expr,
    Memory,
    Register,
    absolute,
    bind,
    f32,
    horizontal_max,
    horizontal_sum,
    loop,
    offset,
    round_to_int,
    splat_f32,
    splat_i32,
    steps_per,
    sum_of,
)
from .quantize_activations import each_block, own_token, split_tokens, store_bytes, store_words

HEAD_BYTES = 16
BLOCK_BYTES = 68
SUM = 64
PEAK = 2047
PART_BITS = 6


def excess(build: Build) -> int:
    """What is stored more than q."""
    return 1 << (2 * PART_BITS - 1) if build.relaxed else 0


def quantize_fine(build: Build) -> Any:
    """quantize_fine(x, fine, n, columns, k_blocks, thread, threads)"""
    row = partial(_quantize_row, build)
    return split_tokens("quantize_fine", row, lambda k_blocks: HEAD_BYTES + k_blocks * BLOCK_BYTES)


def quantize_fine_own(build: Build) -> Any:
    """quantize_fine_own(x, fine, x_stride, stride, columns, k_blocks, thread, threads); x_stride 0: one x for all."""
    return own_token("quantize_fine_own", partial(_quantize_row, build))


def _quantize_row(
    build: Build, x: Memory, start: Expr, fine: Memory, target: Expr, columns: Expr, k_blocks: Expr
) -> None:
    largest = Register(splat_f32(0), "float32x4")
    with loop(0, T.truncdiv(columns, 4)) as i:
        largest.set(T.max(largest.get(), absolute(x.load("float32", start + i * 16, 4))))
    peak = horizontal_max(largest.get())
    fine.store("float32", target, peak * f32(1 / PEAK))
    inverse = steps_per(peak, PEAK)

    def store(block: Expr, values: list[Expr]) -> None:
        _store_block(build, values, inverse, fine, offset(target + HEAD_BYTES + block * BLOCK_BYTES))

    each_block(x, start, columns, k_blocks, store)


def _store_block(build: Build, values: list[Expr], inverse: Expr, fine: Memory, at: Expr) -> None:
    integers = [bind(round_to_int(value * inverse) + splat_i32(excess(build))) for value in values]
    if build.relaxed:
        low = [bind(T.bitwise_and(integer, splat_i32((1 << PART_BITS) - 1))) for integer in integers]
        store_bytes(fine, at, low)
        store_bytes(fine, at + 32, [bind(T.shift_right(integer, splat_i32(PART_BITS))) for integer in integers])
    else:
        store_words(fine, at, integers)
    fine.store("float32", at + SUM, horizontal_sum(T.Cast("float32x4", sum_of(integers))))
