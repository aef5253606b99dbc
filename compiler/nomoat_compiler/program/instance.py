"""A plan with numbers in it: what a device allocates and runs for one model.

``instantiate`` takes program.json (version 3) and gives plain lists: stored parameters, tensors, constants, buffers,
the distinct operators, and each function as steps. The runtime does the same in runtime/src/device/instance.ts; tests
compare the two byte for byte, as canonical JSON. Every error is ``invalid_package``.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..expression import Expression
from ..operators.declaration import PROMPT_FUNCTIONS
from ..scheme import DTYPE_BYTES, scheme_from_json, stored_parameters
from .canonical_json import canonical_json
from .expansion import MAX_ITEMS, Expansion, check_size
from .fixed_buffers import FIXED_BUFFERS
from .instance_rules import check_buffer, check_step
from .manifest import check_schema
from .own_operators import check_own_operators
from .scope import Configuration, bounded, invalid
from .steps import OperatorTable, sampling_steps
from .tensors import bind_schemes, dimension, expand_tensors

VERSION = 3
MAX_MODEL_BYTES = 64 << 10
MAX_CONSTANT_BYTES = 16 << 20
MAX_PARAMETER_BYTES = 8 << 30


@dataclass(frozen=True)
class Instance:
    """Every list is JSON, in the order in which the plan has it.

    parameters [{name, shape, dtype, nbytes}]; tensors [{name, kind, shape, scheme, parameters {role: name}, sources
    [{name, rows}]}]; constants [{name, dtype, shape, data}]; buffers [{name, kind, dtype, shape}], those with fixed
    names first, shapes as expressions over n, kv_pages and state_slots; operators {key: {definition, arguments}};
    functions {name: [{operator, arguments {argument: array}}]}.
    """

    parameters: list[dict[str, Any]]
    tensors: list[dict[str, Any]]
    constants: list[dict[str, Any]]
    buffers: list[dict[str, Any]]
    operators: dict[str, dict[str, Any]]
    functions: dict[str, list[dict[str, Any]]]
    prefill_chunk: int
    page_size: int
    vocab_size: int

    def to_json(self) -> dict[str, Any]:
        names = ("parameters", "tensors", "constants", "buffers", "operators", "functions")
        return {name: getattr(self, name) for name in names}

    @cached_property
    def arrays(self) -> dict[str, dict[str, Any]]:
        """Every array that a step may name: {name: its entry}; only buffers have a ``kind``."""
        return {entry["name"]: entry for entry in [*self.buffers, *self.constants, *self.parameters]}

    @cached_property
    def tensors_by_name(self) -> dict[str, dict[str, Any]]:
        return {tensor["name"]: tensor for tensor in self.tensors}

    def buffer_values(self, buffer: Mapping[str, Any]) -> int:
        """Values of a buffer at n = prefill_chunk; of one page of a kv_cache, of one slot of a recurrent_state."""
        return math.prod(self.size(extent, buffer["name"]) for extent in buffer["shape"])

    def calls(self) -> list[tuple[str, bool]]:
        """(operator key, whether in prefill), each once, in the order of the functions' steps."""
        pairs = [
            (step["operator"], name in PROMPT_FUNCTIONS) for name, steps in self.functions.items() for step in steps
        ]
        return list(dict.fromkeys(pairs))

    def size(self, expression: Expression, where: str) -> int:
        return bounded(expression, {"n": self.prefill_chunk, "kv_pages": 1, "state_slots": 1}, where)

    @cached_property
    def tensor_shapes(self) -> dict[str, list[int]]:
        """The shape of the tensor that each stored array belongs to."""
        return {array: tensor["shape"] for tensor in self.tensors for array in tensor["parameters"].values()}


def instantiate(program: Mapping[str, Any]) -> Instance:
    """Checks ``program`` (parsed program.json) and unrolls its plan. Needs no weights; allocates lists only."""
    check_program(program)
    plan = program["plan"]
    configuration = configuration_of(program)
    expansion = Expansion(configuration)
    schemes = [scheme_from_json(scheme) for scheme in program["schemes"]]
    tensors = list(expand_tensors(plan, expansion))
    bound = bind_schemes(tensors, schemes, program["tensor_schemes"])
    stored = [stored_parameters(spec.name, spec.shape, scheme) for spec, scheme in bound]
    instance = Instance(
        parameters=[
            {"name": p.name, "shape": list(p.shape), "dtype": p.dtype, "nbytes": p.nbytes}
            for parameters in stored
            for p in parameters
        ],
        tensors=[
            {
                "name": spec.name, "kind": spec.kind, "shape": list(spec.shape), "scheme": scheme.to_json(),
                "parameters": {p.role: p.name for p in parameters},
                "sources": [{"name": s, "rows": r} for s, r in zip(spec.sources, spec.source_rows, strict=True)],
            }
            for (spec, scheme), parameters in zip(bound, stored, strict=True)
        ],
        constants=_constants(plan, expansion, program["constants"]),
        buffers=[*_fixed_buffers(configuration, plan), *_buffers(plan, expansion)],
        operators={},
        functions={},
        prefill_chunk=int(program["prefill_chunk"]),
        page_size=int(program["page_size"]),
        vocab_size=_vocab_size(configuration),
    )  # fmt: skip
    _check_names(instance)
    for buffer in instance.buffers:
        check_buffer(buffer, instance)
    _add_functions(instance, plan, expansion, program["own_operators"])
    check_own_operators(program, instance)
    return instance


