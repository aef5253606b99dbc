"""The CPU's launch plan of rms_norm: one kernel, which shares the tokens among threads."""

from __future__ import annotations

from ..cpu.lowering import call, lowering, step

LOWERING = lowering(
    step(call("rms_norm", "x.address", "gain.address", "out.address", "n.address", "columns", "eps.float32"))
)
