"""From the package's arrays to blocks (blocks.py), piece by piece as they are read; once, when a model is imported.

The package stores a matrix (rows, k_words) of uint32 words (scheme.Grouped), and its scales (rows, groups) or scales
and minimums (rows, groups, 2), or integer ones (rows, supers, words). A piece is ``count`` words or values from number
``first`` on. ``row_bytes`` are those of 4 rows, ``header`` those before their first block.
The target must be zero before. One thread.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from ...scheme import QUAD_BITS
from .blocks import COLUMNS, ROWS, SUPER_BLOCKS
from .emit import Expr, Memory, bind, function, loop, offset


def repack_weights(bits: int) -> Any:
    """repack_weights_<bits>(source, target, first, count, row_words, row_bytes, header, block_bytes)"""

    def body(
        source: Memory,
        target: Memory,
        first: Expr,
        count: Expr,
        row_words: Expr,
        row_bytes: Expr,
        header: Expr,
        block_bytes: Expr,
    ) -> None:
        with loop(0, count) as i:
            word = source.load("uint32", i * 4)
            index = bind(first + i)
            row = bind(T.truncdiv(index, row_words))
            lane = bind(T.bitwise_and(row, ROWS - 1) * 4)
            start = bind(T.truncdiv(row, ROWS) * row_bytes + header + lane)
            if bits in QUAD_BITS:
                place = bind(index - row * row_words)
                block = bind(T.truncdiv(place, bits))
                target.store("uint32", offset(start + block * block_bytes + (place - block * bits) * 16), word)
                return
            column = bind((index - row * row_words) * (32 // bits))
            within = bind(T.bitwise_and(column, COLUMNS - 1))
            base = bind(start + T.truncdiv(column, COLUMNS) * block_bytes)
            if bits == 8:
                at = offset(base + T.shift_right(within, 2) * 16)
                target.store("uint32", at, T.bitwise_xor(word, T.uint32(0x80808080)))
                return
            for part in range(2):
                nibbles = bind(T.bitwise_and(T.shift_right(word, T.uint32(16 * part)), T.uint32(0xFFFF)))
                spread = bind(
                    T.bitwise_and(T.bitwise_or(nibbles, T.shift_left(nibbles, T.uint32(8))), T.uint32(0x00FF00FF))
                )
                spread = bind(
                    T.bitwise_and(T.bitwise_or(spread, T.shift_left(spread, T.uint32(4))), T.uint32(0x0F0F0F0F))
                )
                k = within + 4 * part
                shift = T.Cast("uint32", T.shift_right(k, 4) * 4)
                at = offset(base + T.bitwise_and(T.shift_right(k, 2), 3) * 16)
                target.store("uint32", at, T.bitwise_or(target.load("uint32", at), T.shift_left(spread, shift)))

    scalars = ("first", "count", "row_words", "row_bytes", "header", "block_bytes")
    return function(f"repack_weights_{bits}", ("source", "target"), scalars, body)


def repack_scales(dtype: str, minimum: bool) -> Any:
    """repack_scales_<dtype>[_min](source, target, first, count, groups, block_bytes, weight_bytes)

    float16 stays, bfloat16 and float32 become float32. "bits16" are any 16 bits, which stay. With minimums, values
    alternate: scale, minimum.
    """
    kept = dtype in ("float16", "bits16")
    stored = 2 if kept else 4
    size = 4 if dtype == "float32" else 2

    def body(
        source: Memory,
        target: Memory,
        first: Expr,
        count: Expr,
        groups: Expr,
        block_bytes: Expr,
        weight_bytes: Expr,
    ) -> None:
        with loop(0, count) as i:
            index = bind(first + i)
            pair = bind(T.shift_right(index, 1) if minimum else index)
            row = bind(T.truncdiv(pair, groups))
            group = bind(pair - row * groups)
            block = bind((T.truncdiv(row, ROWS) * groups + group) * block_bytes + weight_bytes)
            place = bind(T.bitwise_and(row, ROWS - 1) * stored)
            if minimum:
                place = bind(place + T.bitwise_and(index, 1) * (stored * ROWS))
            at = offset(block + place)
            if kept:
                target.store("uint16", at, source.load("uint16", i * size))
            elif dtype == "float32":
                target.store("uint32", at, source.load("uint32", i * size))
            else:
                wide = T.Cast("uint32", source.load("uint16", i * size))
                target.store("uint32", at, T.shift_left(wide, T.uint32(16)))

    name = f"repack_scales_{dtype}{'_min' if minimum else ''}"
    scalars = ("first", "count", "groups", "block_bytes", "weight_bytes")
    return function(name, ("source", "target"), scalars, body)


def repack_integer_scales() -> Any:
    """repack_integer_scales(source, target, first, count, row_words, super_words, parts, integers, k_blocks, row_bytes,
    header, block_bytes, weight_bytes)

    Of (rows, supers, super_words) words: ``parts`` float32, then bytes, of which a block has ``integers``.
    """

    def body(
        source: Memory,
        target: Memory,
        first: Expr,
        count: Expr,
        row_words: Expr,
        super_words: Expr,
        parts: Expr,
        integers: Expr,
        k_blocks: Expr,
        row_bytes: Expr,
        header: Expr,
        block_bytes: Expr,
        weight_bytes: Expr,
    ) -> None:
        with loop(0, count) as i:
            index = bind(first + i)
            row = bind(T.truncdiv(index, row_words))
            place = bind(index - row * row_words)
            number = bind(T.truncdiv(place, super_words))
            word = bind(place - number * super_words)
            lane = bind(T.bitwise_and(row, ROWS - 1))
            start = bind(T.truncdiv(row, ROWS) * row_bytes)
            with T.If(word < parts):
                with T.Then():
                    at = offset(start + (number * parts + word) * (4 * ROWS) + lane * 4)
                    target.store("uint32", at, source.load("uint32", i * 4))
                with T.Else():
                    for byte in range(4):
                        which = bind((word - parts) * 4 + byte)
                        within = bind(T.truncdiv(which, integers))
                        block = bind(number * SUPER_BLOCKS + within)
                        inside = offset(start + header + block * block_bytes + weight_bytes)
                        with T.If(block < k_blocks), T.Then():
                            at = offset(inside + (which - within * integers) * ROWS + lane)
                            target.store("uint8", at, source.load("uint8", i * 4 + byte))

    scalars = (
        "first", "count", "row_words", "super_words", "parts", "integers", "k_blocks", "row_bytes", "header",
        "block_bytes", "weight_bytes",
    )  # fmt: skip
    return function("repack_integer_scales", ("source", "target"), scalars, body)


def widen(dtype: str) -> Any:
    """widen_<dtype>(source, target, first, count): float16 or bfloat16 vectors (gains, biases) to float32."""

    def body(source: Memory, target: Memory, first: Expr, count: Expr) -> None:
        with loop(0, count) as i:
            bits = T.Cast("uint32", source.load("uint16", i * 2))
            if dtype == "bfloat16":
                target.store("uint32", (first + i) * 4, T.shift_left(bits, T.uint32(16)))
            else:
                sign = T.shift_left(T.bitwise_and(bits, T.uint32(0x8000)), T.uint32(16))
                rest = T.shift_left(T.bitwise_and(bits, T.uint32(0x7FFF)), T.uint32(13))
                value = T.reinterpret("float32", T.bitwise_or(sign, rest)) * T.float32(2.0**112)
                target.store("float32", (first + i) * 4, value)

    return function(f"widen_{dtype}", ("source", "target"), ("first", "count"), body)


def copy() -> Any:
    """copy(source, target, nbytes): what needs no repacking."""

    def body(source: Memory, target: Memory, nbytes: Expr) -> None:
        with loop(0, nbytes) as i:
            target.store("uint8", i, source.load("uint8", i))

    return function("copy", ("source", "target"), ("nbytes",), body)
