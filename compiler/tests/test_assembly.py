"""A program is valid, deterministic, within the dispatch budget, free of aliasing, and the same plan for every Llama.

Needs nothing but one test, which needs TVM.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import Any

import pytest
from nomoat_compiler.assembly import Program, build_program, tensor_specs
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.models.config import LlamaConfig
from nomoat_compiler.models.llama import LLAMA_PLAN
from nomoat_compiler.operators.catalog import OPERATORS
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


def build(config: dict[str, Any], linear: Scheme, *, own_kernels: bool = False) -> Program:
    model = LlamaConfig.from_huggingface(config)
    specs = tensor_specs(model)
    schemes = {s.name: linear if s.kind in ("linear", "embedding", "lm_head") else Plain("float32") for s in specs}
    return build_program(model, schemes, quantization="q4", context_length=512, own_kernels=own_kernels)


def definitions(program: Program, function: str) -> list[dict[str, Any]]:
    steps, operators = program.instance.functions[function], program.instance.operators
    return [operators[step["operator"]]["definition"] for step in steps]


@pytest.fixture(scope="module")
def smollm2() -> Program:
    return build(SMOLLM2, Grouped(4, 32, None, "float16"))


@pytest.fixture(scope="module")
def tiny() -> Program:
    return build(TINY, Plain("bfloat16"))


def test_every_model_has_one_plan(smollm2: Program, tiny: Program) -> None:
    assert smollm2.json["plan"] is tiny.json["plan"] is LLAMA_PLAN
    assert "576" not in json.dumps(LLAMA_PLAN)


def test_a_program_is_small(smollm2: Program) -> None:
    assert len(json.dumps(smollm2.json)) < 20_000
    assert (smollm2.json["kernels"], smollm2.json["own_operators"], smollm2.modules) == ({}, [], {})


def test_every_step_says_what_it_computes(smollm2: Program) -> None:
    q4 = {"bits": 4, "group_size": 32, "scale_dtype": "float16", "minimum": True}
    layout = {"heads": 9, "kv_heads": 3, "head_dim": 64, "page_size": 16}
    rope = {
        **OPERATORS["rope_append"].defaults(), "op": "rope_append", **layout, "rotary_dim": 64, "theta": 100000.0,
    }  # fmt: skip
    attention = OPERATORS["attention"].defaults() | {"op": "attention", **layout, "scale": 0.125}
    embed = {"op": "embed", "rows": 49152, "columns": 576, "scheme": q4, "scale": 1.0}
    norm = {"op": "rms_norm", "columns": 576, "eps": 1e-5, "residual": False}

    def linear(rows: int, columns: int, **fields: Any) -> dict[str, Any]:
        defaults = OPERATORS["linear"].defaults()
        return defaults | {"op": "linear", "rows": rows, "columns": columns, "scheme": q4} | fields

    layer = [
        linear(960, 576, norm_eps=1e-5), rope, attention, linear(576, 576, residual=True),
        linear(3072, 576, norm_eps=1e-5, gated=True, activation=1), linear(576, 1536, residual=True),
    ]  # fmt: skip
    assert definitions(smollm2, "decode") == [embed, *(30 * layer), linear(49152, 576, norm_eps=1e-5)]
    layer = [
        norm, linear(960, 576), rope, attention, linear(576, 576, residual=True), norm,
        linear(3072, 576, gated=True, activation=1), linear(576, 1536, residual=True),
    ]  # fmt: skip
    assert definitions(smollm2, "prefill") == [embed, *(29 * layer), *layer[:3]]
    assert definitions(smollm2, "sample_greedy") == [{"op": "sample_greedy", "vocab_size": 49152}]
    assert definitions(smollm2, "sample") == [{"op": "sample", "vocab_size": 49152}]


def test_definitions_of_biases_and_dynamic_rope() -> None:
    scaling = {"rope_type": "dynamic", "factor": 2.0}
    program = build(TINY | {"rope_scaling": scaling, "max_position_embeddings": 128}, Plain("float32"))
    for function in ("prefill", "decode"):
        linears = [d for d in definitions(program, function) if d["op"] == "linear"]
        assert {d["bias"] for d in linears if d["rows"] != TINY["vocab_size"]} == {True}
        (rope, *_) = [d for d in definitions(program, function) if d["op"] == "rope_append"]
        numbers = {"dynamic": True, "theta": 100000.0, "factor": 2.0, "trained_length": 128}
        assert {name: rope[name] for name in numbers} == numbers


def test_the_head_is_the_embedding_where_they_are_tied(smollm2: Program, tiny: Program) -> None:
    heads = [program.instance.functions["decode"][-1]["arguments"]["w"] for program in (smollm2, tiny)]
    assert heads == ["model.embed_tokens.q_weight", "lm_head.weight"]


def test_dispatch_budget(smollm2: Program) -> None:
    """6 per layer and 2; a sampler is 2 more (python/nomoat/inspection.py counts them)."""
    assert len(smollm2.instance.functions["decode"]) == 6 * SMOLLM2["num_hidden_layers"] + 2


def test_same_input_same_bytes(smollm2: Program) -> None:
    again = build(SMOLLM2, Grouped(4, 32, None, "float16"))
    assert json.dumps(again.json) == json.dumps(smollm2.json)
    assert again.instance == smollm2.instance


@pytest.mark.parametrize("function", ["prefill", "decode"])
def test_scratch_is_written_before_it_is_read(smollm2: Program, function: str) -> None:
    scratch = {b["name"] for b in smollm2.instance.buffers if b["kind"] == "scratch"}
    written: set[str] = set()
    for step in smollm2.instance.functions[function]:
        op = smollm2.instance.operators[step["operator"]]["definition"]["op"]
        outputs = {a.name for a in OPERATORS[op].arguments if a.written}
        for argument, name in step["arguments"].items():
            assert name not in scratch or argument in outputs or name in written, step
        written |= {step["arguments"][argument] for argument in outputs}


@pytest.mark.parametrize("linear", [Grouped(4, 32, None, "float16"), Plain("float32")])
def test_own_kernels_of_every_operator(linear: Scheme) -> None:
    """Needs TVM. Every call of the program has kernels, each with its text, and none that the program lacks."""
    program = build(TINY, linear, own_kernels=True)
    calls = [(program.instance.operators[key]["definition"], int(prefill)) for key, prefill in program.instance.calls()]
    assert [(own["definition"], own["prefill"]) for own in program.json["own_operators"]] == calls
    assert set(program.json["kernels"]) == set(program.modules)
    for digest, wgsl in program.modules.items():
        assert hashlib.sha256(wgsl.encode()).hexdigest()[:16] == digest
        assert not re.search(r"^override ", wgsl, re.MULTILINE), "a constant is open"
    for own in program.json["own_operators"]:
        for stage in own["stages"]:
            kernel = program.json["kernels"][stage["variants"][-1]["kernel"]]
            # WebGPU's default limits: 8 storage buffers per stage, 256 invocations, 16 KiB of workgroup memory.
            assert len(kernel["bindings"]) <= 8
            assert math.prod(kernel["workgroup_size"]) <= 256
            assert kernel["workgroup_bytes"] <= 16384


def test_schemes_are_listed_once(tiny: Program) -> None:
    assert tiny.json["schemes"] == [{"bits": 16, "dtype": "bfloat16"}, {"bits": 32, "dtype": "float32"}]
    assert set(tiny.json["tensor_schemes"].values()) == {0, 1}


UNSUPPORTED: dict[str, dict[str, Any]] = {
    "columns": {"hidden_size": 66, "head_dim": 16},
    "down_proj": {"intermediate_size": 171},
    "dynamic RoPE over heads of 2": {
        "head_dim": 2, "rope_scaling": {"rope_type": "dynamic", "factor": 2.0}, "num_attention_heads": 2,
    },
    "a matrix of 2^37 values": {"hidden_size": 131072, "intermediate_size": 1048576, "head_dim": 128},
}  # fmt: skip


@pytest.mark.parametrize("changes", UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_a_model_that_no_operator_takes(changes: dict[str, Any]) -> None:
    with pytest.raises(NomoatError) as caught:
        build(TINY | changes, Plain("float32"))
    assert caught.value.code == "unsupported", caught.value.message
