"""Attention over the paged KV cache, in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..known_answer import Arrays, Case
from ..linear.reference import soft_capped


def _fields(head_dim: int, **knobs: Any) -> dict[str, Any]:
    return {"heads": 4, "kv_heads": 2, "head_dim": head_dim, "page_size": 4, "scale": head_dim**-0.5} | knobs


# A head for each number of columns that one invocation may own, in fours and not.
CASES = (
    *(Case(_fields(head_dim), position=9) for head_dim in (20, 22, 100, 102, 140, 142, 204, 206, 260, 262, 516, 518)),
    Case(_fields(20), tokens=3, prefill=True, position=6),
    Case(_fields(22), tokens=3, prefill=True, position=6),
    Case(_fields(20, window=3, softcap=1.5), position=9),
    Case(_fields(20, window=3, softcap=1.5), tokens=3, prefill=True, position=6),
    Case(_fields(20, bidirectional=True), tokens=5, prefill=True),
    Case(_fields(20, bidirectional=True, window=2), tokens=5, prefill=True),
)


def reference(definition: Mapping[str, Any], arrays: Arrays, tokens: int) -> Arrays:
    """out (tokens, heads, head_dim)"""
    heads, kv_heads, head_dim = (definition[key] for key in ("heads", "kv_heads", "head_dim"))
    page_size = definition["page_size"]
    q = arrays["q"].reshape(tokens, heads, head_dim).astype(np.float64)
    pages = [
        arrays[name].reshape(-1, kv_heads, page_size, head_dim).astype(np.float64) for name in ("k_pages", "v_pages")
    ]
    out = np.empty_like(q)
    for t in range(tokens):
        position = int(arrays["state"][1]) + t
        first = max(0, position - definition["window"] + 1) if definition["window"] else 0
        last = int(arrays["state"][1]) + tokens - 1 if definition["bidirectional"] else position
        if definition["bidirectional"] and definition["window"]:
            last = min(last, position + definition["window"] - 1)
        positions = np.arange(first, last + 1)
        page, slot = arrays["block_table"][positions // page_size], positions % page_size
        for head in range(heads):
            kv_head = head // (heads // kv_heads)
            k, v = (p[page, kv_head, slot] for p in pages)  # (positions, head_dim) each
            scores = soft_capped(k @ q[t, head] * definition["scale"], definition["softcap"])
            weights = np.exp(scores - scores.max())
            out[t, head] = weights @ v / weights.sum()
    return {"out": out}
