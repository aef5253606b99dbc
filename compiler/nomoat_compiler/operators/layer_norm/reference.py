"""LayerNorm in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..known_answer import Arrays, Case

CASES = (
    Case({"columns": 300, "eps": 1e-5, "bias": True}, tokens=2, prefill=True),
    Case({"columns": 300, "eps": 1e-5, "bias": False}),
)


def reference(definition: Mapping[str, Any], arrays: Arrays, tokens: int) -> Arrays:
    """out (tokens, columns)"""
    x = arrays["x"].reshape(tokens, -1).astype(np.float64)
    deviation = x - x.mean(axis=1, keepdims=True)
    variance = (deviation**2).mean(axis=1, keepdims=True)
    out = deviation * arrays["gain"].astype(np.float64) / np.sqrt(variance + definition["eps"])
    if definition["bias"]:
        out = out + arrays["bias"].astype(np.float64)
    return {"out": out}
