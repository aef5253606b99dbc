"""8-bit floats with scales, as float32: w = q * scale.

``X.weight`` [rows, columns] is F8_E4M3 or F8_E5M2. Beside it stands ``X.weight_scale_inv`` (DeepSeek, Qwen3, Ministral;
in spite of its name it multiplies) or ``X.weight_scale`` (compressed-tensors, fbgemm, modelopt): one for the tensor ([]
or [1]), one for each row ([rows] or [rows, 1]), or one for each block ([ceil(rows / b0), ceil(columns / b1)]).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import ml_dtypes
import numpy as np
import numpy.typing as npt

from ..errors import NomoatError
from .byte_ranges import ByteRanges
from .quantized_config import Block
from .safetensors_header import SafetensorsEntry

FP8_DTYPES: dict[str, npt.DTypeLike] = {
    "F8_E4M3": np.dtype(ml_dtypes.float8_e4m3fn), "F8_E5M2": np.dtype(ml_dtypes.float8_e5m2),
}  # fmt: skip
SCALE_DTYPES: dict[str, npt.DTypeLike] = {
    "F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype(ml_dtypes.bfloat16),
}  # fmt: skip
SCALE_SUFFIXES = ("weight_scale_inv", "weight_scale")
# Scales of activations and of the KV cache: nothing is computed in 8-bit floats here.
UNUSED_SUFFIXES = ("input_scale", "activation_scale", "input_scale_ub", "k_scale", "v_scale", "output_scale")
Located = tuple[ByteRanges, SafetensorsEntry]


def is_scale(name: str) -> bool:
    """Whether a tensor of this name belongs to another one, or to the arithmetic of activations."""
    return name.rpartition(".")[2] in (*SCALE_SUFFIXES, *UNUSED_SUFFIXES)


def scale_of(name: str, entries: Mapping[str, Located]) -> Located | None:
    """The entry of the scales that belong to the 8-bit tensor ``name``."""
    module, _, last = name.rpartition(".")
    if last != "weight":
        return None
    return next((entries[f"{module}.{s}"] for s in SCALE_SUFFIXES if f"{module}.{s}" in entries), None)


def check_scale(name: str, weight: SafetensorsEntry, scale: SafetensorsEntry | None, block: Block | None) -> None:
    """``invalid_checkpoint`` unless the scales fit the weight."""
    rows, columns = weight.shape[0], math.prod(weight.shape[1:])
    if scale is None:  # A plain cast to 8 bits.
        if block is not None:
            raise NomoatError("invalid_checkpoint", f"{name} is in 8 bits, but its scales are missing.", tensor=name)
        return
    allowed = [(), (1,), (1, 1), (rows,), (rows, 1)]
    if block is not None:
        allowed.append((-(-rows // block[0]), -(-columns // block[1])))
    if scale.dtype not in SCALE_DTYPES or scale.shape not in allowed:
        raise NomoatError(
            "invalid_checkpoint",
            f"The scales of {name} {list(weight.shape)} are {scale.dtype} {list(scale.shape)}; floats are needed, one "
            f"for the tensor, for each row{'' if block is None else f', or for each {block[0]} x {block[1]} values'}.",
            tensor=name,
        )


def read_fp8_rows(
    weight: Located, scale: Located | None, block: Block | None, start: int, stop: int
) -> npt.NDArray[np.float32]:
    """Rows ``start`` to ``stop`` of a checked pair, float32 [stop - start, ...]."""
    file, entry = weight
    columns = math.prod(entry.shape[1:])
    octets = file.read(entry.offset + start * columns, (stop - start) * columns)
    values = octets.view(FP8_DTYPES[entry.dtype]).astype(np.float32).reshape(stop - start, columns)
    if scale is not None:
        values *= _expanded(_scales(scale), entry.shape[0], columns, block, start, stop)
    return values.reshape(stop - start, *entry.shape[1:])


def _scales(scale: Located) -> npt.NDArray[np.float32]:
    file, entry = scale
    data = file.read(entry.offset, entry.nbytes).view(SCALE_DTYPES[entry.dtype])
    return data.astype(np.float32).reshape(entry.shape)


def _expanded(
    scales: npt.NDArray[np.float32], rows: int, columns: int, block: Block | None, start: int, stop: int
) -> npt.NDArray[np.float32]:
    """What rows ``start`` to ``stop`` are multiplied by: [1, 1], [rows, 1] or [rows, columns]."""
    if scales.size == 1:
        return scales.reshape(1, 1)
    if block is not None and scales.shape == (-(-rows // block[0]), -(-columns // block[1])):
        of_rows = scales[np.arange(start, stop) // block[0]]
        return np.repeat(of_rows, block[1], axis=1)[:, :columns]
    return scales.reshape(rows, 1)[start:stop]
