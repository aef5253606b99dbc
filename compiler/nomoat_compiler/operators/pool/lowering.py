"""The CPU's launch plan of pool: the mean, shared among threads, then its length."""

from __future__ import annotations

from ..cpu.lowering import call, lowering, step

LOWERING = lowering(
    step(call("pool_mean", "x.address", "out.address", "n.address", "columns", "mean")),
    step(call("pool_normalize", "out.address", "columns"), when="normalize"),
)
