"""LoRA's second product:  out[t, i] = sum_r b[r // 2, 2 * i + r % 2] * h_scale[j] * h[t, j],  j = part(i) * rank + r

h (n, parts * rank), h_scale (parts * rank,), out (n, rows) float32; b (rank / 2, 2 * rows) float16 or float32; sums in
float32, in the order of r. Tolerance 1e-6 * rank * max|h * h_scale| * max|b|. Neighbouring invocations read
neighbouring values of b; those of h, a few, come from the cache.
"""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from ...expression import Expression, ceil_div
from ..gpu.emit import Argument, Buffers, Register, Thread, bind, f32, function, half, store
from ..gpu.operator import GpuOperator, Kernel, Stage, Symbols, Variant
from .declaration import PARTS

THREADS = 64


def gpu() -> GpuOperator:
    variants = (
        Variant("lora_up_float16", "scheme.float16", lambda symbols: _lora_up(symbols, "float16")),
        Variant("lora_up_float32", "scheme.float32", lambda symbols: _lora_up(symbols, "float32")),
    )
    return GpuOperator((Stage("lora_up", variants),))


def begin(part: str) -> Expression:
    """The part's first row, or one behind all rows where it is not there."""
    return ["+", part, ["*", ["==", part, 0], "rows"]]


def _lora_up(symbols: Symbols, dtype: str) -> Kernel:
    """One invocation for each row and token. grid: rows, tokens."""
    rows, rank = symbols.integer("rows"), symbols.integer("rank")
    begins = [symbols.integer(f"begin_{part}", begin(part)) for part in ("part_1", "part_2")]
    h_values = symbols.integer("h_values", ["*", PARTS, "rank"])
    pairs = symbols.integer("pairs", ["//", "rank", 2])
    arguments = [
        Argument("h", (symbols.n, h_values), "float32"),
        Argument("h_scale", (h_values,), "float32"),
        Argument("b", (pairs, rows), "uint32") if dtype == "float16" else Argument("b", (pairs, rows, 2), "float32"),
        Argument("out", (symbols.n, rows), "float32"),
    ]

    def body(buffers: Buffers, thread: Thread) -> None:
        row = bind(thread.block_x * THREADS + thread.index)
        with T.If(row < rows), T.Then():
            second, third = (T.Select(row >= first, rank, 0) for first in begins)
            start = bind(second + third)
            total = Register(initial=f32(0))
            with T.serial(pairs) as pair:
                if dtype == "float16":
                    word = bind(buffers["b"][pair, row])
                for i in range(2):
                    r = bind(start + 2 * pair + i)
                    weight = half(word, i) if dtype == "float16" else buffers["b"][pair, row, i]
                    total.add(weight * buffers["h"][thread.block_y, r] * buffers["h_scale"][r])
            store(buffers["out"], total.get(), thread.block_y, row)

    return function(f"lora_up_{dtype}", arguments, (ceil_div("rows", THREADS), "n"), THREADS, body)
