"""A PEFT adapter in, an adapter package out."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib import metadata
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import NomoatError
from ..program.adapter_package import weights_sha256
from ..program.adapters import SCHEMES, lora_tensors
from ..program.manifest import MANIFEST_NAME, PackageFile, manifest_bytes
from ..program.package import Package, check_may_write, package_in_place, read_package
from ..program.scope import Configuration
from ..program.tensor_spec import TensorSpec
from ..program.tensors import plan_tensors
from ..quantize.encode import STORED_DTYPES
from ..quantize.groups import quantize_groups
from ..quantize.writer import INDEX_PATH, WEIGHTS_FOLDER, WeightsWriter
from ..scheme import Grouped, Parameter, Scheme, scheme_from_json, stored_parameters
from .peft_folder import PeftFolder
from .stacked import StackedLora, stack
from .targets import Target, find_targets


@dataclass(frozen=True)
class AdapterReport:
    """What a compile made. Sizes in bytes."""

    id: str
    base: str
    quantization: str
    modules: int
    rank: int  # the largest of a module
    parameter_count: int
    package_bytes: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def compile_adapter(
    adapter: str | Path,
    output: str | Path,
    *,
    base: str | Path,
    quantization: str | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> AdapterReport:
    """Compiles the PEFT folder ``adapter`` for the model package ``base`` into ``output``, complete or not at all.

    ``quantization``: q8, with A in 8 bits and B in float16; f16, which keeps eleven bits of every number; or f32, which
    keeps what PEFT wrote to the last bit but one. By default q8 beside a base that is quantized, else f16.
    ``on_progress`` gets ("weights", tensors done, tensors in all). Errors: ``invalid_request`` for the arguments; those
    of ``PeftFolder``, ``find_targets``, ``stack`` and ``read_package``.
    """
    if quantization not in (None, *SCHEMES):
        raise NomoatError("invalid_request", f"An adapter is stored in {', '.join(SCHEMES)}, not in {quantization}.")
    folder = Path(output).expanduser().resolve()
    check_may_write(folder)
    package = read_package(base)
    if package.weights_index is None:
        raise NomoatError("invalid_request", f"{package.manifest['id']} has no weights, so no adapter fits it.")
    if quantization is None:
        quantization = "q8" if any(isinstance(scheme, Grouped) for scheme in _schemes(package)) else "f16"
    with closing(PeftFolder(Path(adapter).expanduser())) as peft:
        targets = find_targets(peft, base_specs(package))
        with package_in_place(folder) as temporary:
            files, values = _write(temporary, peft, targets, quantization, on_progress)
            manifest = _manifest(peft.name, package, quantization, values)
            (temporary / MANIFEST_NAME).write_bytes(manifest_bytes(manifest, files))
    return AdapterReport(
        id=manifest["id"], base=manifest["base"]["id"], quantization=quantization, modules=len(targets),
        rank=max(target.rank for target in targets), parameter_count=values,
        package_bytes=sum(file.nbytes for file in files),
    )  # fmt: skip


def base_specs(package: Package) -> list[TensorSpec]:
    """The tensors of a compiled model as its plan has them."""
    program = package.program
    sizes = {name: program[name] for name in ("context_length", "prefill_chunk", "page_size")}
    return plan_tensors(program["plan"], Configuration(program["model"], program["layers"], **sizes))


def parameters_of(lora: StackedLora, quantization: str) -> Iterator[tuple[Parameter, np.ndarray[Any, Any]]]:
    """The stored arrays of one tensor: program/adapters.py."""
    tensor = {"name": lora.spec.name, "shape": lora.spec.shape, "sources": lora.spec.sources}
    tensors = lora_tensors(tensor, {"rank": lora.rank, "quantization": quantization})
    for values, (name, shape, scheme) in zip((lora.a, lora.b, lora.scale), tensors, strict=True):
        arrays: list[np.ndarray[Any, Any]]
        if isinstance(scheme, Grouped):
            arrays = [*quantize_groups(values, scheme, name)]
        else:
            arrays = [values.astype(STORED_DTYPES[scheme.dtype])]
        yield from zip(stored_parameters(name, shape, scheme), arrays, strict=True)


def _schemes(base: Package) -> list[Scheme]:
    return [scheme_from_json(tensor["scheme"]) for tensor in base.instance.tensors if tensor["kind"] == "linear"]


def _write(
    folder: Path,
    peft: PeftFolder,
    targets: Sequence[Target],
    quantization: str,
    on_progress: Callable[[str, int, int], None] | None,
) -> tuple[list[PackageFile], int]:
    """The files of the weights, and the number of values that the adapter has itself."""
    (folder / WEIGHTS_FOLDER).mkdir()
    writer = WeightsWriter(folder, "raw")
    groups = [list(group) for _, group in groupby(targets, key=lambda target: target.spec.name)]
    for done, group in enumerate(groups):
        for parameter, array in parameters_of(stack(peft, group), quantization):
            writer.append(parameter, array)
        if on_progress:
            on_progress("weights", done + 1, len(groups))
    values = sum(math.prod(tensor.shape) for pair in peft.pairs.values() for tensor, _ in (pair.a, pair.b))
    return writer.finish(values), values


def _manifest(name: str, base: Package, quantization: str, values: int) -> dict[str, Any]:
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:100].strip("-._")
    own = base.manifest
    return {
        "format": "nomoat-package",
        "version": 1,
        "kind": "adapter",
        "base": {
            "id": own["id"],
            "source": own["provenance"]["source"],
            "quantization": own["quantization"],
            "weights_sha256": weights_sha256(base),
        },
        "id": f"{cleaned or 'adapter'}-lora",
        "name": name[:200] or "adapter",
        "architecture": own["architecture"],
        "quantization": quantization,
        "context_length": own["context_length"],
        "parameter_count": values,
        "license": None,
        "provenance": {
            "source": name[:300],
            "source_format": "peft",
            "compiler": metadata.version("nomoat")[:60],
            "tvm": own["provenance"]["tvm"],
        },
        "program": None,
        "weights": INDEX_PATH,
        "tokenizer": dict.fromkeys(own["tokenizer"]),
    }
