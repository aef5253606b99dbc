"""The CPU's launch plan of lora_up: a call for each part of the rows, in the halves that a gated product is shared by.

Each thread computes the rows whose sums it adds to the product (linear/lowering.py), so no barrier stands between.
"""

from __future__ import annotations

from ...expression import Expression, conjunction
from ..cpu.blocks import ROWS
from ..cpu.lowering import Json, call, choose, join, lowering, plus, refusal, step, times
from .declaration import PARTS

HALF_ROWS: Expression = ["//", "rows", ["+", 1, "gated"]]
SECOND, THIRD = ["<", 0, "part_1"], ["<", 0, "part_2"]
BOUNDS: tuple[tuple[Expression, Expression, Expression], ...] = (
    (0, choose(SECOND, "part_1", "rows"), 1),
    ("part_1", choose(THIRD, "part_2", "rows"), SECOND),
    ("part_2", "rows", conjunction(SECOND, THIRD)),
)


def part(index: int, half: int) -> Json:
    """What part ``index`` has of a half of the rows, which may be none: the kernel takes what lies in both."""
    first, end, exists = BOUNDS[index]
    start: Expression = HALF_ROWS if half else 0
    item_bytes: Expression = ["//", "b.block_row_bytes", times(ROWS, "rows")]
    bounds = (["//", ["-", row, start] if half else row, ROWS] for row in (first, end))
    return call(
        "lora_up_{b.format}",
        *(plus(f"{name}.address", times(4 * index, "rank") if index else 0) for name in ("h", "h_scale")),
        plus("b.address", times(start, item_bytes) if half else 0), plus("out.address", times(4, start) if half else 0),
        "n.address", "rank", times(PARTS, "rank", 4), times("rows", 4), ["//", "b.block_row_bytes", ROWS],
        ["//", HALF_ROWS, ROWS], *bounds,
        when=conjunction(exists, "gated") if half else exists,
    )  # fmt: skip


LOWERING = lowering(
    step(*(part(index, half) for half in (0, 1) for index in range(3))),
    join=join("linear", "delta"),
    fixed="b",
    refusals=(
        refusal(
            ["<", 0, ["+", ["%", "part_1", ROWS], ["+", ["%", "part_2", ROWS], ["%", HALF_ROWS, ROWS]]]],
            "an adapter of a matrix whose {rows} rows or their parts are no multiple of 4",
        ),
    ),
)
