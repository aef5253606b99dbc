"""Proves that a program is valid, deterministic, within the dispatch budget, and free of aliasing. Needs TVM only."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import jsonschema
import nomoat_compiler.program
import pytest
from nomoat_compiler.assembly import Program, build_program
from nomoat_compiler.models.config import LlamaConfig
from nomoat_compiler.models.llama import tensor_specs
from nomoat_compiler.scheme import Grouped, Plain, Scheme

SMOLLM2: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "vocab_size": 49152,
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "rms_norm_eps": 1e-5,
    "max_position_embeddings": 8192,
    "rope_theta": 100000,
    "tie_word_embeddings": True,
}
TINY: dict[str, Any] = SMOLLM2 | {
    "vocab_size": 300,
    "hidden_size": 64,
    "intermediate_size": 172,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "tie_word_embeddings": False,
    "attention_bias": True,
    "mlp_bias": True,
}


SCHEMA = json.loads((Path(nomoat_compiler.program.__file__).parent / "program.schema.json").read_text())
# runtime/tests/device/definition_reader.test.ts runs the same table through the runtime's reader.
DEFINITIONS = json.loads((Path(__file__).parent / "definition_table.json").read_text())


def build(config: dict[str, Any], linear: Scheme) -> Program:
    model = LlamaConfig.from_huggingface(config)
    specs = tensor_specs(model)
    schemes = {s.name: linear if s.kind in ("linear", "embedding", "lm_head") else Plain("float32") for s in specs}
    return build_program(model, specs, schemes, quantization="q4", context_length=512)


@pytest.fixture(scope="module")
def smollm2() -> Program:
    return build(SMOLLM2, Grouped(4, 32, None, "float16"))


@pytest.mark.parametrize("linear", [Grouped(4, 32, 7, "float16"), Grouped(8, 32, 128, "float16"), Plain("bfloat16")])
def test_program_obeys_its_schema(linear: Scheme) -> None:
    program = build(TINY, linear)
    jsonschema.validate(program.json, SCHEMA)
    assert set(program.json["kernels"]) == set(program.modules)
    for digest, wgsl in program.modules.items():
        assert hashlib.sha256(wgsl.encode()).hexdigest()[:16] == digest


@pytest.mark.parametrize("case", DEFINITIONS, ids=lambda case: case["why"])
def test_schema_of_definitions_decides_as_the_table_says(case: dict[str, Any]) -> None:
    schema = {"$ref": "#/$defs/definition", "$defs": SCHEMA["$defs"]}
    assert jsonschema.Draft202012Validator(schema).is_valid(case["definition"]) == case["valid"]


def test_every_operator_says_what_it_computes(smollm2: Program) -> None:
    definitions = {name: operator["definition"] for name, operator in smollm2.json["operators"].items()}
    q4 = {"bits": 4, "group_size": 32, "scale_dtype": "float16", "minimum": True}
    layout = {"heads": 9, "kv_heads": 3, "head_dim": 64, "page_size": 16}
    linear = {"op": "linear", "scheme": q4, "norm_eps": None, "bias": False, "residual": False, "swiglu": False}
    expected = [
        {"op": "embed", "rows": 49152, "columns": 576, "scheme": q4},
        {"op": "rms_norm", "columns": 576, "eps": 1e-5},
        {"op": "rope_append", **layout, "attention_scaling": 1.0, "dynamic": None},
        {"op": "attention", **layout},
        linear | {"rows": 960, "columns": 576},
        linear | {"rows": 960, "columns": 576, "norm_eps": 1e-5},
        linear | {"rows": 576, "columns": 576, "residual": True},
        linear | {"rows": 3072, "columns": 576, "swiglu": True},
        linear | {"rows": 3072, "columns": 576, "norm_eps": 1e-5, "swiglu": True},
        linear | {"rows": 576, "columns": 1536, "residual": True},
        linear | {"rows": 49152, "columns": 576, "norm_eps": 1e-5},
        {"op": "sampling"},
    ]
    for definition in expected:
        assert definition in definitions.values()
    for name, definition in definitions.items():
        assert definition in expected, name


def test_definitions_of_biases_and_dynamic_rope() -> None:
    scaling = {"rope_type": "dynamic", "factor": 2.0}
    program = build(TINY | {"rope_scaling": scaling, "max_position_embeddings": 128}, Plain("float32"))
    jsonschema.validate(program.json, SCHEMA)
    definitions = [operator["definition"] for operator in program.json["operators"].values()]
    linears = [d for d in definitions if d["op"] == "linear"]
    assert {d["bias"] for d in linears if d["rows"] != TINY["vocab_size"]} == {True}
    dynamic = {"theta": 100000.0, "factor": 2.0, "max_position_embeddings": 128}
    assert [d["dynamic"] for d in definitions if d["op"] == "rope_append"] == [dynamic, dynamic]


def test_dispatch_budget(smollm2: Program) -> None:
    functions = smollm2.json["functions"]
    layers = SMOLLM2["num_hidden_layers"]
    assert len(functions["decode"]) + len(functions["sample_greedy"]) == 6 * layers + 4
    assert len(functions["decode"]) + len(functions["sample"]) == 6 * layers + 4


def test_same_input_same_bytes(smollm2: Program) -> None:
    again = build(SMOLLM2, Grouped(4, 32, None, "float16"))
    assert json.dumps(again.json) == json.dumps(smollm2.json)
    assert again.modules == smollm2.modules


def test_every_operator_has_a_variant_without_features(smollm2: Program) -> None:
    for operator in smollm2.json["operators"].values():
        last = operator["variants"][-1]
        assert last["requires"] == {}
        kernel = smollm2.json["kernels"][last["kernel"]]
        # WebGPU's default limits: 8 storage buffers per stage, 256 invocations, 16 KiB of workgroup memory.
        assert len(kernel["bindings"]) <= 8
        assert kernel["workgroup_size"][0] <= 256
        assert kernel["workgroup_bytes"] <= 16384
        assert "enable subgroups" not in smollm2.modules[last["kernel"]]


def test_no_step_writes_a_buffer_it_binds_twice(smollm2: Program) -> None:
    """WebGPU forbids a writable binding that aliases another; the result would be lost or undefined."""
    operators, kernels = smollm2.json["operators"], smollm2.json["kernels"]
    for steps in smollm2.json["functions"].values():
        for step in steps:
            variant = operators[step["operator"]]["variants"][-1]
            bound = [(step["arguments"][b["argument"]], b["access"]) for b in kernels[variant["kernel"]]["bindings"]]
            for name, access in bound:
                if access == "read_write":
                    assert sum(other == name for other, _ in bound) == 1, step


def test_scratch_is_written_before_it_is_read(smollm2: Program) -> None:
    operators, kernels = smollm2.json["operators"], smollm2.json["kernels"]
    for steps in smollm2.json["functions"].values():
        written: set[str] = set()
        for step in steps:
            for binding in kernels[operators[step["operator"]]["variants"][-1]["kernel"]]["bindings"]:
                name = step["arguments"][binding["argument"]]
                if binding["access"] == "read" and name.startswith("scratch."):
                    assert name in written, step
            for binding in kernels[operators[step["operator"]]["variants"][-1]["kernel"]]["bindings"]:
                if binding["access"] == "read_write":
                    written.add(step["arguments"][binding["argument"]])


def test_scratch_buffers_hold_what_steps_put_into_them() -> None:
    """A scratch buffer must be as large as the largest result any function plans into it."""
    program = build(TINY, Plain("float32"))
    sizes = {b["name"]: b["shape"][0] for b in program.json["buffers"] if b["kind"] == "scratch"}
    chunk = program.json["prefill_chunk"]
    widths = {"rms_norm": 64, "gate": 172}
    assert max(sizes.values()) >= chunk * widths["gate"]
    assert all(size >= chunk * widths["rms_norm"] for size in sizes.values())
