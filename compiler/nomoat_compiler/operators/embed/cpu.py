"""Rows of the embedding:  y[t, :] = scale * W[ids[t], :]

ids (n,) int32; W in blocks (blocks.py) or plain numbers, row by row; y (n, columns) float32. Exact but for
the roundings of q * scale + minimum and of its product with the factor. Tokens are shared among threads.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from ..cpu.blocks import COLUMNS, FORMATS, ROWS, Format
from ..cpu.emit import HALF_SCALE, Build, Expr, Memory, bind, f32, function, loop, offset, share, splat
from ..cpu.plain_numbers import DTYPES, ITEM_BYTES, load4


def kernels(build: Build) -> list[Any]:
    """A kernel for each way in which a table is stored."""
    return [*(embed(layout) for layout in FORMATS), *(float_embed(dtype) for dtype in DTYPES)]


def embed(layout: Format) -> Any:
    """embed_<format>(ids, w, y, n, columns, scale_bits, k_blocks, zero, thread, threads)"""

    def body(
        ids: Memory,
        w: Memory,
        y: Memory,
        n: Memory,
        columns: Expr,
        scale_bits: Expr,
        k_blocks: Expr,
        zero: Expr,
        thread: Expr,
        threads: Expr,
    ) -> None:
        factor = bind(T.reinterpret("float32", scale_bits))
        begin, end = share(n.load("int32", 0), thread, threads)
        with loop(begin, end) as token:
            row = ids.load("int32", token * 4)
            inside = bind(T.bitwise_and(row, ROWS - 1))
            start = bind(T.shift_right(row, 2) * (k_blocks * layout.nbytes))
            with loop(0, columns) as column:
                block = offset(start + T.shift_right(column, 5) * layout.nbytes)
                within = bind(T.bitwise_and(column, COLUMNS - 1))
                quad, byte = T.shift_right(within, 2), T.bitwise_and(within, 3)
                if layout.bits == 4:
                    # Columns 16 to 31 of a block are the high nibbles of its columns 0 to 15.
                    at = block + T.bitwise_and(quad, 3) * 16 + inside * 4 + byte
                    packed = T.Cast("int32", w.load("uint8", at))
                    q = T.bitwise_and(T.shift_right(packed, T.shift_right(quad, 2) * 4), 15)
                else:
                    q = T.Cast("int32", w.load("int8", block + quad * 16 + inside * 4 + byte)) + 128
                scale_at = block + layout.weight_bytes
                scale = _scale(w, layout, scale_at + inside * (2 if layout.half else 4))
                if layout.minimum:
                    low = _scale(w, layout, scale_at + layout.scale_bytes + inside * (2 if layout.half else 4))
                    value = T.Cast("float32", q) * scale + low
                else:
                    value = T.Cast("float32", q - zero) * scale
                y.store("float32", (token * columns + column) * 4, value * factor)

    scalars = ("columns", "scale_bits", "k_blocks", "zero", "thread", "threads")
    return function(f"embed_{layout.name}", ("ids", "w", "y", "n"), scalars, body)


def _scale(w: Memory, layout: Format, at: Expr) -> Expr:
    if not layout.half:
        return w.load("float32", at)
    bits = T.Cast("int32", w.load("int16", at))
    moved = T.bitwise_and(T.shift_left(bits, 13), -0x70000001)
    return bind(T.reinterpret("float32", moved) * f32(HALF_SCALE))


def float_embed(dtype: str) -> Any:
    """embed_<dtype>(ids, w, y, n, columns, scale_bits, thread, threads); columns is a multiple of 4."""

    def body(
        ids: Memory, w: Memory, y: Memory, n: Memory, columns: Expr, scale_bits: Expr, thread: Expr, threads: Expr
    ) -> None:
        factor = bind(T.reinterpret("float32", scale_bits))
        begin, end = share(n.load("int32", 0), thread, threads)
        with loop(begin, end) as token:
            row = ids.load("int32", token * 4)
            with loop(0, T.truncdiv(columns, 4)) as i:
                value = load4(w, dtype, offset(row * (columns * ITEM_BYTES[dtype]) + i * (4 * ITEM_BYTES[dtype])))
                y.store("float32", (token * columns + i * 4) * 4, value * splat(factor), 4)

    scalars = ("columns", "scale_bits", "thread", "threads")
    return function(f"embed_{dtype}", ("ids", "w", "y", "n"), scalars, body)
