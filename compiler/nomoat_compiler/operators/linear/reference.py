"""The matrix product and what is folded into it, in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..known_answer import Arrays, Case
from ..rms_norm.reference import normalize
from ..stored_values import matrix


def _fields(rows: int, columns: int, *, norm: bool = False, bias: bool = False, swiglu: bool = False) -> dict[str, Any]:
    return {
        "rows": rows, "columns": columns, "norm_eps": 1e-5 if norm else None, "bias": bias, "residual": bias,
        "swiglu": swiglu,
    }  # fmt: skip


# Rows long enough for 32 lanes of any scheme, short rows, and rows whose 16-bit values end in half a load.
CASES = (
    Case(_fields(6, 1060, norm=True, bias=True)),
    Case(_fields(6, 1060, norm=True, swiglu=True)),
    Case(_fields(6, 1056, norm=True, bias=True)),
    Case(_fields(6, 1056, norm=True, swiglu=True)),
    Case(_fields(6, 100, bias=True)),
    Case(_fields(6, 100, swiglu=True)),
    Case(_fields(6, 96, bias=True)),
    Case(_fields(6, 96, swiglu=True)),
    Case(_fields(10, 100, bias=True), tokens=5, prefill=True),
    Case(_fields(10, 100, swiglu=True), tokens=5, prefill=True),
    Case(_fields(10, 96, bias=True), tokens=5, prefill=True),
    Case(_fields(10, 96, swiglu=True), tokens=5, prefill=True),
)


def reference(definition: Mapping[str, Any], arrays: Arrays, tokens: int) -> Arrays:
    """out (tokens, rows), with swiglu (tokens, rows / 2)"""
    x = arrays["x"].reshape(tokens, -1).astype(np.float64)
    if definition["norm_eps"] is not None:
        x = normalize(x, arrays["gain"], definition["norm_eps"])
    y = x @ matrix(definition, arrays).T  # (tokens, rows)
    if definition["bias"]:
        y = y + arrays["bias"].astype(np.float64)
    if definition["swiglu"]:
        gate, up = np.split(y, 2, axis=1)
        y = gate / (1 + np.exp(-gate)) * up
    if definition["residual"]:
        y = y + arrays["residual"].reshape(y.shape).astype(np.float64)
    return {"out": y}
