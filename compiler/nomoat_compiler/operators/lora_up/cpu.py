"""LoRA's second product for one part of the rows:  out[t, i] = sum_r b[r, i] * h_scale[r] * h[t, r]

h and h_scale are given from the part's first value on, b and out from the first of the rows that are shared out; from
token to token there are h_bytes of h and row_bytes of out, from r to r b_bytes of b. Of each thread's rows those are
written that lie in [first, last) of the groups of four. Sums in float32, of four r at a time. Tolerance 1e-6 * rank *
max|h * h_scale| * max|b|.

The rows of b are read front to back, four at a time: processors fetch ahead what is read so.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from ..cpu.emit import (
    Build,
    Expr,
    Memory,
    bind,
    fma,
    function,
    half_bits,
    half_bits_low,
    loop,
    offset,
    share,
    splat,
    splat_f32,
)

# Rows of b that are added up at once; rank is a multiple of it.
STREAMS = 4
# Halves are read as their value times 2^-112 (cpu/emit.py). Half of that is given back before the sum and half behind
# it, so that nothing in between leaves float32's range.
HALF_FACTOR = 2.0**56
DTYPES = {"float16": 2, "float32": 4}


def kernels(build: Build) -> list[Any]:
    return [lora_up(build, dtype) for dtype in DTYPES]


def lora_up(build: Build, dtype: str) -> Any:
    """lora_up_<dtype>(h, h_scale, b, out, n, rank, h_bytes, row_bytes, b_bytes, n_blocks, first, last, thread,
    threads)
    """
    size, halves = DTYPES[dtype], dtype == "float16"

    def weights(b: Memory, count: int) -> list[Expr]:
        """The next 4 * count values of a row of b, as float32x4; of halves times 2^-112."""
        if not halves:
            return [b.load("float32", 16 * i, 4) for i in range(count)]
        if count == 2:
            return list(half_bits(b.load("int16", 0, 8)))
        return [bind(half_bits_low(b.load("int16", 0, 4)))]

    def body(
        h: Memory, h_scale: Memory, b: Memory, out: Memory, n: Memory, rank: Expr, h_bytes: Expr, row_bytes: Expr,
        b_bytes: Expr, n_blocks: Expr, first: Expr, last: Expr, thread: Expr, threads: Expr,
    ) -> None:  # fmt: skip
        begin, end = share(n_blocks, thread, threads)
        low = bind(T.max(begin, first))
        count = bind(T.max(T.min(end, last) - low, 0))
        pairs = bind(T.truncdiv(count, 2))

        def rows(token: Expr, r: Expr, values: list[Expr], block: Expr, blocks: int, begins: bool) -> None:
            at = offset(token * row_bytes + block * 16)
            totals = [splat_f32(0) if begins else out.load("float32", at + 16 * i, 4) for i in range(blocks)]
            sums: list[Expr] = [splat_f32(0) for _ in range(blocks)] if halves else totals
            for i, value in enumerate(values):
                row = b.at((r + i) * b_bytes + block * (4 * size))
                found = weights(row, blocks)
                sums = [bind(fma(build, weight, value, total)) for weight, total in zip(found, sums, strict=True)]
            for i in range(blocks):
                result = fma(build, sums[i], splat_f32(HALF_FACTOR), totals[i]) if halves else sums[i]
                out.store("float32", at + 16 * i, result, 4)

        def streams(token: Expr, r: Expr, begins: bool) -> None:
            values = []
            for i in range(STREAMS):
                value = h.load("float32", offset(token * h_bytes + (r + i) * 4)) * h_scale.load("float32", (r + i) * 4)
                values.append(bind(splat(value * T.float32(HALF_FACTOR) if halves else value)))
            with loop(0, pairs) as pair:
                rows(token, r, values, low + pair * 2, 2, begins)
            with loop(low + pairs * 2, low + count) as block:
                rows(token, r, values, block, 1, begins)

        with loop(0, n.load("int32", 0)) as token:
            streams(token, T.int32(0), True)
            with loop(1, T.truncdiv(rank, STREAMS)) as group:
                streams(token, bind(group * STREAMS), False)

    scalars = ("rank", "h_bytes", "row_bytes", "b_bytes", "n_blocks", "first", "last", "thread", "threads")
    return function(f"lora_up_{dtype}", ("h", "h_scale", "b", "out", "n"), scalars, body)
