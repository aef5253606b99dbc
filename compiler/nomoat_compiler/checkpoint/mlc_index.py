"""tensor-cache.json (ndarray-cache.json in older repositories): where each array of an MLC folder lies.

Source: tvm.contrib.tvmjs of the TVM project. ``f32-to-bf16`` stands on every record, and says something only where the
dtype is float32: then the file holds bfloat16.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from ..errors import NomoatError
from .byte_ranges import ByteRanges
from .json_file import read_json_object

INDEX_NAMES = ("tensor-cache.json", "ndarray-cache.json")
MAX_INDEX_BYTES = 64 << 20
MAX_SHARDS, MAX_RECORDS, MAX_DIMENSION = 65_536, 1 << 20, 1 << 31
HASHED_BYTES = 4 << 20
# What dtype and format say -> how it lies in the file.
DTYPES: dict[str, npt.DTypeLike] = {
    "uint32": np.dtype("<u4"), "float16": np.dtype("<f2"), "float32": np.dtype("<f4"),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
}  # fmt: skip


@dataclass(frozen=True)
class MlcArray:
    """``dtype`` is that of the bytes."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    nbytes: int


@dataclass
class MlcShard:
    """A file of arrays; its MD5 is compared when it is read for the first time."""

    file: ByteRanges
    md5: str | None
    checked: bool = False

    def read(self, array: MlcArray, start: int, stop: int) -> npt.NDArray[Any]:
        """Rows ``start`` to ``stop`` of ``array``; ``integrity`` for a shard that is not what its index says."""
        self._check()
        row_bytes = array.nbytes // array.shape[0]
        data = self.file.read(array.offset + start * row_bytes, (stop - start) * row_bytes)
        return data.view(array.dtype).reshape(stop - start, *array.shape[1:])

    def _check(self) -> None:
        if self.checked or self.md5 is None:
            return
        digest = hashlib.md5(usedforsecurity=False)
        for start in range(0, self.file.nbytes, HASHED_BYTES):
            digest.update(self.file.read(start, min(HASHED_BYTES, self.file.nbytes - start)).data)
        if digest.hexdigest() != self.md5.lower():
            name = self.file.path.name
            raise NomoatError("integrity", f"{name} has another MD5 than the index says: download it again.", file=name)
        self.checked = True


@dataclass
class MlcIndex:
    shards: list[MlcShard] = field(default_factory=list)
    arrays: dict[str, tuple[MlcShard, MlcArray]] = field(default_factory=dict)

    def close(self) -> None:
        for shard in self.shards:
            shard.file.close()


def read_mlc_index(folder: Path) -> MlcIndex:
    """Every array, checked against the sizes of the files; ``invalid_checkpoint`` says what does not fit."""
    path = next((folder / name for name in INDEX_NAMES if (folder / name).is_file()), folder / INDEX_NAMES[0])
    records = read_json_object(path, max_bytes=MAX_INDEX_BYTES).get("records")
    if not isinstance(records, list) or not 1 <= len(records) <= MAX_SHARDS:
        raise _invalid(path.name, "has no list of shards under records")
    index = MlcIndex()
    try:
        for record in records:
            _add_shard(index, folder, path.name, record)
    except BaseException:
        index.close()
        raise
    return index


def _add_shard(index: MlcIndex, folder: Path, index_name: str, record: Any) -> None:
    data_path = record.get("dataPath") if isinstance(record, dict) else None
    if not isinstance(data_path, str) or Path(data_path).name != data_path or data_path in ("", ".", ".."):
        raise _invalid(index_name, f"names the shard {str(data_path)[:60]!r}; the name of a file beside it is needed")
    if not (folder / data_path).is_file():
        raise _invalid(index_name, f"names the shard {data_path}, and the folder has no such file")
    if any(shard.file.path.name == data_path for shard in index.shards):
        raise _invalid(index_name, f"has the shard {data_path} twice")
    md5 = record.get("md5sum")
    shard = MlcShard(ByteRanges(folder / data_path), md5 if isinstance(md5, str) else None)
    index.shards.append(shard)
    arrays = record.get("records")
    if not isinstance(arrays, list) or len(index.arrays) + len(arrays) > MAX_RECORDS:
        raise _invalid(index_name, f"has no list of arrays for {data_path}")
    for value in arrays:
        array = _array(value, index_name, shard.file.nbytes)
        if array.name in index.arrays:
            raise _invalid(index_name, f"has the array {array.name} twice")
        index.arrays[array.name] = (shard, array)


def _array(value: Any, index_name: str, file_bytes: int) -> MlcArray:
    fields = ("name", "shape", "dtype", "format", "nbytes", "byteOffset")
    name, shape, dtype, label, nbytes, offset = (value.get(f) if isinstance(value, dict) else None for f in fields)
    if not isinstance(name, str) or not 1 <= len(name) <= 1000:
        raise _invalid(index_name, "has an array without a name")
    if not isinstance(shape, list) or not 1 <= len(shape) <= 4 or not all(_is_count(d) and d > 0 for d in shape):
        raise _invalid(index_name, f"gives {name} the shape {str(shape)[:60]}")
    if not isinstance(dtype, str) or dtype not in DTYPES or label not in ("raw", "f32-to-bf16"):
        raise NomoatError(
            "unsupported", f"{name} is stored as {str(dtype)[:30]} ({str(label)[:30]}), which is not read.", tensor=name
        )
    stored = np.dtype(DTYPES["bfloat16" if dtype == "float32" and label == "f32-to-bf16" else dtype])
    expected = math.prod(shape) * stored.itemsize
    if nbytes != expected or not isinstance(offset, int) or not 0 <= offset <= file_bytes - expected:
        raise _invalid(
            index_name,
            f"puts {name} at bytes {offset} with {nbytes}; its shape takes {expected}, and the shard has {file_bytes}",
        )
    return MlcArray(name, tuple(shape), stored, offset, expected)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_DIMENSION * 4


def _invalid(file: str, problem: str) -> NomoatError:
    return NomoatError("invalid_checkpoint", f"{file} {problem}. Download the folder again.", file=file)
