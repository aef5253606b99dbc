"""The header of a GGUF file, read with a bound on every count before anything is allocated.

Layout (little-endian): magic "GGUF", uint32 version, uint64 tensor_count, uint64 kv_count, the key-value pairs, the
tensor descriptions, padding to ``general.alignment``, the data. Source: docs/gguf.md of the ggml project.
The ``gguf`` package's own reader trusts these counts (a lying file makes it loop or allocate without end) and makes one
NumPy array per string, so it serves as the oracle in tests and not here; see docs/decisions/0011.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

from ..errors import NomoatError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_TENSORS = 65_536
MAX_PAIRS = 65_536
MAX_DIMENSIONS = 4
MAX_DIMENSION = 1 << 31
MAX_ARRAY_LENGTH = 1 << 22  # Vocabularies and merges have some hundred thousand entries.
MAX_STRING_BYTES = 16 << 20
MAX_NAME_BYTES = 65_535
MAX_HEADER_BYTES = 512 << 20
MAX_ALIGNMENT = 1 << 20
DEFAULT_ALIGNMENT = 32

SCALARS: dict[int, np.dtype[Any]] = {
    0: np.dtype("<u1"), 1: np.dtype("<i1"), 2: np.dtype("<u2"), 3: np.dtype("<i2"), 4: np.dtype("<u4"),
    5: np.dtype("<i4"), 6: np.dtype("<f4"), 7: np.dtype("?"), 10: np.dtype("<u8"), 11: np.dtype("<i8"),
    12: np.dtype("<f8"),
}  # fmt: skip
STRING, ARRAY = 8, 9
# ggml's types: number -> name, values of a block, bytes of a block.
TYPES: dict[int, tuple[str, int, int]] = {
    ggml_type.value: (ggml_type.name, *GGML_QUANT_SIZES[ggml_type]) for ggml_type in GGMLQuantizationType
}


@dataclass(frozen=True)
class GgufTensor:
    """``shape`` is (rows, columns) or (rows,): the reverse of the order in the file."""

    name: str
    shape: tuple[int, ...]
    type_name: str
    offset: int  # from the start of the file
    nbytes: int


@dataclass(frozen=True)
class GgufHeader:
    """``metadata`` holds str, bool, int, float, list[str], or a NumPy array for any other array."""

    metadata: dict[str, Any]
    tensors: dict[str, GgufTensor]


def read_gguf_header(file: BinaryIO, file_name: str, file_bytes: int) -> GgufHeader:
    """``invalid_checkpoint`` unless every count is sane and every tensor lies inside the file."""
    cursor = _Cursor(file, file_name, file_bytes)
    if cursor.take(4, "the magic") != MAGIC:
        raise cursor.invalid("does not begin with GGUF: it is no GGUF file")
    version = cursor.unsigned(4, "the version")
    if version not in VERSIONS:
        if version & 0xFFFF == 0:
            raise NomoatError("unsupported", f"{file_name} is big-endian; convert it to little-endian.", file=file_name)
        raise NomoatError(
            "unsupported",
            f"{file_name} has GGUF version {version}; versions 2 and 3 can be read. "
            + (
                "Convert the original checkpoint again with a current llama.cpp, or take a newer file."
                if version < min(VERSIONS)
                else "It was written by a newer program than this compiler: update NoMoat."
            ),
            file=file_name,
            version=version,
        )
    tensor_count = cursor.count("tensors", MAX_TENSORS)
    pair_count = cursor.count("metadata entries", MAX_PAIRS)
    metadata: dict[str, Any] = {}
    for _ in range(pair_count):
        key = cursor.name("a metadata key")
        if key in metadata:
            raise cursor.invalid(f"has the metadata key {key} twice")
        metadata[key] = cursor.value(cursor.unsigned(4, f"the type of {key}"), key)
    descriptions = [cursor.tensor() for _ in range(tensor_count)]
    alignment = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
    if not isinstance(alignment, int) or not 1 <= alignment <= MAX_ALIGNMENT or alignment & (alignment - 1):
        raise cursor.invalid(f"has the alignment {alignment!r}, which must be a power of two")
    data_start = -(-cursor.position // alignment) * alignment
    tensors: dict[str, GgufTensor] = {}
    for name, shape, type_id, offset in descriptions:
        if name in tensors:
            raise cursor.invalid(f"has the tensor {name} twice")
        tensors[name] = _place(cursor, name, shape, type_id, data_start, offset, alignment)
    return GgufHeader(metadata, tensors)


def _place(
    cursor: _Cursor, name: str, shape: tuple[int, ...], type_id: int, data_start: int, offset: int, alignment: int
) -> GgufTensor:
    if type_id not in TYPES:
        raise cursor.invalid(f"gives {name} the unknown type {type_id}")
    type_name, block_values, block_bytes = TYPES[type_id]
    if shape[-1] % block_values:
        raise cursor.invalid(f"gives {name} rows of {shape[-1]} values; {type_name} has blocks of {block_values}")
    nbytes = math.prod(shape) // block_values * block_bytes
    start = data_start + offset
    if offset % alignment or start + nbytes > cursor.file_bytes:
        raise cursor.invalid(
            f"puts {name} at bytes {start} to {start + nbytes}, but the file has {cursor.file_bytes} bytes and an "
            f"alignment of {alignment} (truncated?)"
        )
    return GgufTensor(name, shape, type_name, start, nbytes)


class _Cursor:
    """Reads forward; every length is compared with what is left of the file before it is used."""

    def __init__(self, file: BinaryIO, file_name: str, file_bytes: int) -> None:
        self.file_bytes = file_bytes
        self.position = 0
        self._file = file
        self._file_name = file_name

    def invalid(self, problem: str) -> NomoatError:
        return NomoatError(
            "invalid_checkpoint", f"{self._file_name} {problem}. Download it again.", file=self._file_name
        )

    def take(self, nbytes: int, what: str) -> bytes:
        if self.position + nbytes > min(self.file_bytes, MAX_HEADER_BYTES):
            raise self.invalid(f"ends inside {what} (byte {self.position} of {self.file_bytes})")
        data = self._file.read(nbytes)
        if len(data) != nbytes:
            raise self.invalid(f"became shorter while {what} was read")
        self.position += nbytes
        return data

    def unsigned(self, nbytes: int, what: str) -> int:
        return int.from_bytes(self.take(nbytes, what), "little")

    def count(self, what: str, maximum: int) -> int:
        count = self.unsigned(8, f"the number of {what}")
        if count > maximum:
            raise self.invalid(f"claims {count} {what}; at most {maximum} are accepted")
        return count

    def string(self, what: str, maximum: int = MAX_STRING_BYTES) -> bytes:
        nbytes = self.unsigned(8, f"the length of {what}")
        if nbytes > maximum:
            raise self.invalid(f"claims {nbytes} bytes for {what}; at most {maximum} are accepted")
        return self.take(nbytes, what)

    def name(self, what: str) -> str:
        try:
            return self.string(what, MAX_NAME_BYTES).decode("utf-8")
        except UnicodeDecodeError:
            raise self.invalid(f"has {what} that is not UTF-8") from None

    def value(self, value_type: int, key: str) -> Any:
        if value_type == STRING:
            return self.string(key).decode("utf-8", "replace")
        if value_type in SCALARS:
            dtype = SCALARS[value_type]
            scalar = np.frombuffer(self.take(dtype.itemsize, key), dtype)[0]
            # A float32 is taken as the shortest decimal that gives it, so that 1e-5 is what was meant: 1e-05.
            return float(str(scalar)) if dtype == np.float32 else scalar.item()
        if value_type == ARRAY:
            return self._array(key)
        raise self.invalid(f"gives {key} the unknown value type {value_type}")

    def _array(self, key: str) -> list[str] | np.ndarray[Any, Any]:
        element_type = self.unsigned(4, f"the element type of {key}")
        length = self.count(f"elements of {key}", MAX_ARRAY_LENGTH)
        if element_type == STRING:
            return [self.string(key).decode("utf-8", "replace") for _ in range(length)]
        if element_type in SCALARS:
            dtype = SCALARS[element_type]
            return np.frombuffer(self.take(length * dtype.itemsize, key), dtype)
        raise self.invalid(f"gives {key} an array of the unknown value type {element_type}")

    def tensor(self) -> tuple[str, tuple[int, ...], int, int]:
        name = self.name("a tensor name")
        dimension_count = self.unsigned(4, f"the dimensions of {name}")
        if not 1 <= dimension_count <= MAX_DIMENSIONS:
            raise self.invalid(f"gives {name} {dimension_count} dimensions; 1 to {MAX_DIMENSIONS} are accepted")
        dimensions = struct.unpack(f"<{dimension_count}Q", self.take(8 * dimension_count, f"the shape of {name}"))
        if not all(1 <= d <= MAX_DIMENSION for d in dimensions):
            raise self.invalid(f"gives {name} the shape {list(dimensions)}")
        type_id = self.unsigned(4, f"the type of {name}")
        return name, tuple(reversed(dimensions)), type_id, self.unsigned(8, f"the offset of {name}")
