"""Rotary position embedding and the new keys and values in the paged cache, in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..known_answer import Arrays, Case

_SHAPE = {"heads": 3, "kv_heads": 1, "head_dim": 20, "page_size": 4, "attention_scaling": 1.1}
_PLAIN = {"dynamic": False, "theta": 1.0, "factor": 1.0, "trained_length": 0}
_DYNAMIC = {"dynamic": True, "theta": 10000.0, "factor": 2.0, "trained_length": 4}

CASES = (
    Case(_SHAPE | _PLAIN, position=6),
    Case(_SHAPE | _DYNAMIC, position=6),
    Case(_SHAPE | _PLAIN, tokens=3, prefill=True, position=2),
    Case(_SHAPE | _DYNAMIC, tokens=3, prefill=True, position=2),
)


def reference(definition: Mapping[str, Any], arrays: Arrays, tokens: int) -> Arrays:
    """q (tokens, heads, head_dim); k_pages and v_pages (pages, kv_heads, page_size, head_dim)"""
    heads, kv_heads, head_dim = (definition[key] for key in ("heads", "kv_heads", "head_dim"))
    page_size = definition["page_size"]
    qkv = arrays["qkv"].reshape(tokens, heads + 2 * kv_heads, head_dim).astype(np.float64)
    k_pages, v_pages = (
        arrays[name].reshape(-1, kv_heads, page_size, head_dim).astype(np.float64) for name in ("k_pages", "v_pages")
    )
    q = np.empty((tokens, heads, head_dim))
    for t in range(tokens):
        position = int(arrays["state"][1]) + t
        page, slot = int(arrays["block_table"][position // page_size]), position % page_size
        angle = position * _frequencies(definition, arrays["inv_freq"], position)
        rotated = _rotate(qkv[t, : heads + kv_heads], angle, definition["attention_scaling"])
        q[t], k_pages[page, :, slot] = rotated[:heads], rotated[heads:]
        v_pages[page, :, slot] = qkv[t, heads + kv_heads :]
    return {"k_pages": k_pages, "v_pages": v_pages, "q": q}


def _frequencies(definition: Mapping[str, Any], stored: np.ndarray, position: int) -> np.ndarray:
    """(head_dim / 2,)"""
    if not definition["dynamic"] or position < definition["trained_length"]:
        return stored.astype(np.float64)
    d, factor = definition["head_dim"], definition["factor"]
    stretched = factor * (position + 1) / definition["trained_length"] - (factor - 1)
    theta = definition["theta"] * stretched ** (d / (d - 2))
    frequencies: np.ndarray = theta ** (-2.0 * np.arange(d // 2) / d)
    return frequencies


def _rotate(x: np.ndarray, angle: np.ndarray, scaling: float) -> np.ndarray:
    """x (heads, head_dim) with pairs (j, j + head_dim/2) turned by angle (head_dim / 2,)"""
    a, b = np.split(x, 2, axis=-1)
    cosine, sine = np.cos(angle) * scaling, np.sin(angle) * scaling
    return np.concatenate([a * cosine - b * sine, b * cosine + a * sine], axis=-1)
