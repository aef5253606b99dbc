"""Proves that every plan means what transformers computes, for every family and every knob. Needs torch and
transformers, no browser: plans are run by the interpreter.

Tolerance: the interpreter sums in float64, transformers in float32, so what is seen is transformers' own rounding. The
logits depend on about 10^3 roundings of 6e-8, so 1e-4 of their spread is wide for rounding and narrow for any mistake.
The Llamas' angles are rounded by both at positions up to 300.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from nomoat_compiler.checkpoint.huggingface import HuggingFaceCheckpoint
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.interpreter.interpreter import Interpreter
from safetensors import safe_open
from safetensors.numpy import save_file

from tests.fixtures import families
from tests.fixtures.checkpoint_in_memory import CheckpointInMemory, interpreter_of
from tests.fixtures.transformers_oracle import TransformersOracle
from tests.fixtures.variants import TINY_LLAMA, VARIANTS, random_tensors, variant_config

TOLERANCE = 1e-4
ENCODERS = [name for name, variant in families.VARIANTS.items() if variant.encodes]
DECODERS = [name for name, variant in families.VARIANTS.items() if not variant.encodes]


def assert_equal(actual: np.ndarray, expected: np.ndarray) -> None:
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE * expected.std())


def random_ids(seed: int, count: int, vocab_size: int = 512) -> list[int]:
    """Without the first tokens, one of which means padding to an encoder."""
    return np.random.default_rng(seed).integers(3, vocab_size, count).tolist()


def interpreter(config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Interpreter:
    return interpreter_of(CheckpointInMemory(config, tensors))


@pytest.mark.parametrize("name", VARIANTS)
def test_llamas(name: str) -> None:
    config = variant_config(name)
    tensors = random_tensors(config, seed=3)
    ids = random_ids(4, 60, config["vocab_size"])
    oracle = TransformersOracle(config, tensors)
    # In one go, transformers gives every token of a dynamic RoPE the frequencies of the last one.
    expected = oracle.logits_one_by_one(ids) if name == "rope_dynamic" else oracle.logits(ids)
    assert np.abs(expected).max() > 1
    assert_equal(interpreter(config, tensors).decode(ids), expected)


def test_a_trained_llama_over_a_long_context() -> None:
    config = json.loads((TINY_LLAMA / "config.json").read_text())
    with safe_open(TINY_LLAMA / "model.safetensors", "pt") as file:
        tensors = {name: file.get_tensor(name).float().numpy() for name in file.keys()}  # noqa: SIM118
    ids = random_ids(7, 300, config["vocab_size"])
    assert_equal(interpreter(config, tensors).decode(ids), TransformersOracle.from_folder(TINY_LLAMA).logits(ids))


@pytest.mark.parametrize("name", DECODERS)
def test_families(name: str, tmp_path: Path) -> None:
    """From the files that transformers writes; all tokens at once, in chunks, and one by one."""
    checkpoint = HuggingFaceCheckpoint(families.write_family(tmp_path / name, name), name)
    ids = random_ids(8, families.VARIANTS[name].length)
    with torch.no_grad():
        expected = families.random_model(name)(torch.tensor([ids])).logits[0].numpy()
    assert np.abs(expected).max() > 0.5
    model = interpreter_of(checkpoint)
    assert_equal(model.decode(ids), expected)
    model.prefill(ids[:13], 0, reach=len(ids))
    model.prefill(ids[13:20], 13, reach=len(ids))
    rest = [model.decode([token], position, reach=len(ids)) for position, token in enumerate(ids) if position >= 20]
    np.testing.assert_allclose(np.concatenate(rest), model.decode(ids)[20:], rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ENCODERS)
def test_encoders(name: str, tmp_path: Path) -> None:
    variant = families.VARIANTS[name]
    ids = random_ids(8, variant.length)
    with torch.no_grad():
        hidden = families.random_model(name)(torch.tensor([ids])).last_hidden_state[0]
    expected = families.pooled(name, hidden).numpy()
    checkpoint = HuggingFaceCheckpoint(families.write_family(tmp_path / name, name), name)
    assert_equal(interpreter_of(checkpoint).encode(ids), expected)


def test_internlm2_is_a_llama_with_fused_rows() -> None:
    """transformers has no class for it, so a Llama is put together as its checkpoints are."""
    config = variant_config("base") | {"attention_bias": True}
    tensors = random_tensors(config, seed=3)
    ids = random_ids(4, 40)
    fused = {
        "model.tok_embeddings.weight": tensors["model.embed_tokens.weight"],
        "model.norm.weight": tensors["model.norm.weight"],
    }
    for layer in range(config["num_hidden_layers"]):
        old, new = f"model.layers.{layer}", f"model.layers.{layer}"
        for kind in ("weight", "bias"):
            q, k, v = (tensors[f"{old}.self_attn.{name}_proj.{kind}"] for name in "qkv")
            groups = [a.reshape(config["num_key_value_heads"], -1, *q.shape[1:]) for a in (q, k, v)]
            fused[f"{new}.attention.wqkv.{kind}"] = np.concatenate(groups, axis=1).reshape(-1, *q.shape[1:])
            fused[f"{new}.attention.wo.{kind}"] = tensors[f"{old}.self_attn.o_proj.{kind}"]
        for name, theirs in (("gate", "w1"), ("up", "w3"), ("down", "w2")):
            fused[f"{new}.feed_forward.{theirs}.weight"] = tensors[f"{old}.mlp.{name}_proj.weight"]
        fused[f"{new}.attention_norm.weight"] = tensors[f"{old}.input_layernorm.weight"]
        fused[f"{new}.ffn_norm.weight"] = tensors[f"{old}.post_attention_layernorm.weight"]
    theirs = config | {"architectures": ["InternLM2ForCausalLM"], "bias": True}
    assert_equal(interpreter(theirs, fused).decode(ids), TransformersOracle(config, tensors).logits(ids))


def test_minicpm_is_granite_by_other_names(tmp_path: Path) -> None:
    """transformers has no class for it either; the multipliers are the same four."""
    name, ids = "granite", random_ids(4, 40)
    folder = families.write_family(tmp_path / name, name)
    granite = HuggingFaceCheckpoint(folder, name)
    hidden, layers = granite.config["hidden_size"], granite.config["num_hidden_layers"]
    config = {key: value for key, value in granite.config.items() if not key.endswith(("multiplier", "scaling"))} | {
        "architectures": ["MiniCPMForCausalLM"], "scale_emb": 5, "scale_depth": 1.4, "dim_model_base": 16,
        "tie_word_embeddings": False,
    }  # fmt: skip
    model = families.random_model(name)
    model.model.embedding_multiplier = 5
    for layer in model.model.layers:
        layer.residual_multiplier = 1.4 / layers**0.5
        layer.self_attn.scaling = layer.self_attn.head_dim**-0.5
    model.config.logits_scaling = hidden / 16
    with torch.no_grad():
        expected = model(torch.tensor([ids])).logits[0].numpy()
    tensors = {tensor: granite.read(tensor) for tensor in granite.names()}
    assert_equal(interpreter(config, tensors).decode(ids), expected)


def test_a_text_model_within_another(tmp_path: Path) -> None:
    """The text part of a model that sees, under each of the names that there are in files."""
    name, ids = "gemma3", random_ids(4, 40)
    inner = HuggingFaceCheckpoint(families.write_family(tmp_path / name, name), name)
    expected = interpreter_of(inner).decode(ids)
    config = {"architectures": ["Gemma3ForConditionalGeneration"], "text_config": dict(inner.config)}
    for prefix in ("language_model.model.", "model.language_model."):
        tensors = {tensor.replace("model.", prefix, 1): inner.read(tensor) for tensor in inner.names()}
        folder = tmp_path / prefix
        folder.mkdir()
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        (folder / "config.json").write_text(json.dumps(config))
        assert_equal(interpreter_of(HuggingFaceCheckpoint(folder, prefix)).decode(ids), expected)


def test_a_head_of_its_own_beside_a_tied_one() -> None:
    """transformers uses a stored head that differs from the embedding, whatever the file says."""
    config = variant_config("base")
    tensors = random_tensors(config | {"tie_word_embeddings": False}, seed=3)
    ids = random_ids(4, 20)
    expected = TransformersOracle(config | {"tie_word_embeddings": False}, tensors).logits(ids)
    assert_equal(interpreter(config, tensors).decode(ids), expected)
    same = tensors | {"lm_head.weight": tensors["model.embed_tokens.weight"]}
    tied = interpreter(config, same)
    assert "lm_head" not in tied.instance.tensors_by_name
    assert_equal(tied.decode(ids), TransformersOracle(config, random_tensors(config, seed=3)).logits(ids))


def test_a_tensor_that_nothing_reads_is_named() -> None:
    """A norm of queries in a file that says Llama: silently left out it would give another model's answers."""
    config = variant_config("base")
    tensors = random_tensors(config, seed=3)
    table = {"model.layers.0.self_attn.rotary_emb.inv_freq": np.ones(8, np.float32)}
    interpreter(config, tensors | table)
    norm = {"model.layers.1.self_attn.q_norm.weight": np.ones(16, np.float32)}
    with pytest.raises(NomoatError, match="q_norm") as caught:
        interpreter(config, tensors | norm)
    assert caught.value.code == "unsupported"


@pytest.mark.parametrize("config_says", [True, False])
def test_biases_are_those_that_are_stored(config_says: bool) -> None:
    """A bias on q alone: k and v beside it count as zero, and the file's word does not matter."""
    config = variant_config("attention_bias")
    tensors = random_tensors(config, seed=3)
    for name in list(tensors):
        if name.endswith(".bias"):
            tensors[name] = tensors[name] if "q_proj" in name else np.zeros_like(tensors[name])
    stored = {name: value for name, value in tensors.items() if not name.endswith(".bias") or "q_proj" in name}
    ids = random_ids(4, 20)
    model = interpreter(config | {"attention_bias": config_says}, stored)
    assert_equal(model.decode(ids), TransformersOracle(config, tensors).logits(ids))
    assert not any("o_proj.bias" in name for name in model.instance.tensors_by_name)
