"""An adapter's package: which tensors of its base it changes, checked against that base.

For a tensor T of kind ``linear`` with rows N and columns K, made of P sources, the weights hold ``T.lora_a``
(P * rank, K) and ``T.lora_b`` (rank / 2, 2 * N) as the manifest's quantization says (SCHEMES of adapters.py), and
``T.lora_scale`` (P * rank) in float32: adapter/stacked.py. The runtime reads the same in runtime/src/engine/adapter.ts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import NomoatError
from ..scheme import stored_parameters
from .adapters import MAX_RANK, SCHEMES, check_parts, lora_tensors
from .instance import Instance
from .package import Package, read_manifest, read_weights_index, weight_records


@dataclass(frozen=True)
class AdapterPackage:
    """A package whose manifest, files and weights index were checked; ``arrays``: (shape, dtype, nbytes) by name."""

    folder: Path
    manifest: dict[str, Any]
    weights_index: dict[str, Any]
    arrays: dict[str, tuple[list[int], str, int]]


def read_adapter(folder: str | Path, *, verify_hashes: bool = False) -> AdapterPackage:
    """``invalid_request`` for a package that is a model, else the errors of ``read_package``."""
    folder = Path(folder)
    manifest = read_manifest(folder, verify_hashes=verify_hashes)
    if "kind" not in manifest:
        raise NomoatError("invalid_request", f"{manifest['id']} is a model, and no adapter.", id=manifest["id"])
    index = read_weights_index(folder, manifest)
    return AdapterPackage(folder, manifest, index, weight_records(manifest, index))


def check_base(adapter: AdapterPackage, base: Package) -> dict[str, dict[str, Any]]:
    """The adapter's binding for ``bind_adapters``; ``invalid_request`` for a base that it was not compiled for.

    A base is the package whose hash is recorded, or one of the same source with another quantization.
    ``invalid_package`` where the arrays do not fit the tensors of the base.
    """
    wanted, manifest = adapter.manifest["base"], base.manifest
    same_source = manifest["provenance"]["source"] == wanted["source"]
    if weights_sha256(base) != wanted["weights_sha256"] and not (
        same_source and manifest["quantization"] != wanted["quantization"]
    ):
        raise NomoatError(
            "invalid_request",
            f"The adapter {adapter.manifest['id']} was compiled for {wanted['id']}, and this is another model, "
            f"{manifest['id']}. Compile the adapter again with --base.",
            base=wanted["id"], found=manifest["id"],
        )  # fmt: skip
    return adapter_binding(adapter.arrays, adapter.manifest["quantization"], base.instance)


def weights_sha256(base: Package) -> str:
    """What names the weights of a model package: the SHA-256 of its weights index, which has a hash of every shard."""
    return next(f["sha256"] for f in base.manifest["files"] if f["path"] == base.manifest["weights"])


def adapter_binding(
    arrays: Mapping[str, tuple[list[int], str, int]], quantization: str, instance: Instance
) -> dict[str, dict[str, Any]]:
    """{tensor: {rank, quantization}} of an adapter's arrays; ``invalid_package`` where one does not fit its tensor."""
    if quantization not in SCHEMES:
        raise _invalid(f"its quantization must be one of {', '.join(SCHEMES)}, not {quantization}")
    binding: dict[str, dict[str, Any]] = {}
    count = 0
    for name in sorted({name.rpartition(".lora_")[0] for name in arrays}):
        tensor = instance.tensors_by_name.get(name)
        b = arrays.get(f"{name}.lora_b.weight", ([], "", 0))[0]
        if tensor is None or tensor["kind"] != "linear" or len(b) != 2:
            raise _invalid(f"its weights must be those of matrices of its base; {name} is not")
        check_parts(name, len(tensor["sources"]))
        rank = 2 * b[0]
        if not 4 <= rank <= MAX_RANK or rank % 4:
            raise _invalid(f"the rank of {name} must be a multiple of 4 from 4 to {MAX_RANK}, not {rank}")
        binding[name] = {"rank": rank, "quantization": quantization}
        for lora in lora_tensors(tensor, binding[name]):
            for stored in stored_parameters(*lora):
                count += 1
                found = arrays.get(stored.name)
                if found is None or found[:2] != (list(stored.shape), stored.dtype):
                    has = "missing" if found is None else f"{found[1]} {found[0]}"
                    raise _invalid(f"{stored.name} must be {stored.dtype} {list(stored.shape)}, and is {has}")
    if len(arrays) != count:
        raise _invalid("it has more arrays than its matrices need")
    return binding


def _invalid(problem: str) -> NomoatError:
    return NomoatError("invalid_package", f"The adapter is not valid: {problem}. Compile or fetch it again.")
