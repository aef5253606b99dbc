"""What the stored arrays of a definition's matrix stand for, in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..reference.quantize import dequantize
from ..scheme import scheme_from_json, stored_parameters


def matrix(definition: Mapping[str, Any], arrays: Mapping[str, np.ndarray], name: str = "w") -> np.ndarray:
    """(rows, columns) float64 of the argument ``name`` under the definition's scheme."""
    rows, columns, scheme = definition["rows"], definition["columns"], definition["scheme"]
    if "group_size" not in scheme:
        return arrays[name].reshape(rows, columns).astype(np.float64)
    described = scheme_from_json(scheme)
    weight, scale = stored_parameters(name, (rows, columns), described)
    stored: dict[str, np.ndarray] = {
        weight.role: arrays[name].reshape(weight.shape), scale.role: arrays[f"{name}_scale"].reshape(scale.shape)
    }  # fmt: skip
    return dequantize(scheme, (rows, columns), stored).astype(np.float64)
