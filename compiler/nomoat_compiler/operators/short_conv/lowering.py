"""The CPU's launch plan of short_conv: one kernel, which shares the channels among threads."""

from __future__ import annotations

from ...expression import negation
from ..cpu.lowering import call, lowering, step

_REST = ("state.address", "memory.address", "out.address", "n.address", "channels", "taps")

LOWERING = lowering(
    step(
        call("short_conv", "bcx.address", "w.address", "bias.address", *_REST, 1, when="bias"),
        call("short_conv", "bcx.address", "w.address", "w.address", *_REST, 0, when=negation("bias")),
    )
)
