"""The obvious dequantizer: what the stored arrays of a tensor stand for, one value at a time in meaning.

Imports only NumPy and ml_dtypes, shares no code with the quantizer or the kernels, and is as slow as it looks: it is
what they are compared with. ``scheme`` is the object of program.schema.json ({bits, group_size, zero | minimum, ...}).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

DTYPES: dict[str, npt.DTypeLike] = {
    "uint32": np.dtype("<u4"), "float32": np.dtype("<f4"), "float16": np.dtype("<f2"),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
}  # fmt: skip


def dequantize(
    scheme: Mapping[str, Any], shape: tuple[int, ...], arrays: Mapping[str, npt.NDArray[Any]]
) -> npt.NDArray[np.float32]:
    """float32 of ``shape`` from the arrays by role: weight; or q_weight with q_scale or q_scale_min.

    value = q * scale + minimum where a minimum is stored, else (q - zero) * scale, each step in float32.
    """
    if "group_size" not in scheme:
        return arrays["weight"].astype(np.float32).reshape(shape)
    rows, columns = shape
    bits, group_size = scheme["bits"], scheme["group_size"]
    words = arrays["q_weight"]  # (rows, words)
    values = np.empty((rows, columns), np.float32)
    for column in range(columns):
        word, position = divmod(column * bits, 32)
        q = (words[:, word] >> np.uint32(position)) & np.uint32(2**bits - 1)  # (rows,)
        group = column // group_size
        if scheme.get("minimum"):
            scale = arrays["q_scale_min"][:, group, 0].astype(np.float32)
            minimum = arrays["q_scale_min"][:, group, 1].astype(np.float32)
            values[:, column] = q.astype(np.float32) * scale + minimum
        else:
            scale = arrays["q_scale"][:, group].astype(np.float32)
            values[:, column] = (q.astype(np.float32) - np.float32(scheme["zero"])) * scale
    return values


def stored_array(data: bytes, dtype: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """A parameter of program.json from its bytes in a shard; ``dtype`` is that of the bytes (bfloat16 included)."""
    return np.frombuffer(data, DTYPES[dtype]).reshape(shape)