def check_program(program: Mapping[str, Any]) -> None:
    """Format, version, size and shape of the JSON; what its parts mean together is left to ``instantiate``."""
    if program.get("format") != "nomoat-program":
        invalid(f"format must be nomoat-program, not {str(program.get('format'))[:80]!r}")
    if program.get("version") != VERSION:
        version = str(program.get("version"))[:20]
        invalid(f"version must be {VERSION}, not {version}; compile the model again with this version of nomoat")
    check_size(program.get("plan"))
    check_schema(program, "program.schema.json", "program.json", "invalid_package")
    try:
        model_bytes = len(canonical_json(program["model"]).encode())
    except (RecursionError, ValueError):
        invalid("model is nested too deeply, or has a number that is not finite")
    if model_bytes > MAX_MODEL_BYTES:
        invalid(f"model has more than {MAX_MODEL_BYTES} bytes of JSON")


def configuration_of(program: Mapping[str, Any]) -> Configuration:
    return Configuration(
        program["model"], program["layers"], context_length=int(program["context_length"]),
        prefill_chunk=int(program["prefill_chunk"]), page_size=int(program["page_size"]),
    )  # fmt: skip


def _constants(
    plan: Mapping[str, Any], expansion: Expansion, data: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    given = {entry["name"]: entry["data"] for entry in data}
    if len(given) != len(data):
        invalid("constants gives a name twice")
    constants, total = [], 0
    for placed in expansion.items(plan["constants"], "plan.constants", MAX_ITEMS["constants"]):
        item, scope, where = placed.item, placed.scope, placed.where
        name = scope.name(item["name"], f"{where}.name")
        shape = [dimension(scope.integer(e, f"{where}.shape"), f"{where}.shape") for e in item["shape"]]
        nbytes = math.prod(shape) * DTYPE_BYTES[item["dtype"]]
        total += nbytes
        if total > MAX_CONSTANT_BYTES:
            invalid(f"the constants have more than {MAX_CONSTANT_BYTES} bytes")
        text = given.pop(name, None)
        if text is None:
            invalid(f"constants lacks {name}")
        try:
            found = len(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError):
            invalid(f"the data of {name} is not base64")
        if found != nbytes:
            invalid(f"the data of {name} has {found} bytes, not {nbytes}")
        constants.append({"name": name, "dtype": item["dtype"], "shape": shape, "data": text})
    if given:
        invalid(f"constants has {min(given)[:80]!r}, which the plan does not")
    return constants


def _fixed_buffers(configuration: Configuration, plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": buffer.name, "kind": buffer.kind, "dtype": buffer.dtype,
            "shape": [configuration.outside.integer(buffer.length, buffer.name)],
        }
        for buffer in FIXED_BUFFERS
        if "decode" in plan["functions"] or not buffer.of_decode
    ]  # fmt: skip


def _buffers(plan: Mapping[str, Any], expansion: Expansion) -> list[dict[str, Any]]:
    runtime = {"scratch": ("n",), "output": (), "kv_cache": ("kv_pages",), "recurrent_state": ("state_slots",)}
    buffers = []
    for placed in expansion.items(plan["buffers"], "plan.buffers", MAX_ITEMS["buffers"]):
        item, scope, where = placed.item, placed.scope, placed.where
        if not scope.condition(item, where):
            continue
        shape = [scope.fold(e, f"{where}.shape", runtime[item["kind"]], over_layers=True) for e in item["shape"]]
        name = scope.name(item["name"], f"{where}.name")
        buffers.append({"name": name, "kind": item["kind"], "dtype": item["dtype"], "shape": shape})
    return buffers


def _check_names(instance: Instance) -> None:
    """Arrays differ in name, tensors differ in name, and no tensor is called like a buffer or a constant."""
    arrays = [entry["name"] for entry in [*instance.buffers, *instance.constants, *instance.parameters]]
    others = [entry["name"] for entry in [*instance.buffers, *instance.constants, *instance.tensors]]
    for names in (arrays, others):
        seen: set[str] = set()
        for name in names:
            if name in seen:
                invalid(f"the name {name} is given twice")
            seen.add(name)
    for parameter in instance.parameters:
        if parameter["nbytes"] > MAX_PARAMETER_BYTES:
            invalid(f"{parameter['name']} has more than {MAX_PARAMETER_BYTES} bytes")


def _add_functions(
    instance: Instance, plan: Mapping[str, Any], expansion: Expansion, own: Sequence[Mapping[str, Any]]
) -> None:
    """Prefill, decode, the plan's others and, where there is decode, the samplers: the order of the operators' keys."""
    table = OperatorTable(instance, own)
    functions = plan["functions"]
    first = [name for name in ("prefill", "decode") if name in functions]
    for name in [*first, *(f for f in functions if f not in first)]:
        prefill = name in PROMPT_FUNCTIONS
        where = f"plan.functions.{name}"
        steps = instance.functions.setdefault(name, [])
        for placed in expansion.items(functions[name], where, MAX_ITEMS["functions"]):
            if placed.scope.condition(placed.item, placed.where):
                step = table.step(placed.item, placed.scope, placed.where, prefill=prefill)
                check_step(step, table.operators[step["operator"]], instance, placed.where, prefill=prefill)
                steps.append(step)
    if "decode" in functions:
        instance.functions.update(sampling_steps(table, instance))
    instance.operators.update(table.operators)


def _vocab_size(configuration: Configuration) -> int:
    return dimension(configuration.outside.integer("vocab_size", "model"), "model.vocab_size")
