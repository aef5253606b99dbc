"""Rows of the embedding:  y[t, :] = scale * W[ids[t], :]

ids (n,) int32; W in blocks (blocks.py) or plain numbers, row by row; y (n, columns) float32. Exact but for
the roundings of q * scale + minimum and of its product with the factor. Tokens are shared among threads.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from ...scheme import QUAD_FIELDS
from ..cpu.blocks import COLUMNS, FORMATS, ROWS, Format, codebook_zero
from ..cpu.emit import (
    HALF_SCALE,
    Build,
    Expr,
    Memory,
    as_type,
    bind,
    f32,
    function,
    loop,
    offset,
    share,
    splat,
    swizzle,
    to_f32,
    when,
)
from ..cpu.plain_numbers import DTYPES, ITEM_BYTES, load4
from ..cpu.quads import NIBBLE_FIELDS, codebook_table, header_bytes, header_place


def kernels(build: Build) -> list[Any]:
    """A kernel for each way in which a table is stored."""
    grouped = [embed(layout) if layout.plain else quad_embed(build, layout) for layout in FORMATS]
    return [*grouped, *(float_embed(dtype) for dtype in DTYPES)]


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


def quad_embed(build: Build, layout: Format) -> Any:
    """The same of the formats that cpu_quad_product.py multiplies."""
    fields = QUAD_FIELDS.get(layout.bits, NIBBLE_FIELDS)

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
        factor = bind(splat(T.reinterpret("float32", scale_bits)))
        begin, end = share(n.load("int32", 0), thread, threads)
        header = header_bytes(layout, k_blocks)
        table = codebook_table(layout) if layout.codebook else None
        zero_point = bind(splat(T.Cast("float32", codebook_zero(layout.codebook) if layout.codebook else zero)))
        with loop(begin, end) as token:
            row = ids.load("int32", token * 4)
            inside = bind(T.bitwise_and(row, ROWS - 1))
            start = bind(T.shift_right(row, 2) * (header + k_blocks * layout.nbytes))
            with loop(0, k_blocks) as block:
                at = offset(start + header + block * layout.nbytes)
                scales = _row_scales(w, layout, start + header_place(layout, block), at, inside)
                for quad, pieces in enumerate(fields):
                    column = bind(block * COLUMNS + 4 * quad)
                    with when(column < columns):
                        q, low = T.uint32(0), 0
                        for word, bit, width in pieces:
                            moved = T.shift_right(w.load("uint32", at + 16 * word + inside * 4), T.uint32(bit))
                            piece = T.bitwise_and(moved, T.uint32(((1 << width) - 1) * 0x01010101))
                            q, low = T.bitwise_or(q, T.shift_left(piece, T.uint32(low))), low + width
                        octets = as_type("uint8x16", bind(T.broadcast(q, 4)))
                        if table is not None:
                            octets = bind(swizzle(build, table, octets))
                        numbers = T.Cast("float32x4", T.Cast("int32x4", T.Shuffle([octets], [0, 1, 2, 3])))
                        scale, low_value = scales[quad * 4 // layout.group_size]
                        if low_value is None:
                            value = (numbers - zero_point) * splat(scale)
                        else:
                            value = numbers * splat(scale) + splat(low_value)
                        y.store("float32", (token * columns + column) * 4, bind(value * factor), 4)

    scalars = ("columns", "scale_bits", "k_blocks", "zero", "thread", "threads")
    return function(f"embed_{layout.name}", ("ids", "w", "y", "n"), scalars, body)


def _row_scales(w: Memory, layout: Format, header: Expr, block: Expr, inside: Expr) -> list[tuple[Expr, Expr | None]]:
    """Scale and minimum of each group of a block, of row ``inside`` of its four."""
    at = block + layout.weight_bytes
    if layout.scales == "bfloat":
        bits = T.Cast("uint32", w.load("uint16", at + inside * 2))
        return [(bind(T.reinterpret("float32", T.shift_left(bits, T.uint32(16)))), None)]
    if not layout.integer:
        place = inside * (2 if layout.half else 4)
        low = _scale(w, layout, at + layout.scale_bytes + place) if layout.minimum else None
        return [(_scale(w, layout, at + place), low)]
    factors = [w.load("float32", header + 16 * part + inside * 4) for part in range(layout.parts)]
    found: list[tuple[Expr, Expr | None]] = []
    for group in range(layout.groups):
        if layout.scales == "uint4":
            both = T.Cast("int32", w.load("uint8", at + group * ROWS + inside))
            integers = [T.bitwise_and(both, 15), T.shift_right(both, 4)]
        else:
            places = [(group * layout.parts + part) * ROWS for part in range(layout.parts)]
            integers = [T.Cast("int32", w.load(layout.scales, at + place + inside)) for place in places]
        values = [bind(factor * to_f32(i)) for factor, i in zip(factors, integers, strict=True)]
        found.append((values[0], values[1] if layout.minimum else None))
    return found


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
