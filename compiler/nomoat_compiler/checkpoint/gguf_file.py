"""A GGUF file, split or not: floats and ggml's blocks (``BlockKind``) under Hugging Face's names and row order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from ..errors import NomoatError
from .byte_ranges import ByteRanges
from .checkpoint import BLOCK_SIZES, Blocks, SourceFormat, StoredTensor
from .gguf_assumptions import warn_of_assumptions
from .gguf_config import architecture_of, huggingface_config
from .gguf_header import GgufTensor
from .gguf_parts import PART_NAME, open_gguf
from .gguf_rope import RopeTensors
from .gguf_tensors import KINDS, LONG_FACTORS, ROPE_DIVISORS, SHORT_FACTORS, change_of, named_tensors
from .gguf_tokenizer import tokenizer_files_from_gguf
from .gguf_values import text
from .huggingface import missing_tensor

DTYPES: dict[str, npt.DTypeLike] = {
    "float32": np.dtype("<f4"), "float16": np.dtype("<f2"), "bfloat16": np.dtype(ml_dtypes.bfloat16),
}  # fmt: skip


class GgufCheckpoint:
    """Names, rows and values are given back as transformers has them (gguf_tensors.py).

    A row is a whole number of blocks, so moving rows moves packed rows and dequantizes nothing.
    """

    source_format: SourceFormat = "gguf"
    quantization: str | None = None

    def __init__(self, path: Path) -> None:
        self.source = PART_NAME.sub(r"\g<name>.gguf", path.name)
        self._parts = open_gguf(path)
        try:
            self._metadata = self._parts.metadata
            name, self._architecture = architecture_of(self._metadata)
            self._tensors = {
                named: self._parts.located[tensor.name]
                for named, tensor in named_tensors(self._parts.tensors, self._architecture).items()
            }
            self.config: Mapping[str, Any] = huggingface_config(
                self._metadata, self._parts.tensors, self._rope_tensors()
            )
            warn_of_assumptions(name, self.config, self._metadata)
            self.license = (text(self._metadata, "general.license") or "")[:200] or None
            self._changes = {
                name: change_of(tensor.name, tensor.shape[0], self._architecture, self.config)
                for name, (_, tensor) in self._tensors.items()
            }
        except BaseException:
            self.close()
            raise

    def names(self) -> list[str]:
        return sorted(self._tensors)

    def stored(self, name: str) -> StoredTensor:
        tensor = self._tensor(name)[1]
        change = self._changes[name]
        kind = "float32" if change.minus_one else KINDS[tensor.type_name]
        return StoredTensor(name, tensor.shape, kind)

    def read(self, name: str, start: int = 0, stop: int | None = None) -> npt.NDArray[Any] | Blocks:
        stored, (file, tensor), change = self.stored(name), self._tensor(name), self._changes[name]
        stop = stored.shape[0] if stop is None else stop
        kind = KINDS[tensor.type_name]
        row_bytes = StoredTensor(name, tensor.shape, kind).row_bytes
        if change.row_order is None:
            data = file.read(tensor.offset + start * row_bytes, (stop - start) * row_bytes)
        else:
            data = read_rows(file, tensor.offset, row_bytes, change.row_order(np.arange(start, stop)))
        if kind in BLOCK_SIZES:  # A lookup narrows no type, so mypy still sees float kinds here.
            return Blocks(kind, data.reshape(stop - start, row_bytes))  # type: ignore[arg-type]
        values: npt.NDArray[Any] = data.view(DTYPES[kind]).reshape(stop - start, *stored.shape[1:])
        return values.astype(np.float32) - np.float32(1) if change.minus_one else values

    def tokenizer_files(self) -> dict[str, bytes]:
        return tokenizer_files_from_gguf(self._metadata, self.config["vocab_size"])

    def close(self) -> None:
        self._parts.close()

    def _tensor(self, name: str) -> tuple[ByteRanges, GgufTensor]:
        if name not in self._tensors:
            raise missing_tensor(name, self.source)
        return self._tensors[name]

    def _rope_tensors(self) -> RopeTensors:
        return RopeTensors(*(self._rope_tensor(name) for name in (ROPE_DIVISORS, LONG_FACTORS, SHORT_FACTORS)))

    def _rope_tensor(self, name: str) -> list[float] | None:
        if name not in self._parts.located:
            return None
        file, tensor = self._parts.located[name]
        if tensor.type_name != "F32":
            raise NomoatError("unsupported", f"{name} is stored as {tensor.type_name}, not F32.", tensor=name)
        numbers: list[float] = file.read(tensor.offset, tensor.nbytes).view("<f4").tolist()
        return numbers


def read_rows(file: ByteRanges, offset: int, row_bytes: int, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """The ``rows`` of a tensor at ``offset``, in their order: uint8 [len(rows) * row_bytes]. Runs are read at once."""
    order = np.argsort(rows)
    ordered = rows[order]
    result = np.empty((len(rows), row_bytes), np.uint8)
    cuts = np.flatnonzero(np.diff(ordered) != 1) + 1
    for run, places in zip(np.split(ordered, cuts), np.split(order, cuts), strict=True):
        data = file.read(offset + int(run[0]) * row_bytes, len(run) * row_bytes)
        result[places] = data.reshape(len(run), row_bytes)
    return result.reshape(-1)
