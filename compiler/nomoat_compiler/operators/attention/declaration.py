"""Causal attention over the paged KV cache."""

from __future__ import annotations

from ..declaration import Argument, Field, OperatorDeclaration, Rule

OPERATOR = OperatorDeclaration(
    name="attention",
    fields=(
        Field("heads", "heads", "Query heads."),
        Field("kv_heads", "heads", "Key and value heads."),
        Field("head_dim", "head_dim", "Values of a head."),
        Field("page_size", "page_size", "Tokens of a page of the cache."),
    ),
    arguments=(
        Argument("q", "activations", ["*", "heads", "head_dim"]),
        Argument("state", "fixed"),
        Argument("block_table", "fixed"),
        Argument("k_pages", "cache"),
        Argument("v_pages", "cache"),
        Argument("out", "activations", ["*", "heads", "head_dim"], written=True),
    ),
    computes=(
        "softmax of q · K / sqrt(head_dim) over positions 0 ... `state[1] + t`, times V; query head h uses key head "
        "h // (heads / kv_heads)"
    ),
    tolerance="2e-5 · max|v|: online softmax in float32",
    rules=(Rule(["==", ["%", "heads", "kv_heads"], 0], "heads must be a multiple of kv_heads"),),
)
