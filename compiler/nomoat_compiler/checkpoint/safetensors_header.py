"""The header of a safetensors file, checked before anything is allocated.

Layout: uint64 length of the header, then JSON {name: {dtype, shape, data_offsets: [begin, end]}, __metadata__}, then
the data; offsets count from the end of the header. Source: the README of the safetensors project.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import NomoatError
from .byte_ranges import ByteRanges
from .checkpoint import FLOAT_KIND_BYTES, FloatKind, StoredTensor
from .json_file import parse_json_object

MAX_HEADER_BYTES = 100_000_000  # The limit of the safetensors library.
MAX_DIMENSIONS = 3  # Convolutions have three.
MAX_DIMENSION = 1 << 31
KINDS: dict[str, FloatKind] = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
# Known to the format, but no floats that are stored as they are. Bits per value.
OTHER_DTYPES = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "I16": 16, "U16": 16, "I32": 32, "U32": 32,
    "F64": 64, "I64": 64, "U64": 64, "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip


@dataclass(frozen=True)
class SafetensorsEntry:
    """A tensor of one file. ``stored`` is None where dtype or shape are not those of plain weights."""

    dtype: str
    shape: tuple[int, ...]
    stored: StoredTensor | None
    offset: int  # from the start of the file
    nbytes: int


def read_safetensors_header(file: ByteRanges) -> dict[str, SafetensorsEntry]:
    """Every tensor of ``file``; ``invalid_checkpoint`` unless each lies inside the file with the size of its shape."""
    name = file.path.name
    if file.nbytes < 8:
        raise _invalid(file.path, f"has {file.nbytes} bytes, too few for a header")
    header_bytes = int.from_bytes(file.read(0, 8).tobytes(), "little")
    if header_bytes > min(MAX_HEADER_BYTES, file.nbytes - 8):
        raise _invalid(file.path, f"says that its header has {header_bytes} bytes, but the file has {file.nbytes}")
    header = parse_json_object(file.read(8, header_bytes).tobytes(), f"the header of {name}")
    header.pop("__metadata__", None)
    return {tensor: _entry(file, tensor, value, 8 + header_bytes) for tensor, value in header.items()}


def _entry(file: ByteRanges, tensor: str, value: Any, data_start: int) -> SafetensorsEntry:
    if not isinstance(value, dict):
        raise _invalid(file.path, f"describes {tensor} with {type(value).__name__}, not an object")
    dtype, shape, offsets = value.get("dtype"), value.get("shape"), value.get("data_offsets")
    if not isinstance(dtype, str) or (dtype not in KINDS and dtype not in OTHER_DTYPES):
        raise _invalid(file.path, f"gives {tensor} the unknown dtype {dtype!r}")
    if not isinstance(shape, list) or not all(_is_count(d) and d <= MAX_DIMENSION for d in shape):
        raise _invalid(file.path, f"gives {tensor} the shape {shape!r}")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(_is_count(o) for o in offsets):
        raise _invalid(file.path, f"gives {tensor} the data_offsets {offsets!r}")
    begin, end = offsets
    if end < begin or data_start + end > file.nbytes:
        raise _invalid(
            file.path,
            f"puts {tensor} at bytes {data_start + begin} to {data_start + end}, but the file has {file.nbytes} bytes "
            "(truncated?)",
        )
    bits = 8 * FLOAT_KIND_BYTES[KINDS[dtype]] if dtype in KINDS else OTHER_DTYPES[dtype]
    expected = (math.prod(shape) * bits + 7) // 8
    if end - begin != expected:
        raise _invalid(file.path, f"gives {tensor} {end - begin} bytes, but {dtype} {shape} takes {expected}")
    usable = dtype in KINDS and 1 <= len(shape) <= MAX_DIMENSIONS and min(shape) > 0
    stored = StoredTensor(tensor, tuple(shape), KINDS[dtype]) if usable else None
    return SafetensorsEntry(dtype, tuple(shape), stored, data_start + begin, end - begin)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _invalid(path: Path, problem: str) -> NomoatError:
    return NomoatError(
        "invalid_checkpoint", f"{path.name} {problem}. Download it again, or re-export it.", file=path.name
    )
