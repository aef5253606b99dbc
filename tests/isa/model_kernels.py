"""The kernels that a GPU runs for a model: those of the library that it chooses, each with the model's numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nomoat_compiler.assembly import build_program, tensor_specs
from nomoat_compiler.checkpoint.open import open_checkpoint
from nomoat_compiler.expression import evaluate
from nomoat_compiler.gpu_library import compiled, constant_values, fitting, whole
from nomoat_compiler.models.registry import read_model
from nomoat_compiler.operators.catalog import OPERATORS, gpu_operator
from nomoat_compiler.operators.definition import call_symbols, definition_symbols
from nomoat_compiler.program.instance import Instance
from nomoat_compiler.quantize.choose import choose_schemes
from nomoat_compiler.scheme import Grouped, Scheme

CONFIGS = Path(__file__).parents[1] / "bench" / "webgpu" / "configs"
# The smallest subgroups of those who have one size or two: NVIDIA, AMD and Apple; Intel; Firefox has no subgroups.
SUBGROUP_MIN_SIZES = (32, 8, 0)
CONTEXT_LENGTH = 8192
TOKENS = 128  # of a call in prefill
# What most 4-bit files are, and what figures of earlier kernels were measured with.
PLAIN_Q4 = Grouped(4, 32, None, "float16")
PLAIN_Q4_MODEL = "Llama-3.2-1B"


@dataclass(frozen=True)
class ModelKernel:
    """One pipeline.

    ``values``: its overridable constants; ``bindings``: the storage buffers in order; ``invocations`` for TOKENS
    tokens in prefill, else for one; ``products`` that they compute of weights and activations, for a matrix product.
    """

    name: str
    numbers: str  # those of the definition that tell it from others of the same kernel
    wgsl: str
    entry_point: str
    values: Mapping[str, float]
    bindings: tuple[str, ...]
    has_uniforms: bool
    invocations: int
    products: int
    vocab_size: int  # 0 for one that is not over the vocabulary

    @property
    def label(self) -> str:
        return f"{self.name} {self.numbers}"


def model_kernels() -> dict[str, list[ModelKernel]]:
    """By model: those of tests/bench/webgpu/configs in q4, and the middle one with every matrix in one scheme, without
    what the former have."""
    instances = {folder.name: _instance(folder) for folder in sorted(CONFIGS.iterdir())}
    instances[f"{PLAIN_Q4_MODEL}, every matrix q4m"] = _instance(CONFIGS / PLAIN_Q4_MODEL, PLAIN_Q4)
    found: dict[str, list[ModelKernel]] = {}
    known = set()
    for name, instance in instances.items():
        found[name] = []
        for kernel in _kernels(instance):
            key = (kernel.label, kernel.wgsl, *sorted(kernel.values.items()))
            if key not in known:
                known.add(key)
                found[name].append(kernel)
    return found


def _instance(folder: Path, scheme: Scheme | None = None) -> Instance:
    """In q4, or with every matrix in ``scheme``."""
    checkpoint = open_checkpoint(folder, with_weights=False)
    model = read_model(checkpoint.config)
    specs = tensor_specs(model)
    _, schemes = choose_schemes(specs, checkpoint, "q4")
    if scheme is not None:
        schemes |= {spec.name: scheme for spec in specs if spec.kind == "linear"}
    return build_program(model, schemes, quantization="q4", context_length=CONTEXT_LENGTH).instance


def _kernels(instance: Instance) -> Iterator[ModelKernel]:
    for key, prefill in instance.calls():
        definition = instance.operators[key]["definition"]
        op = definition["op"]
        tokens = TOKENS if prefill else 1
        symbols = definition_symbols(definition, prefill=prefill) | call_symbols(tokens)
        products = tokens * definition["rows"] * definition["columns"] if op == "linear" else 0
        if "rows" in definition:
            symbols |= whole(definition["rows"])
        for s, stage in enumerate(gpu_operator(op).stages):
            if evaluate(stage.when, symbols):
                indices = list(fitting(stage, symbols))
                chosen = {_chosen([(v, stage.variants[v]) for v in indices], size) for size in SUBGROUP_MIN_SIZES}
                for v in sorted(chosen):
                    record = compiled(op, s, v).record
                    yield ModelKernel(
                        name=record["name"],
                        numbers=_numbers(definition),
                        wgsl=compiled(op, s, v).wgsl,
                        entry_point=record["entry_point"],
                        values=constant_values(record, symbols),
                        bindings=tuple(binding["argument"] for binding in record["bindings"]),
                        has_uniforms=bool(record["uniforms"]),
                        invocations=math.prod(record["workgroup_size"])
                        * math.prod(int(evaluate(extent, symbols | {"n": tokens})) for extent in record["grid"]),
                        products=products,
                        vocab_size=definition.get("vocab_size", 0),
                    )


def _chosen(variants: list[tuple[int, Any]], subgroup_min_size: int) -> int:
    """As runtime/src/device/webgpu/kernel_choice.ts: the first that the adapter can run."""
    for index, variant in variants:
        if variant.subgroup_min_size <= subgroup_min_size and (subgroup_min_size or not variant.features):
            return index
    raise AssertionError("the last variant needs no feature")


def _numbers(definition: Mapping[str, Any]) -> str:
    """The sizes, and the names of what is switched on."""
    fields = OPERATORS[definition["op"]].fields
    sizes = [str(definition[f.name]) for f in fields if f.kind in ("dimension", "columns", "heads", "head_dim")]
    switches = [f.name for f in fields if f.nullable or f.kind == "boolean"]
    return " ".join(["×".join(sizes), *(name for name in switches if definition[name] not in (None, False))]).strip()
