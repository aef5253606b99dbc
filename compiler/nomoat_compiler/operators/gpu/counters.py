"""Counters in workgroup memory that many invocations add to at once: TVM has no atomic operations, so they are WGSL."""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from .emit import bind
from .operator import Expr, Symbols, WgslFunction


class Counters:
    """``count`` counters, uint32, 0 at the start of the workgroup."""

    def __init__(self, symbols: Symbols, count: int) -> None:
        symbols.use(
            WgslFunction(
                "counters",
                f"""var<workgroup> counters : array<atomic<u32>, {count}>;
fn counter_clear(i: i32) {{ atomicStore(&counters[i], 0u); }}
fn counter_add(i: i32, value: u32) -> u32 {{ return atomicAdd(&counters[i], value); }}
fn counter_value(i: i32) -> u32 {{ return atomicLoad(&counters[i]); }}
""",
            )
        )

    def clear(self, index: Expr) -> None:
        T.evaluate(T.call_extern("void", "counter_clear", index))

    def add(self, index: Expr, value: Expr) -> Expr:
        """What it was before."""
        return bind(T.call_extern("uint32", "counter_add", index, value))

    def value(self, index: Expr) -> Expr:
        return bind(T.call_extern("uint32", "counter_value", index))
