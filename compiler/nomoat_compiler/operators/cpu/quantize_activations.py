"""Activations to int8 blocks (activations.py).

    scale = max|x| / 127,  q = round(x / scale)     per group of 32; scale 0 gives q 0

x (n, columns) float32 -> blocks (n, k_blocks). Columns beyond ``columns`` are zero.
Exact against NumPy's float32: scale within 1e-6, q within 1 at ties.

``quantize`` splits the tokens among threads. ``quantize_own`` is for one token: every thread makes the whole result
in its own memory, ``stride`` bytes apart, which costs less than a barrier.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tvm.script.ir_builder import tirx as T

from .activations import BLOCK_BYTES, EXPONENT, HALF_SUMS, SCALE, SUM
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
    shuffle,
    splat_f32,
    steps_per,
    sum_of,
)

# row(x, start, out, target, columns, k_blocks): one token, from byte ``start`` of x to byte ``target`` of out.
Row = Callable[[Memory, Expr, Memory, Expr, Expr, Expr], None]


def quantize(build: Build) -> Any:
    """quantize(x, blocks, n, columns, k_blocks, thread, threads)"""
    row = partial(_quantize_row, build)
    return split_tokens("quantize", row, lambda k_blocks: k_blocks * BLOCK_BYTES[build.relaxed])


def quantize_own(build: Build) -> Any:
    """quantize_own(x, blocks, x_stride, stride, columns, k_blocks, thread, threads); x_stride 0: one x for all."""
    return own_token("quantize_own", partial(_quantize_row, build))


def split_tokens(name: str, row: Row, token_bytes: Callable[[Expr], Expr]) -> Any:
    """<name>(x, out, n, columns, k_blocks, thread, threads): ``n`` points to the number of tokens.

    ``token_bytes`` gives the bytes of one token in ``out`` from ``k_blocks``.
    """

    def body(x: Memory, out: Memory, n: Memory, columns: Expr, k_blocks: Expr, thread: Expr, threads: Expr) -> None:
        begin, end = share(n.load("int32", 0), thread, threads)
        with loop(begin, end) as token:
            target = bind(token * token_bytes(k_blocks))
            row(x, bind(token * columns * 4), out, target, columns, k_blocks)

    return function(name, ("x", "out", "n"), ("columns", "k_blocks", "thread", "threads"), body)


def own_token(name: str, row: Row) -> Any:
    """<name>(x, out, x_stride, stride, columns, k_blocks, thread, threads)"""

    def body(
        x: Memory,
        out: Memory,
        x_stride: Expr,
        stride: Expr,
        columns: Expr,
        k_blocks: Expr,
        thread: Expr,
        threads: Expr,
    ) -> None:
        row(x, bind(x_stride * thread), out, bind(stride * thread), columns, k_blocks)

    scalars = ("x_stride", "stride", "columns", "k_blocks", "thread", "threads")
    return function(name, ("x", "out"), scalars, body)


def _quantize_row(
    build: Build, x: Memory, start: Expr, blocks: Memory, target: Expr, columns: Expr, k_blocks: Expr
) -> None:
    def store(block: Expr, values: list[Expr]) -> None:
        _quantize_block(build, values, blocks, offset(target + block * BLOCK_BYTES[build.relaxed]))

    each_block(x, start, columns, k_blocks, store)


def each_block(
    x: Memory, start: Expr, columns: Expr, k_blocks: Expr, store: Callable[[Expr, list[Expr]], None]
) -> None:
    """store(block, its 32 values as 8 vectors). Columns beyond ``columns``, a multiple of 4, are zero."""
    whole = bind(T.truncdiv(columns, COLUMNS))
    with loop(0, whole) as block:
        at = offset(start + block * (4 * COLUMNS))
        store(block, [x.load("float32", at + 16 * v, 4) for v in range(8)])
    with loop(whole, k_blocks) as block:
        values = []
        for v in range(8):
            value = Register(splat_f32(0), "float32x4")
            column = bind(block * COLUMNS + 4 * v)
            with T.If(column < columns), T.Then():
                value.set(x.load("float32", start + column * 4, 4))
            values.append(bind(value.get()))
        store(block, values)


def _quantize_block(build: Build, values: list[Expr], blocks: Memory, at: Expr) -> None:
    largest = absolute(values[0])
    for value in values[1:]:
        largest = bind(T.max(largest, absolute(value)))
    peak = horizontal_max(largest)
    inverse = steps_per(peak, 127)
    integers = [bind(round_to_int(value * inverse)) for value in values]
    sums = [horizontal_sum(T.Cast("float32x4", sum_of(integers[4 * h : 4 * h + 4]))) for h in range(2)]
    scale = bind(peak * f32(1 / 127))
    (store_bytes if build.relaxed else store_words)(blocks, at, integers)
    factors = at + SCALE[build.relaxed]
    power = f32(EXPONENT)
    blocks.store("float32", factors, scale * power)
    blocks.store("float32", factors + SUM, scale * (sums[0] + sums[1]) * power)
    for place, half in zip(HALF_SUMS, sums, strict=True):
        blocks.store("float32", factors + place, scale * half * power)


def store_bytes(target: Memory, at: Expr, integers: list[Expr]) -> None:
    """The low bytes of 8 int32x4, in order: 32 bytes."""
    for half in range(2):
        a, b, c, d = (T.reinterpret("int8x16", v) for v in integers[4 * half : 4 * half + 4])
        low, high = (shuffle(*pair, [4 * i for i in range(8)]) for pair in ((a, b), (c, d)))
        target.store("int8", at + 16 * half, T.Shuffle([low, high], list(range(16))), 16)


def store_words(target: Memory, at: Expr, integers: list[Expr]) -> None:
    """8 int32x4 as int16, in the order of the words of activations.py: x[0], x[2], x[1], x[3] of each vector."""
    order = [0, 4, 2, 6, 8, 12, 10, 14]
    for i in range(4):
        a, b = (T.reinterpret("int16x8", v) for v in integers[2 * i : 2 * i + 2])
        target.store("int16", at + 16 * i, shuffle(a, b, order), 8)
