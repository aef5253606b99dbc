"""Proves that config.json is read as transformers reads it, and that bad ones give a typed error. Needs nothing."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.models.registry import read_model
from nomoat_compiler.models.rope import rope_frequencies
from transformers import LlamaConfig as HuggingFaceConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

BASE: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "vocab_size": 512,
    "hidden_size": 96,
    "intermediate_size": 172,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-5,
    "max_position_embeddings": 256,
    "rope_theta": 10000.0,
}
ROPE_CASES: dict[str, dict[str, Any] | None] = {
    "default": None,
    "linear": {"type": "linear", "factor": 4.0},
    "dynamic": {"rope_type": "dynamic", "factor": 2.0},
    "llama3": {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    },
    "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64},
    "yarn-full": {
        "rope_type": "yarn",
        "factor": 4.0,
        "original_max_position_embeddings": 64,
        "beta_fast": 16,
        "beta_slow": 2,
        "attention_factor": 1.3,
    },
    "yarn-mscale": {"rope_type": "yarn", "factor": 4.0, "mscale": 0.8, "mscale_all_dim": 0.5},
    "yarn-mscale-zero": {
        "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "mscale": 1, "mscale_all_dim": 0,
    },
    "yarn-zeros": {"rope_type": "yarn", "factor": 4, "mscale": 0, "mscale_all_dim": 1, "beta_fast": 0, "beta_slow": 0},
    "yarn-nulls": {
        "rope_type": "yarn", "factor": None, "original_max_position_embeddings": 64, "attention_factor": None,
    },
    "yarn-not-truncated": {"type": "yarn", "factor": 8.0, "original_max_position_embeddings": 32, "truncate": False},
    # What a type does not read may hold anything.
    "linear-and-more": {"type": "linear", "factor": 2.0, "mscale": 0, "original_max_position_embeddings": None},
    "dynamic-and-more": {"type": "dynamic", "factor": 2.0, "original_max_position_embeddings": 64},
    "default-and-more": {"rope_type": "default", "factor": 0, "attention_factor": -1},
}  # fmt: skip
# What stands outside rope_scaling: the config's other fields.
OUTSIDE_CASES: dict[str, dict[str, Any]] = {
    "yarn-outside": {"rope_scaling": {"type": "yarn", "factor": 4.0}, "original_max_position_embeddings": 64},
    "yarn-both": {
        "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128},
        "original_max_position_embeddings": 64,
    },
    "llama3-outside": {
        "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0},
        "original_max_position_embeddings": 64,
    },
    "linear-outside": {"rope_scaling": {"type": "linear", "factor": 4.0}, "original_max_position_embeddings": 64},
    "old-and-new": {
        "rope_scaling": {"type": "linear", "factor": 4.0},
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    },
    "theta-inside": {"rope_theta": 1e4, "rope_parameters": {"rope_type": "default", "rope_theta": 5e5}},
}


@pytest.mark.parametrize("scaling", ROPE_CASES.values(), ids=ROPE_CASES.keys())
def test_rope_frequencies_equal_transformers(scaling: dict[str, Any] | None) -> None:
    _check_frequencies({**BASE, "rope_scaling": scaling})


@pytest.mark.parametrize("fields", OUTSIDE_CASES.values(), ids=OUTSIDE_CASES.keys())
def test_what_stands_beside_rope_scaling_counts_as_in_transformers(fields: dict[str, Any]) -> None:
    _check_frequencies({**BASE, **fields})


def _check_frequencies(config: dict[str, Any]) -> None:
    ours = read_model(copy.deepcopy(config))
    frequencies = rope_frequencies(ours.config["rope_parameters"], ours.config["head_dim"])
    np.testing.assert_array_equal(ours.constants["rope.inv_freq.0"], frequencies.inv_freq)
    theirs = LlamaRotaryEmbedding(HuggingFaceConfig(**copy.deepcopy(config)))
    # float32 on both sides; pow may differ in the last place.
    np.testing.assert_allclose(frequencies.inv_freq, theirs.inv_freq.numpy(), rtol=3e-6)
    assert frequencies.attention_scaling == pytest.approx(theirs.attention_scaling, rel=1e-9)


def test_new_and_old_spelling_of_rope_agree() -> None:
    old = read_model({**BASE, "rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 2.0}})
    new = dict(BASE, rope_parameters={"rope_type": "linear", "factor": 2.0, "rope_theta": 5e5})
    del new["rope_theta"]
    assert (old.config, old.layers) == (read_model(new).config, read_model(new).layers)


def test_defaults_follow_transformers() -> None:
    model = read_model({**BASE, "num_key_value_heads": None, "head_dim": None})
    assert (model.config["num_key_value_heads"], model.config["head_dim"]) == (6, 16)
    assert not model.config["tie_word_embeddings"]
    assert not any(model.layers[f"{name}_bias"] for name in ("qkv", "o", "up", "down"))
    assert read_model({**BASE, "head_dim": 32}).config["head_dim"] == 32


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"architectures": ["MambaForCausalLM"]}, "unknown_architecture"),
        ({"architectures": []}, "unknown_architecture"),
        ({"architectures": "LlamaForCausalLM"}, "unknown_architecture"),
        ({"hidden_size": None}, "invalid_checkpoint"),
        ({"hidden_size": "96"}, "invalid_checkpoint"),
        ({"hidden_size": -96}, "invalid_checkpoint"),
        ({"hidden_size": True}, "invalid_checkpoint"),
        ({"hidden_size": 10**12}, "invalid_checkpoint"),
        ({"hidden_size": 97}, "invalid_checkpoint"),
        ({"num_key_value_heads": 4}, "invalid_checkpoint"),
        ({"head_dim": 15}, "invalid_checkpoint"),
        ({"rms_norm_eps": 0}, "invalid_checkpoint"),
        ({"hidden_act": "quick_gelu"}, "unsupported"),
        ({"rope_scaling": {"type": "proportional", "factor": 2}}, "unsupported"),
        ({"rope_scaling": {"type": "longrope", "factor": 2}}, "invalid_checkpoint"),
        ({"rope_scaling": {"type": "linear"}}, "invalid_checkpoint"),
        ({"rope_scaling": {"type": "linear", "factor": float("nan")}}, "invalid_checkpoint"),
        ({"rope_scaling": {"type": "linear", "factor": 1e31}}, "invalid_checkpoint"),
        ({"rope_scaling": {"type": "llama3", "original_max_position_embeddings": 0.5}}, "invalid_checkpoint"),
        ({"rope_scaling": "linear"}, "invalid_checkpoint"),
        ({"tie_word_embeddings": "yes"}, "invalid_checkpoint"),
    ],
)
def test_bad_configs_give_typed_errors(change: dict[str, Any], code: str) -> None:
    with pytest.raises(NomoatError) as caught:
        read_model({**BASE, **change})
    assert caught.value.code == code
