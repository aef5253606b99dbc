"""A diagonal linear recurrence: the smallest operator with a recurrent state (docs/program-interface.md)."""

from __future__ import annotations

from ..declaration import Argument, Field, OperatorDeclaration

OPERATOR = OperatorDeclaration(
    name="linear_recurrence",
    fields=(Field("columns", "columns", "Values of one token, and of the state of one sequence."),),
    arguments=(
        Argument("x", "activations", "columns"),
        Argument("decay", "vector", "columns"),
        Argument("state", "fixed"),
        Argument("memory", "recurrent", "columns", written=True),
        Argument("out", "activations", "columns", written=True),
    ),
    computes=(
        "`h = decay · h + x[t]`, `out[t] = h`, with h the row `state[4]` of `memory`, and zero before position 0; h is "
        "kept in that row"
    ),
    tolerance="1e-6 · T relative to the largest |h|: one rounding per token",
)
