"""The CPU's launch plan of lora_up: one call for each part, since a part is rows that follow each other."""

from __future__ import annotations

from ...expression import Expression, conjunction
from ..cpu.blocks import ROWS
from ..cpu.lowering import Json, call, choose, lowering, plus, refusal, step, times
from .declaration import PARTS

SECOND, THIRD = ["<", 0, "part_1"], ["<", 0, "part_2"]


def part(index: int, first: Expression, end: Expression, when: Expression) -> Json:
    return call(
        "lora_up", plus("h.address", times(4 * index, "rank") if index else 0), plus("b.address", times(4, first)),
        plus("out.address", times(4, first)), "n.address", "rank", times(PARTS, "rank", 4), times("rows", 4),
        ["//", ["-", end, first], ROWS], when=when,
    )  # fmt: skip


LOWERING = lowering(
    step(
        part(0, 0, choose(SECOND, "part_1", "rows"), 1),
        part(1, "part_1", choose(THIRD, "part_2", "rows"), SECOND),
        part(2, "part_2", "rows", conjunction(SECOND, THIRD)),
    ),
    refusals=(
        refusal(
            ["<", 0, ["+", ["%", "part_1", ROWS], ["+", ["%", "part_2", ROWS], ["%", "rows", ROWS]]]],
            "an adapter of a matrix whose {rows} rows or their parts are no multiple of 4",
        ),
    ),
)
