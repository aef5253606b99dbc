"""The CPU's launch plan of linear_recurrence: one kernel, which shares the channels among threads."""

from __future__ import annotations

from ..cpu.lowering import call, lowering, step

LOWERING = lowering(
    step(
        call(
            "linear_recurrence", "x.address", "decay.address", "state.address", "memory.address", "out.address",
            "n.address", "columns",
        )
    )
)  # fmt: skip
