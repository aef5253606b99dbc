"""One vector for a text: what an encoder's hidden states are pooled to."""

from __future__ import annotations

from ..declaration import Argument, Field, OperatorDeclaration

OPERATOR = OperatorDeclaration(
    name="pool",
    fields=(
        Field("columns", "columns", "Values of one token."),
        Field("mean", "boolean", "The mean of all tokens; else the first token."),
        Field("normalize", "boolean", "The result is divided by its Euclidean norm, at least 1e-12."),
    ),
    arguments=(
        Argument("x", "activations", "columns"),
        Argument("out", "embedding", "columns", written=True),
    ),
    computes="`out = mean over t of x[t]`, or `x[0]`; with `normalize` `out / max(‖out‖, 1e-12)`",
    tolerance="1e-6 · max|x|, normalised 1e-6: sums are taken in another order than NumPy's",
)
