"""B · h by parts, in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..known_answer import Arrays, Case

CASES = (
    Case({"rows": 90, "rank": 8, "part_1": 40, "part_2": 72}),
    Case({"rows": 90, "rank": 12, "part_1": 0, "part_2": 0}, tokens=3, prefill=True),
)


def reference(definition: Mapping[str, Any], arrays: Arrays, tokens: int) -> Arrays:
    """out (tokens, rows)"""
    rank, rows = definition["rank"], definition["rows"]
    b = arrays["b"].astype(np.float64).reshape(rank, rows)
    starts = [0, *(start for start in (definition["part_1"], definition["part_2"]) if start > 0)]
    h = arrays["h"].astype(np.float64).reshape(tokens, len(starts), rank)
    ends = [*starts[1:], rows]
    parts = [h[:, part] @ b[:, start:end] for part, (start, end) in enumerate(zip(starts, ends, strict=True))]
    return {"out": np.concatenate(parts, axis=1)}
