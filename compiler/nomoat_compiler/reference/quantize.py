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

    value = q * scale + minimum where a minimum is stored, codebook[q] * scale where there is one, else
    (q - zero) * scale, each step in float32. Integer scales are first multiplied with the float32 of their 256 columns.
    """
    if "group_size" not in scheme:
        return arrays["weight"].astype(np.float32).reshape(shape)
    rows, columns = shape
    words = arrays["q_weight"]  # (rows, words)
    scales = arrays["q_scale_min" if scheme.get("minimum") else "q_scale"]
    values = np.empty((rows, columns), np.float32)
    for column in range(columns):
        q = _integers(words, scheme["bits"], column)  # (rows,)
        scale, minimum = _scale_and_minimum(scales, scheme, column)  # (rows,) each
        if "codebook" in scheme:
            values[:, column] = np.array(_CODEBOOKS[scheme["codebook"]], np.float32)[q] * scale
        elif minimum is not None:
            values[:, column] = q.astype(np.float32) * scale + minimum
        else:
            values[:, column] = (q.astype(np.float32) - np.float32(scheme["zero"])) * scale
    return values


def _integers(words: npt.NDArray[np.uint32], bits: int, column: int) -> npt.NDArray[np.uint32]:
    """(rows,): element r of a word at bit r * bits; widths that no word is a multiple of as _PIECES says."""
    if bits in (4, 8):
        word, position = divmod(column * bits, 32)
        return (words[:, word] >> np.uint32(position)) & np.uint32(2**bits - 1)
    block, element = divmod(column, 32)
    quad, byte = divmod(element, 4)
    q = np.zeros(len(words), np.uint32)
    for place, word, position, width in _PIECES[bits][quad]:
        piece = (words[:, block * bits + word] >> np.uint32(8 * byte + position)) & np.uint32(2**width - 1)
        q |= piece << np.uint32(place)
    return q


def _scale_and_minimum(
    scales: npt.NDArray[Any], scheme: Mapping[str, Any], column: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32] | None]:
    group, minimum = column // scheme["group_size"], bool(scheme.get("minimum"))
    if scheme["scale_dtype"] not in ("int8", "uint8", "uint4"):
        if minimum:
            return scales[:, group, 0].astype(np.float32), scales[:, group, 1].astype(np.float32)
        return scales[:, group].astype(np.float32), None
    block = np.ascontiguousarray(scales[:, column // 256]).view(np.uint8)  # (rows, bytes)
    group %= 256 // scheme["group_size"]
    parts = 2 if minimum else 1
    found = []
    for part in range(parts):
        super_scale = np.ascontiguousarray(block[:, 4 * part : 4 * part + 4]).view(np.float32)[:, 0]
        index = group * parts + part
        if scheme["scale_dtype"] == "uint4":
            integers = (block[:, 4 * parts + index // 2] >> np.uint8(4 * (index % 2))) & np.uint8(15)
        else:
            integers = block[:, 4 * parts + index].view(np.dtype(scheme["scale_dtype"]))
        found.append(super_scale * integers.astype(np.float32))
    return found[0], found[1] if minimum else None


_CODEBOOKS = {
    "iq4_nl": [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113],
    "mxfp4": [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12],
}
# bits -> quad of 32 elements -> (place in the number, word, bit in the byte of the element, width)
_PIECES: dict[int, list[list[tuple[int, int, int, int]]]] = {
    2: [[(0, quad // 4, quad % 4 * 2, 2)] for quad in range(8)],
    3: [[(0, quad // 2, quad % 2 * 3, 3)] for quad in range(6)]
    + [[(0, 0, 6, 2), (2, 1, 6, 1)], [(0, 2, 6, 2), (2, 1, 7, 1)]],
    5: [[(0, quad, 0, 5)] for quad in range(5)]
    + [[(0, 0, 5, 3), (3, 1, 5, 2)], [(0, 2, 5, 3), (3, 3, 5, 2)], [(0, 4, 5, 3), (3, 1, 7, 1), (4, 3, 7, 1)]],
    6: [[(0, quad, 0, 6)] for quad in range(6)]
    + [[(0, 0, 6, 2), (2, 1, 6, 2), (4, 2, 6, 2)], [(0, 3, 6, 2), (2, 4, 6, 2), (4, 5, 6, 2)]],
}


def stored_array(data: bytes, dtype: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """A parameter of program.json from its bytes in a shard; ``dtype`` is that of the bytes (bfloat16 included)."""
    return np.frombuffer(data, DTYPES[dtype]).reshape(shape)
