"""Matrices of plain numbers: which there are, and how four of them become float32."""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from .emit import HALF_SCALE, Expr, Memory, as_type, bind, half_bits_low, splat_f32, splat_i32

DTYPES = ("float32", "float16", "bfloat16")
ITEM_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}


def load4(w: Memory, dtype: str, at: Expr) -> Expr:
    """Four numbers at byte ``at`` as float32x4."""
    if dtype == "float32":
        return w.load("float32", at, 4)
    if dtype == "float16":
        return bind(half_bits_low(w.load("int16", at, 4)) * splat_f32(HALF_SCALE))
    wide = T.Cast("int32x4", w.load("uint16", at, 4))
    return bind(as_type("float32x4", T.shift_left(wide, splat_i32(16))))
