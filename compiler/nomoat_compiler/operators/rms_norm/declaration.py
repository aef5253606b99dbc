"""RMSNorm."""

from __future__ import annotations

from ..declaration import Argument, Field, OperatorDeclaration

OPERATOR = OperatorDeclaration(
    name="rms_norm",
    fields=(
        Field("columns", "columns", "Values of one token."),
        Field("eps", "eps", "Added to the mean of the squares."),
        Field("residual", "boolean", "A residual is added to the result.", default=False),
    ),
    arguments=(
        Argument("x", "activations", "columns"),
        Argument("gain", "vector", "columns"),
        Argument("residual", "activations", "columns", when="residual"),
        Argument("out", "activations", "columns", written=True),
    ),
    computes="`out[t] = x[t] · gain / sqrt(mean(x[t]²) + eps) + residual[t]`",
    tolerance="1e-5 relative: sums are taken in another order than NumPy's",
)
