"""Pooling in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..known_answer import Arrays, Case

CASES = tuple(
    Case({"columns": 100, "mean": mean, "normalize": normalize}, tokens=5, prefill=True)
    for mean in (True, False)
    for normalize in (True, False)
)


def reference(definition: Mapping[str, Any], arrays: Arrays, tokens: int) -> Arrays:
    """out (columns,)"""
    x = arrays["x"].reshape(tokens, -1).astype(np.float64)
    out = x.mean(axis=0) if definition["mean"] else x[0]
    if definition["normalize"]:
        out = out / max(float(np.linalg.norm(out)), 1e-12)
    return {"out": out}
