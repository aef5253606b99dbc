"""Attention over the paged KV cache."""

from __future__ import annotations

from ..declaration import Argument, Field, OperatorDeclaration, Rule

OPERATOR = OperatorDeclaration(
    name="attention",
    fields=(
        Field("heads", "heads", "Query heads."),
        Field("kv_heads", "heads", "Key and value heads."),
        Field("head_dim", "head_dim", "Values of a head."),
        Field("page_size", "page_size", "Tokens of a page of the cache."),
        Field("scale", "positive", "Factor on the products of queries and keys: mostly 1 / sqrt(head_dim)."),
        Field("softcap", "positive", "Scores are bent to stay within ± softcap; null: not.", True, None),
        Field("window", "count", "Positions that a token sees, its own included; 0: all up to it.", default=0),
        Field("bidirectional", "boolean", "Tokens see the later ones of the call too.", default=False),
        Field("exact_cache", "boolean", "Keys and values may be rounded to float16 and no further.", default=False),
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
        "softmax of `scale` · q · K, with `softcap` bent by `softcap · tanh(s / softcap)`, times V, over the positions "
        "0 ... p with p = `state[1] + t`; with `window` p − window + 1 ... p; with `bidirectional` up to the last "
        "position of the call, of a `window` p + window − 1. Query head h uses key head h // (heads / kv_heads)"
    ),
    tolerance="2e-5 · max|v|: online softmax in float32",
    rules=(Rule(["==", ["%", "heads", "kv_heads"], 0], "heads must be a multiple of kv_heads"),),
)
