"""Matrix product, with what is folded into it."""

from __future__ import annotations

from ...expression import Expression
from ..declaration import Argument, Field, OperatorDeclaration, Rule

WIDTH: Expression = ["//", "rows", ["+", 1, "swiglu"]]  # values per token of the result

OPERATOR = OperatorDeclaration(
    name="linear",
    fields=(
        Field("rows", "dimension", "Rows of the stored matrix; with swiglu its first half are gate rows."),
        Field("columns", "columns", "Columns of the stored matrix."),
        Field("scheme", "scheme", "How the matrix is stored."),
        Field("norm_eps", "eps", "The eps of the RMSNorm that is folded in; null: none.", nullable=True),
        Field("bias", "boolean", "A bias is added."),
        Field("residual", "boolean", "A residual is added, last."),
        Field("swiglu", "boolean", "The gate rows' silu times the up rows."),
    ),
    arguments=(
        Argument("x", "activations", "columns"),
        Argument("gain", "vector", "columns", when="has_norm_eps"),
        Argument("w", "matrix", "rows", "columns"),
        Argument("bias", "vector", "rows", when="bias"),
        Argument("residual", "activations", WIDTH, when="residual"),
        Argument("out", "activations", WIDTH, written=True),
    ),
    computes=(
        "`y = W · norm(x) + bias`, with `norm` the RMSNorm of `norm_eps` and `gain`, or nothing where `norm_eps` is "
        "null; `out = y + residual` (T, rows); with `swiglu`, `out = silu(y[:rows/2]) · y[rows/2:] + residual` "
        "(T, rows/2)"
    ),
    tolerance="2e-6 · sqrt(columns) · max|x| · max|W|: float32 rounding of independent products",
    rules=(
        Rule(["==", ["%", "rows", ["+", 1, "swiglu"]], 0], "with swiglu, gate and up rows must be equally many"),
        Rule(["==", ["*", "prefill", "has_norm_eps"], 0], "a norm can be folded in for one token only"),
    ),
)
