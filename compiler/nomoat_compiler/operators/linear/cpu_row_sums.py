"""Sums of the rows of a matrix of 8-bit weights:  sums[n] = sum_k W[n, k]

W in blocks (blocks.py), sums (4 * n_blocks,) float32, within 1e-6 * K * max|W|. Once, when a model is imported.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from ..cpu.blocks import COLUMNS, ROWS, Format
from ..cpu.emit import (
    HALF_SCALE,
    Expr,
    Memory,
    Register,
    bind,
    function,
    loop,
    pair_sums,
    splat_f32,
    sum_of,
)
from .cpu_block_product import Scales
from .cpu_fine_product import centred_zero


def row_sums(layout: Format) -> Any:
    """row_sums_<format>(w, sums, k_blocks, n_blocks, zero)"""
    assert layout.bits == 8

    def body(w: Memory, sums: Memory, k_blocks: Expr, n_blocks: Expr, zero: Expr) -> None:
        zeros = bind(centred_zero(layout, zero) * splat_f32(COLUMNS))
        with loop(0, n_blocks) as row:
            total = Register(splat_f32(0), "float32x4")
            with loop(0, k_blocks) as block:
                weights = w.at((row * k_blocks + block) * layout.nbytes)
                integers = sum_of([bind(pair_sums("int16x8", weights.load("int8", 16 * j, 16))) for j in range(8)])
                scales = Scales(layout, weights)
                result = (T.Cast("float32x4", pair_sums("int32x4", integers)) - zeros) * scales.scale
                if scales.minimum is not None:
                    result = result + scales.minimum * splat_f32(COLUMNS)
                total.add(result)
            factor = splat_f32(HALF_SCALE if layout.half else 1)
            sums.store("float32", row * (ROWS * 4), total.get() * factor, 4)

    return function(f"row_sums_{layout.name}", ("w", "sums"), ("k_blocks", "n_blocks", "zero"), body)
