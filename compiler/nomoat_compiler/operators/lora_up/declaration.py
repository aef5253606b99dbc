"""What a LoRA adds to a matrix product: its second matrix times what its first one made (Hu et al. 2021, eq. 3)."""

from __future__ import annotations

from ...expression import Expression
from ..declaration import Argument, Field, OperatorDeclaration, Rule

PARTS: Expression = ["+", 1, ["+", ["<", 0, "part_1"], ["<", 0, "part_2"]]]

OPERATOR = OperatorDeclaration(
    name="lora_up",
    fields=(
        Field("rows", "dimension", "Rows of the adapted matrix."),
        Field("rank", "columns", "Columns of each part of B: the ranks of all adapters together; a multiple of 4."),
        Field("scheme", "scheme", "How B is stored."),
        Field("part_1", "count", "The row at which a second part begins, which has its own values of h; 0: none."),
        Field("part_2", "count", "The row at which a third part begins; 0: none."),
        Field("gated", "boolean", "The product that it is added to is: a device shares out halves of the rows alike."),
    ),
    arguments=(
        Argument("h", "activations", ["*", PARTS, "rank"]),
        Argument("h_scale", "vector", ["*", PARTS, "rank"]),
        Argument("b", "matrix", ["//", "rank", 2], ["*", 2, "rows"]),
        Argument("out", "activations", "rows", written=True),
    ),
    computes=(
        "`out[t, i] = Σ_r b[r // 2, 2 · i + r % 2] · h_scale[j] · h[t, j]` (T, rows), with `j = part(i) · rank + r` "
        "and `part(i)` how many of part_1 and part_2 are not 0 and at most i"
    ),
    tolerance="1e-6 · rank · max|h · h_scale| · max|b|: float32 sums of rank products",
    rules=(
        Rule(["max", "scheme.float16", "scheme.float32"], "its matrix must be stored in float16 or float32"),
        Rule(["*", ["<", "part_1", "rows"], ["<", "part_2", "rows"]], "its parts must begin inside of the matrix"),
        Rule(
            ["max", ["==", "part_2", 0], ["*", ["<", 0, "part_1"], ["<", "part_1", "part_2"]]],
            "its third part must begin behind the second",
        ),
        Rule(["==", ["%", "rows", ["+", 1, "gated"]], 0], "with gated, gate and up rows must be equally many"),
    ),
)
