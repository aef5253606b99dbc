"""The matrix product and what is folded into it, in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..activations import activate
from ..declaration import ACTIVATIONS
from ..known_answer import Arrays, Case
from ..rms_norm.reference import normalize
from ..stored_values import matrix

_NORM = {"norm_eps": 1e-5}
_PLAIN = {"bias": True, "residual": True, "scale": 0.75}
_GATED = {"gated": True, "activation": ACTIVATIONS.index("silu")}
_ADAPTED = {"delta": True}
_CAPPED = {"softcap": 2.0, "activation": ACTIVATIONS.index("gelu")}


def _fields(rows: int, columns: int, *parts: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {"rows": rows, "columns": columns}
    for part in parts:
        fields |= part
    return fields


# Rows long enough for 32 lanes of any scheme, short rows, and rows whose 16-bit values end in half a load.
CASES = (
    Case(_fields(6, 1060, _NORM, _PLAIN)),
    Case(_fields(6, 1060, _NORM, _GATED)),
    Case(_fields(6, 1056, _NORM, _PLAIN)),
    Case(_fields(6, 1056, _NORM, _GATED)),
    Case(_fields(6, 100, _PLAIN, _CAPPED)),
    Case(_fields(6, 100, _GATED)),
    Case(_fields(6, 96, _PLAIN, _ADAPTED)),
    Case(_fields(6, 96, _GATED, _ADAPTED)),
    Case(_fields(10, 100, _PLAIN), tokens=5, prefill=True),
    Case(_fields(10, 100, _GATED), tokens=5, prefill=True),
    Case(_fields(10, 96, _PLAIN, _CAPPED), tokens=5, prefill=True),
    Case(_fields(10, 96, _GATED, _ADAPTED), tokens=5, prefill=True),
)


def reference(definition: Mapping[str, Any], arrays: Arrays, tokens: int) -> Arrays:
    """out (tokens, rows), with gated (tokens, rows / 2)"""
    x = arrays["x"].reshape(tokens, -1).astype(np.float64)
    if definition["norm_eps"] is not None:
        x = normalize(x, arrays["gain"], definition["norm_eps"])
    y = x @ matrix(definition, arrays).T  # (tokens, rows)
    if definition["bias"]:
        y = y + arrays["bias"].astype(np.float64)
    if definition["delta"]:
        y = y + arrays["delta"].reshape(y.shape).astype(np.float64)
    if definition["gated"]:
        gate, up = np.split(y, 2, axis=1)
        z = activate(gate, definition["activation"]) * up
    else:
        z = activate(y, definition["activation"])
    z = soft_capped(z * definition["scale"], definition["softcap"])
    if definition["residual"]:
        z = z + arrays["residual"].reshape(z.shape).astype(np.float64)
    return {"out": z}


def soft_capped(x: np.ndarray, softcap: float | None) -> np.ndarray:
    """``x`` bent to stay within ± softcap."""
    return x if softcap is None else softcap * np.tanh(x / softcap)
