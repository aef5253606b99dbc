"""Matrix product, with what is folded into it."""

from __future__ import annotations

from ...expression import Expression
from ..declaration import Argument, Field, OperatorDeclaration, Rule

WIDTH: Expression = ["//", "rows", ["+", 1, "gated"]]  # values per token of the result

OPERATOR = OperatorDeclaration(
    name="linear",
    fields=(
        Field("rows", "dimension", "Rows of the stored matrix; with gated its first half are gate rows."),
        Field("columns", "columns", "Columns of the stored matrix."),
        Field("scheme", "scheme", "How the matrix is stored."),
        Field("norm_eps", "eps", "The eps of the RMSNorm that is folded in; null: none.", nullable=True, default=None),
        Field("bias", "boolean", "A bias is added.", default=False),
        Field("delta", "boolean", "What adapters change is added to the product.", default=False),
        Field("activation", "activation", "What the product, or with gated its gate rows, passes through.", default=0),
        Field("gated", "boolean", "The activated gate rows times the up rows.", default=False),
        Field("scale", "positive", "Factor on the result, before softcap and residual.", default=1.0),
        Field("softcap", "positive", "The result is bent to stay within ± softcap; null: not.", True, None),
        Field("residual", "boolean", "A residual is added, last.", default=False),
    ),
    arguments=(
        Argument("x", "activations", "columns"),
        Argument("gain", "vector", "columns", when="has_norm_eps"),
        Argument("w", "matrix", "rows", "columns"),
        Argument("bias", "vector", "rows", when="bias"),
        Argument("delta", "activations", "rows", when="delta"),
        Argument("residual", "activations", WIDTH, when="residual"),
        Argument("out", "activations", WIDTH, written=True),
    ),
    computes=(
        "`y = W · norm(x) + bias + delta`, with `norm` the RMSNorm of `norm_eps` and `gain`, or nothing where "
        "`norm_eps` is null; `z = act(y)` (T, rows), with `gated` `z = act(y[:rows/2]) · y[rows/2:]` (T, rows/2), "
        "`act` by number: 0 none, 1 silu, 2 gelu, 3 gelu by tanh, 4 relu; `z = scale · z`; with `softcap` "
        "`z = softcap · tanh(z / softcap)`; `out = z + residual`"
    ),
    tolerance="2e-6 · sqrt(columns) · max|x| · max|W|: float32 rounding of independent products",
    rules=(
        Rule(["==", ["%", "rows", ["+", 1, "gated"]], 0], "with gated, gate and up rows must be equally many"),
        Rule(["==", ["*", "prefill", "has_norm_eps"], 0], "a norm can be folded in for one token only"),
    ),
)
