"""LoRA's second product:  out[t, i] = sum_r b[r, i] * h[t, part(i) * rank + r]

h (n, parts * rank), b (rank, rows), out (n, rows), all float32; sums in float32, in the order of r. Tolerance 1e-6 *
rank * max|h| * max|b|. Neighbouring invocations read neighbouring values of b; those of h, a few, come from the cache.
"""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from ...expression import Expression, ceil_div
from ..gpu.emit import Argument, Buffers, Register, Thread, bind, f32, function, store
from ..gpu.operator import GpuOperator, Kernel, Stage, Symbols, Variant
from .declaration import PARTS

THREADS = 64


def gpu() -> GpuOperator:
    return GpuOperator((Stage("lora_up", (Variant("lora_up", 1, _lora_up),)),))


def begin(part: str) -> Expression:
    """The part's first row, or one behind all rows where it is not there."""
    return ["+", part, ["*", ["==", part, 0], "rows"]]


def _lora_up(symbols: Symbols) -> Kernel:
    """One invocation for each row and token. grid: rows, tokens."""
    rows, rank = symbols.integer("rows"), symbols.integer("rank")
    begins = [symbols.integer(f"begin_{part}", begin(part)) for part in ("part_1", "part_2")]
    arguments = [
        Argument("h", (symbols.n, symbols.integer("h_values", ["*", PARTS, "rank"])), "float32"),
        Argument("b", (rank, rows), "float32"),
        Argument("out", (symbols.n, rows), "float32"),
    ]

    def body(buffers: Buffers, thread: Thread) -> None:
        row = bind(thread.block_x * THREADS + thread.index)
        with T.If(row < rows), T.Then():
            second, third = (T.Select(row >= first, rank, 0) for first in begins)
            start = bind(second + third)
            total = Register(initial=f32(0))
            with T.serial(rank) as r:
                total.add(buffers["b"][r, row] * buffers["h"][thread.block_y, start + r])
            store(buffers["out"], total.get(), thread.block_y, row)

    return function("lora_up", arguments, (ceil_div("rows", THREADS), "n"), THREADS, body)
