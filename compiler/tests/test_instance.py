"""What a plan says for a model: buffers, schemes, keys, own operators. Needs nothing.

test_instance_hostile.py has what is refused, tests/parity/test_instances.py layers that differ from each other.
"""

from __future__ import annotations

from typing import Any

from nomoat_compiler.program.expansion import count_values
from nomoat_compiler.program.instance import Instance, instantiate
from small_program import small_program


def definitions(instance: Instance, function: str, op: str) -> list[dict[str, Any]]:
    found = (instance.operators[step["operator"]]["definition"] for step in instance.functions[function])
    return [definition for definition in found if definition["op"] == op]


def test_schemes_by_layer() -> None:
    program = small_program()
    program["schemes"].append({"bits": 8, "group_size": 32, "scale_dtype": "float16", "zero": 128})
    program["tensor_schemes"]["model.layers.{layer}.mlp.down_proj"] = [2, 0]
    instance = instantiate(program)
    bits = [d["scheme"]["bits"] for d in definitions(instance, "decode", "linear") if d["columns"] == 172]
    assert bits == [8, 4]
    first, second = (s for s in instance.tensors if s["name"].endswith("down_proj"))
    assert first["parameters"] == {
        "q_weight": "model.layers.0.mlp.down_proj.q_weight",
        "q_scale": "model.layers.0.mlp.down_proj.q_scale",
    }
    assert list(second["parameters"]) == ["q_weight", "q_scale_min"]


def test_keys_count_distinct_definitions_in_order() -> None:
    instance = instantiate(small_program())
    keys = list(dict.fromkeys(step["operator"] for steps in instance.functions.values() for step in steps))
    assert list(instance.operators) == keys
    assert [k for k in keys if k.startswith("linear")] == [f"linear_{i}" for i in range(7)]
    used = {name: {step["operator"] for step in steps} for name, steps in instance.functions.items()}
    assert "rope_append_0" in used["prefill"] & used["decode"]
    assert (used["sample_greedy"], used["sample"]) == ({"sample_greedy_0"}, {"sample_0"})


def test_fixed_buffers_come_first_with_their_lengths() -> None:
    buffers = instantiate(small_program()).buffers
    assert [(b["name"], b["shape"]) for b in buffers[:8]] == [
        ("state", [8]), ("prompt_ids", [128]), ("block_table", [8]), ("sampling", [8]), ("token_counts", [300]),
        ("logits", [300]), ("token_mask", [10]), ("tokens", [64]),
    ]  # fmt: skip


def test_an_own_operator_and_its_steps() -> None:
    program = small_program()
    kernel = {
        "name": "scale", "entry_point": "main", "workgroup_size": [1, 1, 1], "uniforms": [], "workgroup_bytes": 0,
        "bindings": [{"argument": "a", "access": "read"}, {"argument": "b", "access": "read_write"}],
    }  # fmt: skip
    variant = {"requires": {}, "kernel": "0" * 16, "grid": [1, 1, 1]}
    program["kernels"]["0" * 16] = kernel
    program["own_operators"].append(
        {
            "definition": {"op": "opaque", "name": "scale"}, "prefill": 0, "scratch": [],
            "arguments": [{"name": "a", "access": "read"}, {"name": "b", "access": "read_write"}],
            "stages": [{"name": "scale", "variants": [variant]}],
        }
    )  # fmt: skip
    call = {"op": "opaque", "name": "scale", "fields": {}, "arguments": {"b": "x", "a": "model.norm.weight"}}
    program["plan"]["functions"]["decode"].append(call)
    instance = instantiate(program)
    assert instance.functions["decode"][-1] == {
        "operator": "opaque_scale", "arguments": {"a": "model.norm.weight", "b": "x"},
    }  # fmt: skip
    assert instance.operators["opaque_scale"]["arguments"] == ["a", "b"]


def test_another_function_of_the_plan() -> None:
    program = small_program()
    program["plan"]["functions"] = {"embed": program["plan"]["functions"]["decode"][:1], **program["plan"]["functions"]}
    functions = ["prefill", "decode", "embed", "sample_greedy", "sample", "mask_logits"]
    assert list(instantiate(program).functions) == functions


def test_the_plan_of_a_llama_is_small() -> None:
    program = small_program()
    assert count_values(program["plan"]) < 1000
