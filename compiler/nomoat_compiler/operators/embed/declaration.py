"""Embedding gather."""

from __future__ import annotations

from ..declaration import Argument, Field, OperatorDeclaration

OPERATOR = OperatorDeclaration(
    name="embed",
    fields=(
        Field("rows", "dimension", "Rows of the table: vocab_size."),
        Field("columns", "columns", "Columns of the table: hidden_size."),
        Field("scheme", "scheme", "How the table is stored."),
        Field("scale", "positive", "Factor on the row.", default=1.0),
    ),
    arguments=(
        Argument("token_ids", "token_ids"),
        Argument("w", "matrix", "rows", "columns"),
        Argument("out", "activations", "columns", written=True),
    ),
    computes="`out[t] = scale · W[token_ids[t]]`; an id outside the table reads the nearest row",
    tolerance="1e-6 relative: one multiply and one add per value",
)
