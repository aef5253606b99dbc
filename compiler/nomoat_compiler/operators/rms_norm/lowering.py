"""The CPU's launch plan of rms_norm: one kernel, which shares the tokens among threads."""

from __future__ import annotations

from ...expression import negation
from ..cpu.lowering import call, lowering, step

_REST = ("out.address", "n.address", "columns", "eps.float32")

LOWERING = lowering(
    step(
        call("rms_norm", "x.address", "gain.address", *_REST, when=negation("residual")),
        call("rms_norm_add", "x.address", "gain.address", "residual.address", *_REST, when="residual"),
    )
)
