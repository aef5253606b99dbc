"""The CPU's launch plan of add_position: the rows of the tokens and their values, then x is added to them."""

from __future__ import annotations

from ...expression import ceil_div, negation
from ..cpu.blocks import COLUMNS
from ..cpu.lowering import call, lowering, scratch, step, times

# The bits of the float32 1, by which embed multiplies.
ONE = 0x3F800000
_HEAD = ("ids.address", "w.address", "out.address", "n.address", "columns", ONE)

LOWERING = lowering(
    step(
        # A thread reads the rows that it numbered itself.
        call("position_rows", "state.address", "ids.address", "n.address", "first", "rows"),
        call("embed_{w.format}", *_HEAD, when=negation("scheme.grouped")),
        call("embed_{w.format}", *_HEAD, ceil_div("columns", COLUMNS), "scheme.zero", when="scheme.grouped"),
    ),
    step(call("add", "out.address", "x.address", "n.address", ["//", "columns", 4])),
    memory=(scratch("ids", times("prefill_chunk", 4)),),
)
