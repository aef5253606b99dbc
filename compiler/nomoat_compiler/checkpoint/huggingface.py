"""A Hugging Face folder: config.json with single or sharded safetensors, or config.json alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from ..errors import NomoatError
from .byte_ranges import ByteRanges
from .checkpoint import SourceFormat, StoredTensor
from .json_file import read_json_object
from .quantized_config import fp8_block
from .safetensors_header import SafetensorsEntry
from .scaled_fp8 import FP8_DTYPES, check_scale, is_scale, read_fp8_rows, scale_of
from .sentence_pooling import read_pooling
from .tensor_names import canonical_names
from .tied_head import stored_under_other_name
from .tokenizer_files import read_tokenizer_folder
from .weight_files import open_dense_files, open_weight_files

MAX_CONFIG_BYTES = 1 << 20
DTYPES: dict[str, npt.DTypeLike] = {
    "float32": np.dtype("<f4"), "float16": np.dtype("<f2"), "bfloat16": np.dtype(ml_dtypes.bfloat16),
}  # fmt: skip
LICENSE_LINE = re.compile(r"^license:\s*[\"']?([A-Za-z0-9][A-Za-z0-9.+_-]{0,99})[\"']?\s*$", re.MULTILINE)


class HuggingFaceCheckpoint:
    """Weights are read with one open file per shard, and nothing is kept between reads."""

    source_format: SourceFormat = "safetensors"
    quantization: str | None = None

    def __init__(self, folder: Path, source: str) -> None:
        self.folder = folder
        self.source = source
        self.config: Mapping[str, Any] = read_config(folder / "config.json")
        self._fp8_block = fp8_block(self.config)
        self.license = read_license(folder)
        self._files = [open_weight_files(folder)]
        try:
            entries = self._files[0].entries
            self._entries = {name: entries[stored] for name, stored in canonical_names(entries).items()}
            self._files += open_dense_files(folder, (self.config.get("pooling") or {}).get("dense", []))
            for files in self._files[1:]:
                self._entries |= files.entries
            aliases = stored_under_other_name(self.config, self._entries)
            self._entries |= {name: self._entries[other] for name, other in aliases.items()}
        except BaseException:
            self.close()
            raise

    def names(self) -> list[str]:
        return sorted(name for name in self._entries if not is_scale(name))

    def stored(self, name: str) -> StoredTensor:
        _, entry = self._entry(name)
        if entry.dtype in FP8_DTYPES and entry.shape and min(entry.shape) > 0:
            scale = scale_of(name, self._entries)
            check_scale(name, entry, None if scale is None else scale[1], self._fp8_block)
            return StoredTensor(name, entry.shape, "float32")
        if entry.stored is None:
            raise NomoatError(
                "unsupported",
                f"{name} is stored as {entry.dtype} {list(entry.shape)}; weights must be F32, F16, BF16 or F8 with "
                "one or two non-empty dimensions. Use the unquantized checkpoint.",
                tensor=name,
            )
        return StoredTensor(name, entry.shape, entry.stored.kind)

    def read(self, name: str, start: int = 0, stop: int | None = None) -> npt.NDArray[Any]:
        tensor = self.stored(name)
        file, entry = self._entry(name)
        stop = tensor.shape[0] if stop is None else stop
        if entry.dtype in FP8_DTYPES:
            return read_fp8_rows((file, entry), scale_of(name, self._entries), self._fp8_block, start, stop)
        data = file.read(entry.offset + start * tensor.row_bytes, (stop - start) * tensor.row_bytes)
        return data.view(DTYPES[tensor.kind]).reshape(stop - start, *tensor.shape[1:])

    def tokenizer_files(self) -> dict[str, bytes]:
        return read_tokenizer_folder(self.folder, self.config)

    def close(self) -> None:
        for files in self._files:
            files.close()

    def _entry(self, name: str) -> tuple[ByteRanges, SafetensorsEntry]:
        if name not in self._entries:
            raise missing_tensor(name, self.source)
        return self._entries[name]


class ConfigCheckpoint:
    """config.json alone: enough for a program, and it has no tensor."""

    source_format: SourceFormat = "config"
    quantization: str | None = None

    def __init__(self, config_path: Path, source: str) -> None:
        self.folder = config_path.parent
        self.source = source
        self.config: Mapping[str, Any] = read_config(config_path)
        self.license = read_license(self.folder)

    def names(self) -> list[str]:
        return []

    def stored(self, name: str) -> StoredTensor:
        raise missing_tensor(name, self.source)

    def read(self, name: str, start: int = 0, stop: int | None = None) -> npt.NDArray[Any]:
        raise missing_tensor(name, self.source)

    def tokenizer_files(self) -> dict[str, bytes]:
        return read_tokenizer_folder(self.folder, self.config)

    def close(self) -> None:
        pass


def read_config(path: Path) -> dict[str, Any]:
    """config.json, and under ``pooling`` what sentence-transformers says beside it."""
    config = read_json_object(path, max_bytes=MAX_CONFIG_BYTES)
    pooling = read_pooling(path.parent)
    return config if pooling is None else {**config, "pooling": pooling}


def read_license(folder: Path) -> str | None:
    """The SPDX-like id in the front matter of the model card, where there is one."""
    card = folder / "README.md"
    if not card.is_file():
        return None
    with card.open("rb") as file:
        text = file.read(1 << 16).decode("utf-8", "replace")
    front_matter = text.removeprefix("---\n").partition("\n---")[0] if text.startswith("---\n") else ""
    match = LICENSE_LINE.search(front_matter)
    return match[1] if match else None


def missing_tensor(name: str, source: str) -> NomoatError:
    return NomoatError(
        "invalid_checkpoint",
        f"{source} has no tensor {name}, which its configuration calls for. Check that config.json belongs to these "
        "weights, and that the checkpoint is complete.",
        tensor=name,
    )
