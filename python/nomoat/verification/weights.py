"""Float32 weights by Hugging Face name, from a checkpoint and from a package: what the NumPy reference runs on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from nomoat_compiler.checkpoint.checkpoint import Blocks, Checkpoint
from nomoat_compiler.models.config import LlamaConfig
from nomoat_compiler.models.llama import tensor_specs
from nomoat_compiler.program.package import Package
from nomoat_compiler.quantize.ggml_blocks import dequantize_blocks
from nomoat_compiler.reference.quantize import dequantize, stored_array

Float32 = npt.NDArray[np.float32]
Tensors = Callable[[str], Float32]
# What is kept between forward passes; models beyond it are read again each time instead of filling memory.
KEPT_BYTES = 4 << 30


def checkpoint_tensors(checkpoint: Checkpoint) -> Tensors:
    def read(name: str) -> Float32:
        stored = checkpoint.read(name)
        return dequantize_blocks(stored) if isinstance(stored, Blocks) else stored.astype(np.float32)

    return keeping(read)


def package_tensors(package: Package, config: LlamaConfig) -> Tensors:
    """The tensors of a package as its kernels see them: dequantized, and fused rows (qkv_proj) taken apart."""
    assert package.weights_index is not None
    records = {
        record["name"]: (shard["dataPath"], record["byteOffset"])
        for shard in package.weights_index["records"]
        for record in shard["records"]
    }
    parameters = {parameter["name"]: parameter for parameter in package.program["parameters"]}
    tensors = {tensor["name"]: tensor for tensor in package.program["tensors"]}
    rows: dict[str, tuple[str, int, int]] = {}  # Hugging Face name -> logical tensor, first row, number of rows
    for spec in tensor_specs(config):
        start = 0
        for source, count in zip(spec.sources, spec.source_rows, strict=True):
            rows[source] = (spec.name, start, count)
            start += count

    def array(name: str) -> npt.NDArray[Any]:
        parameter = parameters[name]
        data_path, offset = records[name]
        path = package.folder / "weights" / data_path
        data = np.fromfile(path, np.uint8, count=parameter["nbytes"], offset=offset).tobytes()
        return stored_array(data, parameter["dtype"], tuple(parameter["shape"]))

    def read(name: str) -> Float32:
        logical, start, count = rows[name]
        tensor = tensors[logical]
        arrays = {role: array(parameter)[start : start + count] for role, parameter in tensor["parameters"].items()}
        return dequantize(tensor["scheme"], (count, *tensor["shape"][1:]), arrays)

    return keeping(read)


def keeping(read: Tensors) -> Tensors:
    """``read`` with a memory of the first ``KEPT_BYTES``. Not a cache of the latest: every pass reads in one order."""
    kept: dict[str, Float32] = {}
    free_bytes = KEPT_BYTES

    def tensor(name: str) -> Float32:
        nonlocal free_bytes
        if name in kept:
            return kept[name]
        value = read(name)
        if value.nbytes <= free_bytes:
            kept[name] = value
            free_bytes -= value.nbytes
        return value

    return tensor


def equal_weights(config: LlamaConfig, one: Tensors, other: Tensors) -> bool:
    """Whether all tensors have the same float32 values (then both mean the same model)."""
    return all(np.array_equal(one(s), other(s)) for spec in tensor_specs(config) for s in spec.sources)
