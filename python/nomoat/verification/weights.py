"""Float32 weights by a plan's names, from a checkpoint and from a package: what the interpreter runs on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from nomoat_compiler.checkpoint.checkpoint import Checkpoint
from nomoat_compiler.program.package import Package
from nomoat_compiler.program.tensor_spec import TensorSpec
from nomoat_compiler.quantize.sources import read_tensor
from nomoat_compiler.reference.quantize import dequantize, stored_array

Float32 = npt.NDArray[np.float32]
Tensors = Callable[[str], Float32]
# What is kept between forward passes; models beyond it are read again each time instead of filling memory.
KEPT_BYTES = 4 << 30


def checkpoint_tensors(checkpoint: Checkpoint, specs: Iterable[TensorSpec]) -> Tensors:
    by_name = {spec.name: spec for spec in specs}
    return keeping(lambda name: read_tensor(by_name[name], checkpoint))


def package_tensors(package: Package) -> Tensors:
    """The tensors of a package as its kernels see them: dequantized."""
    assert package.weights_index is not None
    records = {
        record["name"]: (shard["dataPath"], record["byteOffset"])
        for shard in package.weights_index["records"]
        for record in shard["records"]
    }
    parameters = {parameter["name"]: parameter for parameter in package.instance.parameters}

    def array(name: str) -> npt.NDArray[Any]:
        parameter = parameters[name]
        data_path, offset = records[name]
        path = package.folder / "weights" / data_path
        data = np.fromfile(path, np.uint8, count=parameter["nbytes"], offset=offset).tobytes()
        return stored_array(data, parameter["dtype"], tuple(parameter["shape"]))

    def read(name: str) -> Float32:
        tensor = package.instance.tensors_by_name[name]
        arrays = {role: array(parameter) for role, parameter in tensor["parameters"].items()}
        return dequantize(tensor["scheme"], tuple(tensor["shape"]), arrays)

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
    return all(np.array_equal(one(name), other(name)) for name in package.instance.tensors_by_name)
