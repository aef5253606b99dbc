"""Rotary position embedding, and the new keys and values into the paged cache."""

from __future__ import annotations

from ..declaration import Argument, Field, OperatorDeclaration, Rule

OPERATOR = OperatorDeclaration(
    name="rope_append",
    fields=(
        Field("heads", "heads", "Query heads."),
        Field("kv_heads", "heads", "Key and value heads."),
        Field("head_dim", "head_dim", "Values of a head."),
        Field("page_size", "page_size", "Tokens of a page of the cache."),
        Field("attention_scaling", "positive", "Factor on cosine and sine."),
        Field("dynamic", "boolean", "Dynamic NTK scaling past trained_length, by theta and factor."),
        Field("theta", "positive", "Base of the frequencies; read only with dynamic."),
        Field("factor", "positive", "How much longer than trained the sequence may be; read only with dynamic."),
        Field("trained_length", "count", "max_position_embeddings of the training; read only with dynamic."),
    ),
    arguments=(
        Argument("qkv", "activations", ["*", ["+", "heads", ["*", 2, "kv_heads"]], "head_dim"]),
        Argument("inv_freq", "frequencies", ["//", "head_dim", 2]),
        Argument("state", "fixed"),
        Argument("block_table", "fixed"),
        Argument("k_pages", "cache", written=True),
        Argument("v_pages", "cache", written=True),
        Argument("q", "activations", ["*", "heads", "head_dim"], written=True),
    ),
    computes=(
        "rotates queries and keys at position `state[1] + t`, pairs (j, j + head_dim/2), cosine and sine times "
        "`attention_scaling`; writes keys and values to their page. `dynamic`: from position trained_length on, token "
        "by token, `inv_freq[j] = theta'^(-2j/head_dim)` with `theta' = theta · (factor · (position + 1) / "
        "trained_length − (factor − 1))^(head_dim/(head_dim − 2))`"
    ),
    tolerance="1e-5 · max|qkv| for positions below 2^17: sine and cosine are good to 2e-7",
    rules=(
        Rule(["==", ["%", "heads", "kv_heads"], 0], "heads must be a multiple of kv_heads"),
        Rule(["max", ["==", "dynamic", 0], ["*", ["<", 0, "trained_length"], ["<", 2, "head_dim"]]],
             "dynamic needs trained_length above 0 and head_dim above 2"),
    ),
)  # fmt: skip
