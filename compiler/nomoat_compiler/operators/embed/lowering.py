"""The CPU's launch plan of embed: one kernel, which shares the tokens among threads."""

from __future__ import annotations

from ...expression import ceil_div, negation
from ..cpu.blocks import COLUMNS
from ..cpu.lowering import call, lowering, step

# In decode the token id is state[0].
_HEAD = ("token_ids.address", "w.address", "out.address", "n.address", "columns", "scale.float32")

LOWERING = lowering(
    step(
        call("embed_{w.format}", *_HEAD, when=negation("scheme.grouped")),
        call("embed_{w.format}", *_HEAD, ceil_div("columns", COLUMNS), "scheme.zero", when="scheme.grouped"),
    )
)
