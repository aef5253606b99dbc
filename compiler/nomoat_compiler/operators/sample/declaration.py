"""Random sampling from penalised, filtered logits."""

from __future__ import annotations

from ..declaration import Argument, Field, OperatorDeclaration

OPERATOR = OperatorDeclaration(
    name="sample",
    fields=(Field("vocab_size", "dimension", "Token ids."),),
    arguments=(
        Argument("logits", "fixed"),
        Argument("sampling", "fixed"),
        Argument("token_counts", "fixed", written=True),
        Argument("state", "fixed", written=True),
        Argument("tokens", "fixed", written=True),
    ),
    computes=(
        "a token drawn from the logits after penalties, temperature, top-k, top-p and min-p, by (seed, step); counted "
        "in `token_counts`; the rest as sample_greedy, with these numbers in place of the logits"
    ),
    tolerance=(
        "the token of the NumPy sampler, unless two are within 1e-5 in the race, or a sum within 1e-5 of top_p: "
        "float32 rounding"
    ),
)
