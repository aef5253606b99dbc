"""An instance with adapters in it: each adapted matrix product becomes three steps.

    linear(x, w) -> y     becomes     linear(x, T.lora_a) -> lora.h
                                      lora_up(lora.h, T.lora_scale, T.lora_b) -> lora.delta
                                      linear(x, w, delta=lora.delta) -> y

The first has the norm of the third folded in, where that has one. The runtime does the same in
runtime/src/device/adapters.ts, and tests compare the two byte for byte.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import Any

from ..errors import NomoatError
from ..operators.catalog import OPERATORS
from ..operators.declaration import PROMPT_FUNCTIONS
from ..scheme import Grouped, Plain, Scheme, stored_parameters
from .canonical_json import canonical_json
from .instance import Instance
from .instance_rules import check_buffer, check_step

H, DELTA = "lora.h", "lora.delta"
# How A and B are stored, by what an adapter's manifest says. A of q8 meets activations that are rounded, too.
SCHEMES: dict[str, tuple[Scheme, Plain]] = {
    "q8": (Grouped(8, 32, 128, "float16"), Plain("float16")),
    "f16": (Plain("float16"), Plain("float16")),
    "f32": (Plain("float32"), Plain("float32")),
}
# Parts of a tensor: lora_up tells so many apart.
MOST_PARTS = 3
# Ranks of all adapters of a request at one tensor, and how many adapters those are.
MAX_RANK = 4096
MOST_STACKED = 16


def bind_adapters(instance: Instance, binding: Mapping[str, Mapping[str, Any]]) -> Instance:
    """``instance`` with adapters on the tensors of ``binding``, {tensor: {rank, quantization}}: adapter_package.py.

    ``rank`` is that of all adapters that run together, and ``quantization`` that of A and B. An empty binding changes
    nothing but names. Errors: ``invalid_request`` for a tensor of more parts than an adapter may have.
    """
    adapted = [(tensor, binding[tensor["name"]]) for tensor in instance.tensors if tensor["name"] in binding]
    parameters, tensors = list(instance.parameters), list(instance.tensors)
    by_array: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {}
    for tensor, bound in adapted:
        check_parts(tensor["name"], len(tensor["sources"]))
        by_array[tensor["parameters"].get("weight") or tensor["parameters"]["q_weight"]] = (tensor, bound)
        for name, shape, scheme in lora_tensors(tensor, bound):
            stored = stored_parameters(name, shape, scheme)
            parameters += [
                {"name": p.name, "shape": list(p.shape), "dtype": p.dtype, "nbytes": p.nbytes} for p in stored
            ]
            tensors.append(
                {
                    "name": name, "kind": "lora", "shape": list(shape), "scheme": scheme.to_json(),
                    "parameters": {p.role: p.name for p in stored}, "sources": [],
                }
            )  # fmt: skip
    widths = {
        H: max((len(tensor["sources"]) * bound["rank"] for tensor, bound in adapted), default=1),
        DELTA: max((tensor["shape"][0] for tensor, _ in adapted), default=1),
    }
    buffers = [
        {"name": name, "kind": "scratch", "dtype": "float32", "shape": ["n", width]} for name, width in widths.items()
    ]
    made = dataclasses.replace(
        instance, parameters=parameters, tensors=tensors, buffers=[*instance.buffers, *buffers], operators={},
        functions={},
    )  # fmt: skip
    for buffer in buffers:
        check_buffer(buffer, made)
    keys: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for name, steps in instance.functions.items():
        made.functions[name] = []
        for step in steps:
            definition = instance.operators[step["operator"]]["definition"]
            found = by_array.get(step["arguments"].get("w", "")) if definition["op"] == "linear" else None
            for one in _adapted(definition, step["arguments"], *found) if found else [(definition, step["arguments"])]:
                _add(made, (keys, counts), name, instance.operators[step["operator"]], step, *one)
    return made


def lora_tensors(tensor: Mapping[str, Any], bound: Mapping[str, Any]) -> list[tuple[str, tuple[int, ...], Scheme]]:
    """Name, shape and scheme of what an adapter has for a tensor T: T.lora_a, T.lora_b and T.lora_scale."""
    name, (rows, columns) = tensor["name"], tensor["shape"]
    rank, down = bound["rank"], bound["rank"] * max(1, len(tensor["sources"]))
    scheme_a, scheme_b = SCHEMES[bound["quantization"]]
    return [
        (f"{name}.lora_a", (down, columns), scheme_a),
        (f"{name}.lora_b", (rank // 2, 2 * rows), scheme_b),
        (f"{name}.lora_scale", (down,), Plain("float32")),
    ]


def check_parts(name: str, parts: int) -> None:
    """``invalid_request`` for a tensor that is made of more parts than an adapter may have."""
    if parts > MOST_PARTS:
        raise NomoatError(
            "invalid_request",
            f"{name} is made of {parts} matrices, and an adapter can change up to {MOST_PARTS} that stand in one. "
            "Fold the adapter in with --merge.",
        )


def starts(tensor: Mapping[str, Any]) -> list[int]:
    """The first row of each part of a tensor but the first."""
    ends = [sum(source["rows"] for source in tensor["sources"][: i + 1]) for i in range(len(tensor["sources"]))]
    return ends[:-1]


def _adapted(
    definition: Mapping[str, Any], arguments: Mapping[str, str], tensor: Mapping[str, Any], bound: Mapping[str, Any]
) -> list[tuple[dict[str, Any], dict[str, str]]]:
    """(definition, arguments) of the three steps."""
    name, rank, rows = tensor["name"], bound["rank"], tensor["shape"][0]
    part_1, part_2 = [*starts(tensor), 0, 0][:2]
    scheme_a, scheme_b = SCHEMES[bound["quantization"]]
    down = dict(definition) | {
        "rows": len(tensor["sources"]) * rank, "scheme": scheme_a.to_json(), "bias": False,
        "activation": 0, "gated": False, "delta": False, "scale": 1.0, "softcap": None, "residual": False,
    }  # fmt: skip
    up = {
        "op": "lora_up", "rows": rows, "rank": rank, "scheme": scheme_b.to_json(), "part_1": part_1, "part_2": part_2,
        "gated": definition["gated"],
    }  # fmt: skip
    given = {key: array for key, array in arguments.items() if key in ("x", "gain")}
    if isinstance(scheme_a, Grouped):
        given |= {"w": f"{name}.lora_a.q_weight", "w_scale": f"{name}.lora_a.q_scale"}
    else:
        given["w"] = f"{name}.lora_a.weight"
    b, scale = f"{name}.lora_b.weight", f"{name}.lora_scale.weight"
    return [
        (down, {**given, "out": H}),
        (up, {"h": H, "h_scale": scale, "b": b, "out": DELTA}),
        (dict(definition) | {"delta": True}, _in_order({**arguments, "delta": DELTA})),
    ]


def _in_order(arguments: Mapping[str, str]) -> dict[str, str]:
    """As declared; the scales of a matrix come behind it."""
    names = [name for a in OPERATORS["linear"].arguments for name in (a.name, f"{a.name}_scale")]
    return {name: arguments[name] for name in names if name in arguments}


def _add(
    made: Instance, known: tuple[dict[str, str], Counter[str]], function: str, old: Mapping[str, Any],
    step: Mapping[str, Any], definition: Mapping[str, Any], arguments: Mapping[str, str],
) -> None:  # fmt: skip
    """Appends a step. Keys count the distinct definitions of each operator, as in steps.py."""
    op = definition["op"]
    keys, counts = known
    if op == "opaque":
        key = step["operator"]
        made.operators[key] = dict(old)
    else:
        canonical = canonical_json(definition)
        if canonical not in keys:
            keys[canonical] = f"{op}_{counts[op]}"
            counts[op] += 1
        key = keys[canonical]
        made.operators.setdefault(key, {"definition": dict(definition), "arguments": list(arguments)})
    added = {"operator": key, "arguments": dict(arguments)}
    check_step(added, made.operators[key], made, f"functions.{function}", prefill=function in PROMPT_FUNCTIONS)
    made.functions[function].append(added)
