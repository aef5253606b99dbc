"""The CPU's launch plan of layer_norm: one kernel, which shares the tokens among threads."""

from __future__ import annotations

from ...expression import negation
from ..cpu.lowering import call, lowering, step

_SIZES = ("out.address", "n.address", "columns", "eps.float32")

LOWERING = lowering(
    step(
        call("layer_norm", "x.address", "gain.address", "bias.address", *_SIZES, 1, when="bias"),
        call("layer_norm", "x.address", "gain.address", "gain.address", *_SIZES, 0, when=negation("bias")),
    )
)
