"""Greedy sampling."""

from __future__ import annotations

from ..declaration import Argument, Field, OperatorDeclaration

OPERATOR = OperatorDeclaration(
    name="sample_greedy",
    fields=(Field("vocab_size", "dimension", "Token ids."),),
    arguments=(
        Argument("logits", "fixed"),
        Argument("state", "fixed", written=True),
        Argument("tokens", "fixed", written=True),
    ),
    computes=(
        "the lowest index of the largest logit becomes `state[0]` and `tokens[step % 64]`; then position and step go "
        "up by one. Where a logit is NaN or the largest is infinite, `tokens[step % 64]` is −1 and `state[0]` stays"
    ),
    tolerance="exact: only comparisons",
)
