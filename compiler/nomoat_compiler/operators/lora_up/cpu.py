"""LoRA's second product for one part of the rows:  out[t, i] = sum_r b[r, i] * h[t, r]

h, b and out are given from the part's first value on; from token to token there are h_bytes of h and row_bytes of out,
from r to r row_bytes of b. Sums in float32, in the order of r. Tolerance 1e-6 * rank * max|h| * max|b|.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from ..cpu.emit import Build, Expr, Memory, Register, bind, fma, function, loop, offset, share, splat_f32

# Groups of four rows that are computed at once: a cache line of b for each r.
TILE = 4


def kernels(build: Build) -> list[Any]:
    return [lora_up(build)]


def lora_up(build: Build) -> Any:
    """lora_up(h, b, out, n, rank, h_bytes, row_bytes, n_blocks, thread, threads)"""

    def body(
        h: Memory, b: Memory, out: Memory, n: Memory, rank: Expr, h_bytes: Expr, row_bytes: Expr, n_blocks: Expr,
        thread: Expr, threads: Expr,
    ) -> None:  # fmt: skip
        begin, end = share(n_blocks, thread, threads)
        tiles = bind(T.truncdiv(end - begin, TILE))

        def blocks(token: Expr, first: Expr, count: int) -> None:
            sums = [Register(splat_f32(0), "float32x4") for _ in range(count)]
            with loop(0, rank) as r:
                value = h.splat("float32", offset(token * h_bytes + r * 4))
                at = offset(r * row_bytes + first * 16)
                for i, total in enumerate(sums):
                    total.set(fma(build, b.load("float32", at + 16 * i, 4), value, total.get()))
            start = offset(token * row_bytes + first * 16)
            for i, total in enumerate(sums):
                out.store("float32", start + 16 * i, total.get(), 4)

        with loop(0, n.load("int32", 0)) as token:
            with loop(0, tiles) as tile:
                blocks(token, bind(begin + tile * TILE), TILE)
            with loop(begin + tiles * TILE, end) as block:
                blocks(token, block, 1)

    return function(
        "lora_up", ("h", "b", "out", "n"), ("rank", "h_bytes", "row_bytes", "n_blocks", "thread", "threads"), body
    )
