"""The diagonal linear recurrence in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..known_answer import Arrays, Case

CASES = (
    Case({"columns": 100}, position=3),
    Case({"columns": 100}),
    Case({"columns": 100}, tokens=4, prefill=True),
    Case({"columns": 100}, tokens=4, prefill=True, position=2),
)


def reference(definition: Mapping[str, Any], arrays: Arrays, tokens: int) -> Arrays:
    """out (tokens, columns); memory (slots, columns) with the row of this sequence brought up to date"""
    columns = definition["columns"]
    x = arrays["x"].reshape(tokens, columns).astype(np.float64)
    memory = arrays["memory"].reshape(-1, columns).astype(np.float64)
    slot, position = int(arrays["state"][4]), int(arrays["state"][1])
    h = memory[slot] if position > 0 else np.zeros(columns)
    out = np.empty_like(x)
    for t in range(tokens):
        h = arrays["decay"].astype(np.float64) * h + x[t]
        out[t] = h
    memory[slot] = h
    return {"memory": memory, "out": out}
