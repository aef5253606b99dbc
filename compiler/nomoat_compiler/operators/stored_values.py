"""What the stored arrays of a definition's matrix stand for, in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..reference.quantize import dequantize


def matrix(definition: Mapping[str, Any], arrays: Mapping[str, np.ndarray], name: str = "w") -> np.ndarray:
    """(rows, columns) float64 of the argument ``name`` under the definition's scheme."""
    rows, columns, scheme = definition["rows"], definition["columns"], definition["scheme"]
    if "group_size" not in scheme:
        return arrays[name].reshape(rows, columns).astype(np.float64)
    groups = -(-columns // scheme["group_size"])
    role, width = ("q_scale_min", (2,)) if scheme.get("minimum") else ("q_scale", ())
    stored = {"q_weight": arrays[name].reshape(rows, -1), role: arrays[f"{name}_scale"].reshape(rows, groups, *width)}
    return dequantize(scheme, (rows, columns), stored).astype(np.float64)
