"""What a package holds and what it costs to run: sizes, operators, dispatches, memory. Nothing is executed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nomoat_compiler.errors import NomoatError
from nomoat_compiler.expression import evaluate
from nomoat_compiler.operators.catalog import gpu_operator
from nomoat_compiler.operators.definition import definition_symbols
from nomoat_compiler.program.instance import Instance
from nomoat_compiler.program.package import Package
from nomoat_compiler.scheme import DTYPE_BYTES

GPU_BUFFER_ALIGNMENT_BYTES = 16


@dataclass(frozen=True)
class TensorGroup:
    """Tensors that are stored alike and differ only in their layer."""

    name: str  # model.layers.*.mlp.down_proj
    count: int
    shape: list[int]
    scheme: str  # "4 bit / 32, float16 scale and minimum": bits / group size
    nbytes: int  # of all of them


@dataclass(frozen=True)
class Operator:
    """A distinct definition. Dispatches are those of WebGPU where no matrix has to be bound in slices."""

    name: str
    definition: dict[str, Any]
    decode_dispatches: int  # of one decoded token, sample_greedy included
    prefill_dispatches: int  # of an encoder those of a text
    own_kernels: int  # that the package brings for it


@dataclass(frozen=True)
class Memory:
    """GPU memory in bytes of one sequence at one context length."""

    context_length: int
    weights_bytes: int
    kv_cache_bytes: int
    recurrent_state_bytes: int  # of one sequence
    scratch_bytes: int
    total_bytes: int


@dataclass(frozen=True)
class Inspection:
    id: str
    name: str
    quantization: str
    license: str | None
    provenance: dict[str, Any]
    config: dict[str, Any]
    context_length: int
    prefill_chunk: int
    page_size: int
    parameter_count: int
    package_bytes: int
    weights_bytes: int
    program_bytes: int
    bits_per_weight: float
    tensors: list[TensorGroup]
    operators: list[Operator]
    dispatches_per_decode_token: int
    dispatches_per_prefill_chunk: int
    memory: Memory

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def inspect_package(package: Package, context_length: int | None = None) -> Inspection:
    """The figures of a package. ``context_length``: for the memory, default the program's own.

    Raises ``NomoatError`` ``invalid_request`` where the program was compiled for a shorter context.
    """
    manifest, program, instance = package.manifest, package.program, package.instance
    longest = int(program["context_length"])
    if context_length is not None and not 1 <= context_length <= longest:
        raise NomoatError(
            "invalid_request",
            f"--context is {context_length}; this program was compiled for 1 to {longest} tokens. "
            "Compile with a larger --context-length.",
            context_length=context_length,
        )
    sizes = {file["path"]: file["nbytes"] for file in manifest["files"]}
    weights_bytes = sum(parameter["nbytes"] for parameter in instance.parameters)
    counted = operators(program, instance)
    return Inspection(
        id=manifest["id"],
        name=manifest["name"],
        quantization=manifest["quantization"],
        license=manifest["license"],
        provenance=dict(manifest["provenance"]),
        config=dict(program["model"]),
        context_length=longest,
        prefill_chunk=program["prefill_chunk"],
        page_size=program["page_size"],
        parameter_count=manifest["parameter_count"],
        package_bytes=sum(sizes.values()),
        weights_bytes=weights_bytes,
        program_bytes=sum(nbytes for path, nbytes in sizes.items() if path.startswith("program/")),
        bits_per_weight=8 * weights_bytes / manifest["parameter_count"],
        tensors=tensor_groups(instance),
        operators=counted,
        dispatches_per_decode_token=sum(operator.decode_dispatches for operator in counted),
        dispatches_per_prefill_chunk=sum(operator.prefill_dispatches for operator in counted),
        memory=memory(instance, context_length or longest),
    )


def tensor_groups(instance: Instance) -> list[TensorGroup]:
    stored_bytes = {parameter["name"]: parameter["nbytes"] for parameter in instance.parameters}
    groups: dict[tuple[str, tuple[int, ...], str], list[int]] = {}
    for tensor in instance.tensors:
        name = ".".join("*" if part.isdigit() else part for part in tensor["name"].split("."))
        nbytes = sum(stored_bytes[parameter] for parameter in tensor["parameters"].values())
        groups.setdefault((name, tuple(tensor["shape"]), describe_scheme(tensor["scheme"])), []).append(nbytes)
    return [
        TensorGroup(name, len(nbytes), list(shape), scheme, sum(nbytes))
        for (name, shape, scheme), nbytes in groups.items()
    ]


def describe_scheme(scheme: Mapping[str, Any]) -> str:
    if scheme["bits"] >= 16:
        return str(scheme["dtype"])
    if "codebook" in scheme:
        offset = f"scale, {scheme['codebook']}"
    else:
        offset = "scale and minimum" if scheme.get("minimum") else f"scale, zero at {scheme['zero']}"
    return f"{scheme['bits']} bit / {scheme['group_size']}, {scheme['scale_dtype']} {offset}"


def operators(program: Mapping[str, Any], instance: Instance) -> list[Operator]:
    """Every operator of the instance; one of the package's own counts its own stages."""
    own = [(entry["definition"], bool(entry["prefill"]), entry["stages"]) for entry in program["own_operators"]]
    steps = {name: Counter(step["operator"] for step in calls) for name, calls in instance.functions.items()}
    in_decode = steps.get("decode", Counter()) + steps.get("sample_greedy", Counter())
    in_prompt = steps.get("encode") or steps["prefill"]
    found = []
    for key, operator in instance.operators.items():
        definition = operator["definition"]
        stages = {prefill: of for known, prefill, of in own if known == definition}
        counts = {prefill: _stage_count(definition, prefill, stages.get(prefill, [])) for prefill in (False, True)}
        kernels = {variant["kernel"] for of in stages.values() for stage in of for variant in stage["variants"]}
        decode, prefill = in_decode[key] * counts[False], in_prompt[key] * counts[True]
        found.append(Operator(key, definition, decode, prefill, len(kernels)))
    return found


