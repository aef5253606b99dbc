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
from .safetensors_header import SafetensorsEntry, read_safetensors_header
from .sentence_transformers import read_pooling
from .tokenizer_files import read_tokenizer_folder

INDEX_NAME = "model.safetensors.index.json"
SINGLE_NAME = "model.safetensors"
MAX_CONFIG_BYTES = 1 << 20
DTYPES: dict[str, npt.DTypeLike] = {
    "float32": np.dtype("<f4"), "float16": np.dtype("<f2"), "bfloat16": np.dtype(ml_dtypes.bfloat16),
}  # fmt: skip
LICENSE_LINE = re.compile(r"^license:\s*[\"']?([A-Za-z0-9][A-Za-z0-9.+_-]{0,99})[\"']?\s*$", re.MULTILINE)


class HuggingFaceCheckpoint:
    """Weights are read with one open file per shard, and nothing is kept between reads."""

    source_format: SourceFormat = "safetensors"

    def __init__(self, folder: Path, source: str) -> None:
        self.folder = folder
        self.source = source
        self.config: Mapping[str, Any] = read_config(folder / "config.json")
        _refuse_quantized(self.config)
        self.license = read_license(folder)
        self._files: list[ByteRanges] = []
        self._entries: dict[str, tuple[ByteRanges, SafetensorsEntry]] = {}
        try:
            self._open_shards()
        except BaseException:
            self.close()
            raise

    def names(self) -> list[str]:
        return sorted(self._entries)

    def stored(self, name: str) -> StoredTensor:
        return self._usable(name)[1]

    def read(self, name: str, start: int = 0, stop: int | None = None) -> npt.NDArray[Any]:
        file, tensor, offset = self._usable(name)
        stop = tensor.shape[0] if stop is None else stop
        data = file.read(offset + start * tensor.row_bytes, (stop - start) * tensor.row_bytes)
        return data.view(DTYPES[tensor.kind]).reshape(stop - start, *tensor.shape[1:])

    def tokenizer_files(self) -> dict[str, bytes]:
        return read_tokenizer_folder(self.folder, self.config)

    def close(self) -> None:
        for file in self._files:
            file.close()

    def _open_shards(self) -> None:
        index_path = self.folder / INDEX_NAME
        if not index_path.is_file():
            self._open_shard(SINGLE_NAME)
            return
        weight_map = read_json_object(index_path).get("weight_map")
        if not isinstance(weight_map, dict) or not all(isinstance(v, str) for v in weight_map.values()):
            raise NomoatError("invalid_checkpoint", f"{INDEX_NAME} has no weight_map of tensor names to file names.")
        for shard in sorted(set(weight_map.values())):
            if Path(shard).name != shard or not shard.endswith(".safetensors"):
                raise NomoatError(
                    "invalid_checkpoint",
                    f"{INDEX_NAME} names the shard {shard!r}; a shard must be a .safetensors file in the same folder.",
                )
            if not (self.folder / shard).is_file():
                raise NomoatError(
                    "invalid_checkpoint",
                    f"{INDEX_NAME} names the shard {shard}, but the folder has no such file. Download it.",
                    file=shard,
                )
            self._open_shard(shard)
        for name, shard in weight_map.items():
            if name not in self._entries or self._entries[name][0].path.name != shard:
                raise NomoatError(
                    "invalid_checkpoint", f"{INDEX_NAME} says that {name} is in {shard}, but it is not.", tensor=name
                )

    def _open_shard(self, shard: str) -> None:
        file = ByteRanges(self.folder / shard)
        self._files.append(file)
        for name, entry in read_safetensors_header(file).items():
            if name in self._entries:
                raise NomoatError(
                    "invalid_checkpoint",
                    f"{name} is both in {self._entries[name][0].path.name} and in {shard}.",
                    tensor=name,
                )
            self._entries[name] = (file, entry)

    def _usable(self, name: str) -> tuple[ByteRanges, StoredTensor, int]:
        if name not in self._entries:
            raise missing_tensor(name, self.source)
        file, entry = self._entries[name]
        if entry.stored is None:
            raise NomoatError(
                "unsupported",
                f"{name} is stored as {entry.dtype}; weights must be F32, F16 or BF16 with one or two non-empty "
                "dimensions. Use the unquantized checkpoint.",
                tensor=name,
            )
        return file, entry.stored, entry.offset


class ConfigCheckpoint:
    """config.json alone: enough for a program, and it has no tensor."""

    source_format: SourceFormat = "config"

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
    """config.json; of an encoder with ``pooling``, which transformers keeps elsewhere."""
    config = read_json_object(path, max_bytes=MAX_CONFIG_BYTES)
    pooling = read_pooling(path.parent)
    return config if pooling is None else config | {"pooling": pooling}


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


def _refuse_quantized(config: Mapping[str, Any]) -> None:
    """GPTQ, AWQ, bitsandbytes and the like pack weights in ways of their own."""
    quantization = config.get("quantization_config")
    if quantization:
        method = quantization.get("quant_method") if isinstance(quantization, dict) else quantization
        raise NomoatError(
            "unsupported",
            f"The checkpoint is quantized already ({str(method)[:60]}). Compile from the unquantized checkpoint, or "
            "from a GGUF file in Q4_0, Q4_1 or Q8_0.",
            method=str(method)[:60],
        )
