"""Float32 weights by Hugging Face name, from a checkpoint and from a package: what the NumPy reference runs on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from nomoat_compiler.checkpoint.checkpoint import Blocks, Checkpoint, Groups
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
        if isinstance(stored, Groups):
            return stored.dequantized()
        return dequantize_blocks(stored) if isinstance(stored, Blocks) else stored.astype(np.float32)

    return keeping(read)


def package_tensors(package: Package) -> Tensors:
    """The tensors of a package as its kernels see them: dequantized, and fused rows (qkv_proj) taken apart."""
    assert package.weights_index is not None
    records = {
        record["name"]: (shard["dataPath"], record["byteOffset"])
        for shard in package.weights_index["records"]
        for record in shard["records"]
    }
    parameters = {parameter["name"]: parameter for parameter in package.instance.parameters}
    rows: dict[str, tuple[dict[str, Any], int, int]] = {}  # Hugging Face name -> tensor, first row, number of rows
    for tensor in package.instance.tensors:
        start = 0
        for source in tensor["sources"]:
            rows[source["name"]] = (tensor, start, source["rows"])
            start += source["rows"]

    def array(name: str) -> npt.NDArray[Any]:
        parameter = parameters[name]
        data_path, offset = records[name]
        path = package.folder / "weights" / data_path
        data = np.fromfile(path, np.uint8, count=parameter["nbytes"], offset=offset).tobytes()
        return stored_array(data, parameter["dtype"], tuple(parameter["shape"]))

    def read(name: str) -> Float32:
        tensor, start, count = rows[name]
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


def equal_weights(package: Package, one: Tensors, other: Tensors) -> bool:
    """Whether all tensors have the same float32 values (then both mean the same model)."""
    sources = (source["name"] for tensor in package.instance.tensors for source in tensor["sources"])
    return all(np.array_equal(one(name), other(name)) for name in sources)