def _stage_count(definition: Mapping[str, Any], prefill: bool, own_stages: Sequence[Any]) -> int:
    """Dispatches of one step: the library's, or for an operator that it lacks the package's."""
    if definition["op"] == "opaque":
        return len(own_stages)
    symbols = definition_symbols(definition, prefill=prefill)
    return sum(evaluate(stage.when, symbols) != 0 for stage in gpu_operator(definition["op"]).stages)


def memory(instance: Instance, context_length: int) -> Memory:
    """Buffers as the runtime allocates them: weights padded to 16 bytes, KV pages for ``context_length`` tokens."""
    symbols = {
        "n": instance.prefill_chunk, "kv_pages": math.ceil(context_length / instance.page_size), "state_slots": 1,
    }  # fmt: skip
    weights_bytes = sum(padded(parameter["nbytes"]) for parameter in instance.parameters)
    by_kind: Counter[str] = Counter()
    for array in [*instance.constants, *instance.buffers]:
        by_kind[array.get("kind", "constant")] += padded(array_bytes(array["shape"], array["dtype"], symbols))
    total_bytes = weights_bytes + by_kind.total()
    kv_cache_bytes, recurrent_state_bytes = by_kind.pop("kv_cache", 0), by_kind.pop("recurrent_state", 0)
    return Memory(
        context_length, weights_bytes, kv_cache_bytes, recurrent_state_bytes, by_kind.total(), total_bytes
    )  # fmt: skip


def array_bytes(shape: Sequence[Any], dtype: str, symbols: Mapping[str, int]) -> int:
    return math.prod(evaluate(extent, symbols) for extent in shape) * DTYPE_BYTES[dtype]


def padded(nbytes: int) -> int:
    return -(-nbytes // GPU_BUFFER_ALIGNMENT_BYTES) * GPU_BUFFER_ALIGNMENT_BYTES
