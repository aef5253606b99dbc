"""RMSNorm."""

from __future__ import annotations

from ..declaration import Argument, Field, OperatorDeclaration

OPERATOR = OperatorDeclaration(
    name="rms_norm",
    fields=(
        Field("columns", "columns", "Values of one token."),
        Field("eps", "eps", "Added to the mean of the squares."),
    ),
    arguments=(
        Argument("x", "activations", "columns"),
        Argument("gain", "vector", "columns"),
        Argument("out", "activations", "columns", written=True),
    ),
    computes="`out[t] = x[t] · gain / sqrt(mean(x[t]²) + eps)`",
    tolerance="1e-5 relative: sums are taken in another order than NumPy's",
)
