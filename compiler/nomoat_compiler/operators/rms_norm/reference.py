"""RMSNorm in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..known_answer import Arrays, Case

CASES = (
    Case({"columns": 300, "eps": 1e-5}, tokens=2, prefill=True),
    Case({"columns": 300, "eps": 1e-5, "residual": True}),
)


def reference(definition: Mapping[str, Any], arrays: Arrays, tokens: int) -> Arrays:
    """out (tokens, columns)"""
    x = arrays["x"].reshape(tokens, -1).astype(np.float64)
    out = normalize(x, arrays["gain"], definition["eps"])
    if definition["residual"]:
        out = out + arrays["residual"].reshape(out.shape).astype(np.float64)
    return {"out": out}


def normalize(x: np.ndarray, gain: np.ndarray, eps: float) -> np.ndarray:
    """x (tokens, columns) times gain (columns,) over the root of the mean of its squares."""
    result: np.ndarray = x * gain.astype(np.float64) / np.sqrt((x**2).mean(axis=1, keepdims=True) + eps)
    return result
