"""Learned position embedding in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..known_answer import Arrays, Case
from ..stored_values import matrix

CASES = (
    Case({"rows": 11, "columns": 100}, tokens=3, prefill=True, position=2),
    Case({"rows": 11, "columns": 96, "first": 2}, tokens=3, prefill=True),
)


def reference(definition: Mapping[str, Any], arrays: Arrays, tokens: int) -> Arrays:
    """out (tokens, columns)"""
    table = matrix(definition, arrays)  # (rows, columns)
    positions = definition["first"] + int(arrays["state"][1]) + np.arange(tokens)
    x = arrays["x"].reshape(tokens, -1).astype(np.float64)
    return {"out": x + table[np.minimum(positions, definition["rows"] - 1)]}
