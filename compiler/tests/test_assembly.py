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
from nomoat_compiler.quantize.scheme import Grouped, Plain, Scheme

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
    schema = Path(nomoat_compiler.program.__file__).parent / "program.schema.json"
    jsonschema.validate(program.json, json.loads(schema.read_text()))
    assert set(program.json["kernels"]) == set(program.modules)
    for digest, wgsl in program.modules.items():
        assert hashlib.sha256(wgsl.encode()).hexdigest()[:16] == digest


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
