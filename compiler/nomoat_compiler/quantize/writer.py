"""Writes stored parameters into shards and tensor-cache.json, in MLC's format (tvm.contrib.tvmjs).

Shards hold at most 32 MiB; a parameter of half that or more which does not fit into the shard being filled gets a shard
of its own. Every file's SHA-256 is taken while it is written. In memory: the shard being filled, and one parameter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checkpoint.checkpoint import Checkpoint
from ..program.manifest import PackageFile
from ..program.tensor_spec import TensorSpec
from ..scheme import Parameter, Scheme
from .choose import MLC_FLOAT_DTYPES
from .encode import NOTHING, encode_tensor

SHARD_CAP_BYTES = 32 << 20
WEIGHTS_FOLDER = "weights"
INDEX_NAME = "tensor-cache.json"
INDEX_PATH = f"{WEIGHTS_FOLDER}/{INDEX_NAME}"


@dataclass
class WeightsWriter:
    """Appends parameters in order; ``finish`` writes the last shard and the index.

    Files go into ``folder``, a folder of the package folder ``package``, or where that is empty into the latter.
    """

    package: Path
    # "f32-to-bf16" is MLC's label on every record of a package; it says something only where dtype is float32.
    record_format: str
    shard_cap_bytes: int = SHARD_CAP_BYTES
    folder: str = WEIGHTS_FOLDER
    _shards: list[dict[str, Any]] = field(default_factory=list)
    _files: list[PackageFile] = field(default_factory=list)
    _pending: bytearray = field(default_factory=bytearray)
    _pending_records: list[dict[str, Any]] = field(default_factory=list)
    _parameter_count: int = 0
    _parameter_bytes: int = 0

    def append(self, parameter: Parameter, array: np.ndarray[Any, np.dtype[Any]]) -> None:
        # MLC calls an array of bfloat16 that stands for float32 "float32" and counts 4 bytes for each value.
        as_float32 = self.record_format == "f32-to-bf16" and parameter.dtype == "bfloat16"
        record: dict[str, Any] = {
            "name": parameter.name,
            "shape": list(parameter.shape),
            "dtype": "float32" if as_float32 else parameter.dtype,
            "format": self.record_format,
            "nbytes": parameter.nbytes,
            "byteOffset": 0,
        }
        self._parameter_count += 1
        self._parameter_bytes += parameter.nbytes * (2 if as_float32 else 1)
        data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
        assert len(data) == parameter.nbytes, f"{parameter.name}: {len(data)} bytes, not {parameter.nbytes}"
        if len(self._pending) + len(data) >= self.shard_cap_bytes:
            if 2 * len(data) >= self.shard_cap_bytes:
                self._write_shard(data, [record])
                return
            self._write_pending()
        record["byteOffset"] = len(self._pending)
        self._pending_records.append(record)
        self._pending += data

    def finish(self, value_count: int) -> list[PackageFile]:
        """``value_count``: the weights of the model before encoding, for BitsPerParam."""
        self._write_pending()
        metadata = {
            "ParamSize": self._parameter_count,
            "ParamBytes": self._parameter_bytes,
            "BitsPerParam": self._parameter_bytes * 8 / value_count,
        }
        index = json.dumps({"metadata": metadata, "records": self._shards}, indent=1).encode()
        self._write_file(INDEX_NAME, memoryview(index))
        return self._files

    def _write_pending(self) -> None:
        if self._pending:
            self._write_shard(memoryview(self._pending), self._pending_records)
            self._pending = bytearray()
            self._pending_records = []

    def _write_shard(self, data: memoryview, records: list[dict[str, Any]]) -> None:
        name = f"params_shard_{len(self._shards)}.bin"
        self._write_file(name, data)
        self._shards.append(
            {
                "dataPath": name, "format": "raw-shard", "nbytes": len(data),
                "md5sum": hashlib.md5(data, usedforsecurity=False).hexdigest(), "records": records,
            }
        )  # fmt: skip

    def _write_file(self, name: str, data: memoryview) -> None:
        path = f"{self.folder}/{name}" if self.folder else name
        (self.package / path).write_bytes(data)
        self._files.append(PackageFile(path, len(data), hashlib.sha256(data).hexdigest()))


def write_weights(
    package: Path,
    specs: Sequence[TensorSpec],
    checkpoint: Checkpoint,
    schemes: dict[str, Scheme],
    quantization: str,
    on_tensor: Callable[[int, int], None],
    *,
    folder: str = WEIGHTS_FOLDER,
    names: Mapping[str, str] | None = None,
    importance: Mapping[str, npt.NDArray[np.float32]] = NOTHING,
) -> list[PackageFile]:
    """Encodes every tensor into ``package``; ``on_tensor`` gets (values done, values in all) after each.

    ``names``: what a tensor is called in the index, where that is not its own name. ``importance``: of encode_tensor.
    """
    (package / folder).mkdir(exist_ok=not folder)
    writer = WeightsWriter(package, "f32-to-bf16" if quantization in MLC_FLOAT_DTYPES else "raw", folder=folder)
    total = sum(int(np.prod(spec.shape)) for spec in specs)
    done = 0
    for spec in specs:
        scheme = schemes[spec.name]
        spec = replace(spec, name=(names or {}).get(spec.name, spec.name))
        for parameter, array in encode_tensor(spec, checkpoint, scheme, quantization, importance):
            writer.append(parameter, array)
        done += int(np.prod(spec.shape))
        on_tensor(done, total)
    return writer.finish(total)
