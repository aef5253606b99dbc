"""LayerNorm."""

from __future__ import annotations

from ..declaration import Argument, Field, OperatorDeclaration

OPERATOR = OperatorDeclaration(
    name="layer_norm",
    fields=(
        Field("columns", "columns", "Values of one token."),
        Field("eps", "eps", "Added to the variance."),
        Field("bias", "boolean", "A bias is added."),
    ),
    arguments=(
        Argument("x", "activations", "columns"),
        Argument("gain", "vector", "columns"),
        Argument("bias", "vector", "columns", when="bias"),
        Argument("out", "activations", "columns", written=True),
    ),
    computes="`out[t] = (x[t] − mean(x[t])) · gain / sqrt(var(x[t]) + eps) + bias`, `var` without Bessel's correction",
    tolerance="1e-5 · max|x| / sqrt(var + eps) · max|gain|: sums are taken in another order than NumPy's",
)
