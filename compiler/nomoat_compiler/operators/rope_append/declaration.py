"""Norms of queries and keys, rotary position embedding, and the new keys and values into the paged cache."""

from __future__ import annotations

from ..declaration import Argument, Field, OperatorDeclaration, Rule

HAS_NORM = "has_qk_norm_eps"

OPERATOR = OperatorDeclaration(
    name="rope_append",
    fields=(
        Field("heads", "heads", "Query heads."),
        Field("kv_heads", "heads", "Key and value heads."),
        Field("head_dim", "head_dim", "Values of a head."),
        Field("page_size", "page_size", "Tokens of a page of the cache."),
        Field("rotary_dim", "count", "The first values of a head, which are rotated; even; 0: none."),
        Field("qk_norm_eps", "eps", "The eps of the RMSNorm of queries and keys; null: none.", True, None),
        Field("qk_norm_whole", "boolean", "That norm is over all heads together, not over each.", default=False),
        Field("attention_scaling", "positive", "Factor on cosine and sine.", default=1.0),
        Field("dynamic", "boolean", "Dynamic NTK scaling past trained_length, by theta and factor.", default=False),
        Field("theta", "positive", "Base of the frequencies; read only with dynamic.", default=1.0),
        Field("factor", "positive", "How much longer than trained a sequence is; read only with dynamic.", default=1.0),
        Field("trained_length", "count", "max_position_embeddings of the training; read only with dynamic.", default=0),
        Field("long_from", "count", "Sequences longer than this use long_inv_freq; 0: none does.", default=0),
        Field("exact_cache", "boolean", "Keys and values may be rounded to float16 and no further.", default=False),
    ),
    arguments=(
        Argument("qkv", "activations", ["*", ["+", "heads", ["*", 2, "kv_heads"]], "head_dim"]),
        Argument("q_gain", "vector", ["*", "head_dim", ["max", 1, ["*", "qk_norm_whole", "heads"]]], when=HAS_NORM),
        Argument("k_gain", "vector", ["*", "head_dim", ["max", 1, ["*", "qk_norm_whole", "kv_heads"]]], when=HAS_NORM),
        Argument("inv_freq", "frequencies", ["//", "rotary_dim", 2], when="rotary_dim"),
        Argument("long_inv_freq", "frequencies", ["//", "rotary_dim", 2], when="long_from"),
        Argument("state", "fixed"),
        Argument("block_table", "fixed"),
        Argument("k_pages", "cache", written=True),
        Argument("v_pages", "cache", written=True),
        Argument("q", "activations", ["*", "heads", "head_dim"], written=True),
    ),
    computes=(
        "with `qk_norm_eps` `q = q · q_gain / sqrt(mean(q²) + eps)`, the mean over a head or with `qk_norm_whole` over "
        "all query heads, keys likewise; rotates queries and keys at position `state[1] + t`, pairs (j, j + "
        "rotary_dim/2) of the first rotary_dim values, cosine and sine times `attention_scaling`; writes keys and "
        "values to their page. `dynamic`: from position trained_length on, token by token, `inv_freq[j] = "
        "theta'^(-2j/rotary_dim)` with `theta' = theta · (factor · (position + 1) / trained_length − (factor − "
        "1))^(rotary_dim/(rotary_dim − 2))`. `long_from`: `long_inv_freq` in place of `inv_freq` where `state[5]` > "
        "long_from. A device may round keys and values; with `exact_cache` to float16 and no further"
    ),
    tolerance="1e-5 · max|qkv| for positions below 2^17: sine and cosine are good to 2e-7",
    rules=(
        Rule(["==", ["%", "heads", "kv_heads"], 0], "heads must be a multiple of kv_heads"),
        Rule(["*", ["==", ["%", "rotary_dim", 2], 0], ["<=", "rotary_dim", "head_dim"]],
             "rotary_dim must be even and at most head_dim"),
        Rule(["max", ["==", "dynamic", 0], ["*", ["<", 0, "trained_length"], ["<", 2, "rotary_dim"]]],
             "dynamic needs trained_length above 0 and rotary_dim above 2"),
        Rule(["max", ["==", "long_from", 0], ["*", ["==", "dynamic", 0], ["<", 0, "rotary_dim"]]],
             "long_from needs rotary_dim above 0 and excludes dynamic"),
    ),
)  # fmt: skip
