"""Norms of queries and keys, rotation, and the new keys and values in the paged cache, in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..known_answer import Arrays, Case
from ..rms_norm.reference import normalize

_SHAPE = {"heads": 3, "kv_heads": 1, "head_dim": 20, "page_size": 4, "rotary_dim": 20, "attention_scaling": 1.1}
_DYNAMIC = {"dynamic": True, "theta": 10000.0, "factor": 2.0, "trained_length": 4}
_PARTIAL = {"rotary_dim": 12}
_NORM = {"qk_norm_eps": 1e-5}
_WHOLE = {"qk_norm_whole": True}

CASES = (
    Case(_SHAPE, position=6),
    Case(_SHAPE | _DYNAMIC, position=6),
    Case(_SHAPE, tokens=3, prefill=True, position=2),
    Case(_SHAPE | _DYNAMIC, tokens=3, prefill=True, position=2),
    Case(_SHAPE | _PARTIAL | _NORM, position=6),
    Case(_SHAPE | _PARTIAL | _NORM | _WHOLE, tokens=3, prefill=True, position=2),
    Case(_SHAPE | {"long_from": 4}, tokens=3, prefill=True, position=2),
    Case(_SHAPE | _NORM | _WHOLE | {"rotary_dim": 0}, position=6),
)


def reference(definition: Mapping[str, Any], arrays: Arrays, tokens: int) -> Arrays:
    """q (tokens, heads, head_dim); k_pages and v_pages (pages, kv_heads, page_size, head_dim)"""
    heads, kv_heads, head_dim = (definition[key] for key in ("heads", "kv_heads", "head_dim"))
    page_size = definition["page_size"]
    qkv = arrays["qkv"].reshape(tokens, heads + 2 * kv_heads, head_dim).astype(np.float64)
    k_pages, v_pages = (
        arrays[name].reshape(-1, kv_heads, page_size, head_dim).astype(np.float64) for name in ("k_pages", "v_pages")
    )
    if definition["qk_norm_eps"] is not None:
        qkv[:, :heads] = _normed(qkv[:, :heads], arrays["q_gain"], definition)
        qkv[:, heads : heads + kv_heads] = _normed(qkv[:, heads : heads + kv_heads], arrays["k_gain"], definition)
    is_long = 0 < definition["long_from"] < int(arrays["state"][5])
    q = np.empty((tokens, heads, head_dim))
    for t in range(tokens):
        position = int(arrays["state"][1]) + t
        page, slot = int(arrays["block_table"][position // page_size]), position % page_size
        rotated = qkv[t, : heads + kv_heads].copy()
        if rotary_dim := definition["rotary_dim"]:
            stored = arrays["long_inv_freq" if is_long else "inv_freq"]
            angle = position * _frequencies(definition, stored, position)
            rotated[:, :rotary_dim] = _rotate(rotated[:, :rotary_dim], angle, definition["attention_scaling"])
        q[t], k_pages[page, :, slot] = rotated[:heads], rotated[heads:]
        v_pages[page, :, slot] = qkv[t, heads + kv_heads :]
    return {"k_pages": k_pages, "v_pages": v_pages, "q": q}


def _normed(x: np.ndarray, gain: np.ndarray, definition: Mapping[str, Any]) -> np.ndarray:
    """x (tokens, heads, head_dim), each head by itself or all of a token together"""
    width = x.shape[1] * x.shape[2] if definition["qk_norm_whole"] else x.shape[2]
    return normalize(x.reshape(-1, width), gain, definition["qk_norm_eps"]).reshape(x.shape)


def _frequencies(definition: Mapping[str, Any], stored: np.ndarray, position: int) -> np.ndarray:
    """(rotary_dim / 2,)"""
    if not definition["dynamic"] or position < definition["trained_length"]:
        return stored.astype(np.float64)
    d, factor = definition["rotary_dim"], definition["factor"]
    stretched = factor * (position + 1) / definition["trained_length"] - (factor - 1)
    theta = definition["theta"] * stretched ** (d / (d - 2))
    frequencies: np.ndarray = theta ** (-2.0 * np.arange(d // 2) / d)
    return frequencies


def _rotate(x: np.ndarray, angle: np.ndarray, scaling: float) -> np.ndarray:
    """x (heads, rotary_dim) with pairs (j, j + rotary_dim/2) turned by angle (rotary_dim / 2,)"""
    a, b = np.split(x, 2, axis=-1)
    cosine, sine = np.cos(angle) * scaling, np.sin(angle) * scaling
    return np.concatenate([a * cosine - b * sine, b * cosine + a * sine], axis=-1)
