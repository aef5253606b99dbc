"""Masking of logits: which tokens a constraint of the answer allows."""

from __future__ import annotations

from ..declaration import Argument, Field, OperatorDeclaration

OPERATOR = OperatorDeclaration(
    name="mask_logits",
    fields=(Field("vocab_size", "dimension", "Token ids."),),
    arguments=(
        Argument("token_mask", "fixed"),
        Argument("logits", "fixed", written=True),
    ),
    computes=(
        "`logits[i]` becomes the least finite float32 where bit i % 32 of `token_mask[i // 32]` is 0, and stays "
        "otherwise"
    ),
    tolerance="exact: values are copied",
)
