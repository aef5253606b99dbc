"""B · h by parts, in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...scheme import Plain
from ..known_answer import Arrays, Case

CASES = tuple(
    Case({"rows": 90, "gated": False} | fields, tokens, prefill, scheme=Plain(dtype))
    for dtype in ("float16", "float32")
    for fields, tokens, prefill in (
        ({"rank": 8, "part_1": 40, "part_2": 72}, 1, False),
        ({"rank": 12, "part_1": 0, "part_2": 0}, 3, True),
    )
)


def reference(definition: Mapping[str, Any], arrays: Arrays, tokens: int) -> Arrays:
    """out (tokens, rows)"""
    rank, rows = definition["rank"], definition["rows"]
    pairs = arrays["b"].astype(np.float64).reshape(rank // 2, rows, 2)
    b = pairs.swapaxes(1, 2).reshape(rank, rows)
    starts = [0, *(start for start in (definition["part_1"], definition["part_2"]) if start > 0)]
    h = (arrays["h"].astype(np.float64).reshape(tokens, -1) * arrays["h_scale"]).reshape(tokens, len(starts), rank)
    ends = [*starts[1:], rows]
    parts = [h[:, part] @ b[:, start:end] for part, (start, end) in enumerate(zip(starts, ends, strict=True))]
    return {"out": np.concatenate(parts, axis=1)}
