"""The embedding gather in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..known_answer import Arrays, Case
from ..stored_values import matrix

CASES = (
    Case({"rows": 11, "columns": 100}, tokens=3, prefill=True),
    Case({"rows": 11, "columns": 96}, tokens=3, prefill=True),
    Case({"rows": 11, "columns": 100, "scale": 3.5}),
    Case({"rows": 11, "columns": 96}),
)


def reference(definition: Mapping[str, Any], arrays: Arrays, tokens: int) -> Arrays:
    """out (tokens, columns)"""
    table = matrix(definition, arrays)  # (rows, columns)
    ids = np.clip(arrays["token_ids"][:tokens], 0, definition["rows"] - 1)
    return {"out": table[ids] * definition["scale"]}
