"""What a package holds and what it costs to run: sizes, kernels, dispatches, memory. Nothing is executed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nomoat_compiler.errors import NomoatError

DTYPE_BYTES = {"uint32": 4, "int32": 4, "float32": 4, "float16": 2, "bfloat16": 2}
GPU_BUFFER_ALIGNMENT_BYTES = 16
Program = Mapping[str, Any]
Manifest = Mapping[str, Any]


@dataclass(frozen=True)
class TensorGroup:
    """Tensors that are stored alike and differ only in their layer."""

    name: str  # model.layers.*.mlp.down_proj
    count: int
    shape: list[int]
    scheme: str  # "4 bit / 32, float16 scale and minimum": bits / group size
    nbytes: int  # of all of them


@dataclass(frozen=True)
class Kernel:
    hash: str
    name: str
    wgsl_bytes: int
    workgroup_size: list[int]
    workgroup_bytes: int
    bindings: int
    requires: list[str]  # adapter features that the variants with this kernel need
    decode_dispatches: int  # of one decoded token, counting the variant that needs no feature
    prefill_dispatches: int


@dataclass(frozen=True)
class Memory:
    """GPU memory in bytes at one context length."""

    context_length: int
    weights_bytes: int
    kv_cache_bytes: int
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
    kernels: list[Kernel]
    dispatches_per_decode_token: int
    dispatches_per_prefill_chunk: int
    memory: Memory

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def inspect_package(manifest: Manifest, program: Program, context_length: int | None = None) -> Inspection:
    """The figures of a package. ``context_length``: for the memory, default the program's own.

    Raises ``NomoatError`` ``invalid_request`` where the program was compiled for a shorter context.
    """
    longest = int(program["context_length"])
    if context_length is not None and not 1 <= context_length <= longest:
        raise NomoatError(
            "invalid_request",
            f"--context is {context_length}; this program was compiled for 1 to {longest} tokens. "
            "Compile with a larger --context-length.",
            context_length=context_length,
        )
    sizes = {file["path"]: file["nbytes"] for file in manifest["files"]}
    weights_bytes = sum(parameter["nbytes"] for parameter in program["parameters"])
    decode = [*program["functions"]["decode"], *program["functions"]["sample_greedy"]]
    prefill = program["functions"]["prefill"]
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
        tensors=tensor_groups(program),
        kernels=kernels(program, sizes, decode, prefill),
        dispatches_per_decode_token=len(decode),
        dispatches_per_prefill_chunk=len(prefill),
        memory=memory(program, context_length or longest),
    )


def tensor_groups(program: Program) -> list[TensorGroup]:
    stored_bytes = {parameter["name"]: parameter["nbytes"] for parameter in program["parameters"]}
    groups: dict[tuple[str, tuple[int, ...], str], list[int]] = {}
    for tensor in program["tensors"]:
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
    offset = "scale and minimum" if scheme.get("minimum") else f"scale, zero at {scheme['zero']}"
    return f"{scheme['bits']} bit / {scheme['group_size']}, {scheme['scale_dtype']} {offset}"


def kernels(program: Program, sizes: Mapping[str, int], decode: Sequence[Any], prefill: Sequence[Any]) -> list[Kernel]:
    decode_calls = Counter(step["operator"] for step in decode)
    prefill_calls = Counter(step["operator"] for step in prefill)
    requires: dict[str, set[str]] = {hash_: set() for hash_ in program["kernels"]}
    in_decode: Counter[str] = Counter()
    in_prefill: Counter[str] = Counter()
    for name, operator in program["operators"].items():
        for variant in operator["variants"]:
            requires[variant["kernel"]].update(variant["requires"].get("features", []))
        last = operator["variants"][-1]["kernel"]
        in_decode[last] += decode_calls[name]
        in_prefill[last] += prefill_calls[name]
    return [
        Kernel(
            hash=hash_,
            name=kernel["name"],
            wgsl_bytes=sizes.get(f"program/{hash_}.wgsl", 0),
            workgroup_size=kernel["workgroup_size"],
            workgroup_bytes=kernel["workgroup_bytes"],
            bindings=len(kernel["bindings"]),
            requires=sorted(requires[hash_]),
            decode_dispatches=in_decode[hash_],
            prefill_dispatches=in_prefill[hash_],
        )
        for hash_, kernel in program["kernels"].items()
    ]


def memory(program: Program, context_length: int) -> Memory:
    """Buffers as the runtime allocates them: weights padded to 16 bytes, KV pages for ``context_length`` tokens."""
    symbols = {"n": program["prefill_chunk"], "kv_pages": math.ceil(context_length / program["page_size"])}
    weights_bytes = sum(padded(parameter["nbytes"]) for parameter in program["parameters"])
    kv_cache_bytes = 0
    scratch_bytes = sum(padded(array_bytes(c["shape"], c["dtype"], symbols)) for c in program["constants"])
    for buffer in program["buffers"]:
        nbytes = padded(array_bytes(buffer["shape"], buffer["dtype"], symbols))
        if buffer["kind"] == "kv_cache":
            kv_cache_bytes += nbytes
        else:
            scratch_bytes += nbytes
    total_bytes = weights_bytes + kv_cache_bytes + scratch_bytes
    return Memory(context_length, weights_bytes, kv_cache_bytes, scratch_bytes, total_bytes)


def array_bytes(shape: Sequence[Any], dtype: str, symbols: Mapping[str, int]) -> int:
    return math.prod(evaluate(extent, symbols) for extent in shape) * DTYPE_BYTES[dtype]


def evaluate(expression: Any, symbols: Mapping[str, int]) -> int:
    """The value of an expression of program.schema.json: an integer, a symbol, or [operator, left, right]."""
    if isinstance(expression, int):
        return expression
    if isinstance(expression, str):
        return symbols[expression]
    operator, left, right = expression[0], evaluate(expression[1], symbols), evaluate(expression[2], symbols)
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "//":
            return left // right
        case "%":
            return left % right
        case "min":
            return min(left, right)
        case "max":
            return max(left, right)
    raise NomoatError("invalid_package", f"program.json has an expression with the unknown operator {operator!r}.")


def padded(nbytes: int) -> int:
    return -(-nbytes // GPU_BUFFER_ALIGNMENT_BYTES) * GPU_BUFFER_ALIGNMENT_BYTES
