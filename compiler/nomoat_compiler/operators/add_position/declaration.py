"""Learned position embedding."""

from __future__ import annotations

from ..declaration import Argument, Field, OperatorDeclaration

OPERATOR = OperatorDeclaration(
    name="add_position",
    fields=(
        Field("rows", "dimension", "Rows of the table: positions that it knows, and first more."),
        Field("columns", "columns", "Columns of the table: hidden_size."),
        Field("scheme", "scheme", "How the table is stored."),
        Field("first", "count", "The row of position 0.", default=0),
    ),
    arguments=(
        Argument("x", "activations", "columns"),
        Argument("state", "fixed"),
        Argument("w", "matrix", "rows", "columns"),
        Argument("out", "activations", "columns", written=True),
    ),
    computes="`out[t] = x[t] + W[first + state[1] + t]`; a position outside the table reads its last row",
    tolerance="1e-6 relative: one multiply and two adds per value",
)
