"""LoRA's second product for one part of the rows:  out[t, i] = sum_r b[r // 2, 2 * i + r % 2] * h_scale[r] * h[t, r]

h and h_scale are given from the part's first value on, b and out from the first of the rows that are shared out; from
token to token there are h_bytes of h and row_bytes of out, from pair to pair of r b_bytes of b. Of each thread's rows
those are written that lie in [first, last) of the groups of four.

float32: sums in float32. Tolerance 1e-6 * rank * max|h * h_scale| * max|b|.
int16: b is fixed point (cpu/fixed.py). Of each CHUNK of r, h * h_scale becomes integers of PEAK at most, products are
added up exactly, and the sums of the chunks in float32: an error of at most 0.5 / PEAK * max|h * h_scale| a product.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from ..cpu.emit import (
    Build,
    Expr,
    Memory,
    absolute,
    as_type,
    bind,
    dot_i16,
    f32,
    fma,
    function,
    horizontal_max,
    lane,
    loop,
    narrow,
    offset,
    round_to_int,
    share,
    shuffle,
    splat,
    steps_per,
)
from ..cpu.fixed import FACTOR, LARGEST

# Values of r that are added up at once; rank is a multiple of 4.
CHUNK, REST = 16, 4
# A chunk's sum must stay within int32.
PEAK = (2**31 - 1) // (CHUNK * LARGEST)


def kernels(build: Build) -> list[Any]:
    return [lora_up(build, "int16"), lora_up(build, "float32")]


def lora_up(build: Build, dtype: str) -> Any:
    """lora_up_<dtype>(h, h_scale, b, out, n, rank, h_bytes, row_bytes, b_bytes, n_blocks, first, last, thread,
    threads)
    """
    make = _integers if dtype == "int16" else _floats

    def body(
        h: Memory, h_scale: Memory, b: Memory, out: Memory, n: Memory, rank: Expr, h_bytes: Expr, row_bytes: Expr,
        b_bytes: Expr, n_blocks: Expr, first: Expr, last: Expr, thread: Expr, threads: Expr,
    ) -> None:  # fmt: skip
        begin, end = share(n_blocks, thread, threads)
        low = bind(T.max(begin, first))
        count = bind(T.max(T.min(end, last) - low, 0))
        twos = bind(T.truncdiv(count, 2))
        chunks = bind(T.truncdiv(rank, CHUNK))

        def chunk(token: Expr, r: Expr, length: int, begins: bool) -> None:
            """Adds the products of ``length`` values of r to the thread's rows of a token; ``begins``: to nothing."""
            at = offset(token * h_bytes + r * 4)
            values = [
                bind(h.load("float32", at + 16 * i, 4) * h_scale.load("float32", r * 4 + 16 * i, 4))
                for i in range(length // 4)
            ]
            rows = [b.at((T.shift_right(r, 1) + pair) * b_bytes) for pair in range(length // 2)]
            total = make(build, values, rows)
            target = out.at(token * row_bytes)

            def add(block: Expr, blocks: int) -> None:
                place = offset(block * 16)
                for i in range(blocks):
                    before = None if begins else target.load("float32", place + 16 * i, 4)
                    target.store("float32", place + 16 * i, total(block, i, before), 4)

            with loop(0, twos) as two:
                add(bind(low + two * 2), 2)
            with loop(low + twos * 2, low + count) as block:
                add(block, 1)

        with loop(0, n.load("int32", 0)) as token:
            with T.If(chunks > 0):
                with T.Then():
                    chunk(token, T.int32(0), CHUNK, True)
                with T.Else():
                    chunk(token, T.int32(0), REST, True)
            with loop(1, chunks) as i:
                chunk(token, bind(i * CHUNK), CHUNK, False)
            with loop(T.max(chunks * (CHUNK // REST), 1), T.truncdiv(rank, REST)) as i:
                chunk(token, bind(i * REST), REST, False)

    scalars = ("rank", "h_bytes", "row_bytes", "b_bytes", "n_blocks", "first", "last", "thread", "threads")
    return function(f"lora_up_{dtype}", ("h", "h_scale", "b", "out", "n"), scalars, body)


def _integers(build: Build, values: list[Expr], rows: list[Memory]) -> Any:
    """total(block, i, before): what the four rows of group ``block`` + i come to, added to ``before``."""
    largest = absolute(values[0])
    for value in values[1:]:
        largest = bind(T.max(largest, absolute(value)))
    peak = horizontal_max(largest)
    inverse = steps_per(peak, PEAK)
    factor = bind(splat(peak * f32(1 / (PEAK * FACTOR))))
    integers = [bind(round_to_int(value * inverse)) for value in values]
    words = [as_type("int32x4", narrow(*pair)) for pair in zip(integers[::2], integers[1::2], strict=False)]
    if len(integers) % 2:
        words.append(as_type("int32x4", narrow(integers[-1], integers[-1])))
    words = [bind(word) for word in words]
    pairs = [bind(shuffle(words[i // 4], words[i // 4], [i % 4] * 4)) for i in range(len(rows))]

    def total(block: Expr, i: int, before: Expr | None) -> Expr:
        at = offset(block * 16)
        result = None
        for row, pair in zip(rows, pairs, strict=True):
            product = dot_i16(row.load("int16", at + 16 * i, 8), pair)
            result = product if result is None else bind(result + product)
        scaled = T.Cast("float32x4", result)
        return scaled * factor if before is None else fma(build, scaled, factor, before)

    return total


def _floats(build: Build, values: list[Expr], rows: list[Memory]) -> Any:
    factors = [bind(splat(lane(values[r // 4], r % 4))) for r in range(2 * len(rows))]

    def total(block: Expr, i: int, before: Expr | None) -> Expr:
        at = offset(block * 32)
        result = before
        for pair, row in enumerate(rows):
            low, high = (row.load("float32", at + 32 * i + 16 * part, 4) for part in range(2))
            for part in range(2):
                weight = bind(shuffle(low, high, [part + 2 * k for k in range(4)]))
                factor = factors[2 * pair + part]
                result = bind(weight * factor if result is None else fma(build, weight, factor, result))
        return result

    return total
