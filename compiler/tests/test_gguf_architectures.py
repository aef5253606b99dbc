"""Every architecture's GGUF file gives back the transformers model that it was written from. Needs transformers.

A random model of a few layers is written with the gguf package; tensors must be equal, and a model made of the
configuration and the tensors that are read must compute the same logits. The pieces that a configuration says in words
(layer types, soft caps, scalings) are all behind that.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import gguf_of_transformers
import numpy as np
import pytest
import torch
from nomoat_compiler.assembly import tensor_specs
from nomoat_compiler.checkpoint.gguf_architectures import ARCHITECTURES
from nomoat_compiler.checkpoint.gguf_config import huggingface_config
from nomoat_compiler.checkpoint.gguf_file import GgufCheckpoint
from nomoat_compiler.checkpoint.gguf_parts import open_gguf
from nomoat_compiler.checkpoint.gguf_rope import RopeTensors
from nomoat_compiler.checkpoint.open import open_checkpoint
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.models.registry import read_model
from nomoat_compiler.quantize.ggml_blocks import dequantize_blocks
from nomoat_compiler.quantize.sources import StoredIn, check_sources
from tiny_checkpoints import config as tiny_config
from tiny_checkpoints import weights, write_gguf
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

COMMON: dict[str, Any] = {
    "vocab_size": 320, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 64, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
YARN = {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 16}
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}  # fmt: skip
LONGROPE = {
    "rope_type": "longrope", "rope_theta": 1e4, "original_max_position_embeddings": 16, "partial_rotary_factor": 0.75,
    "long_factor": [1.5, 2.0, 2.5, 3.0, 4.0, 5.0], "short_factor": [1.0, 1.1, 1.2, 1.3, 1.4, 1.5],
}  # fmt: skip
GEMMA = {"head_dim": 24, "query_pre_attn_scalar": 24, "sliding_window": 8, "tie_word_embeddings": True}
GEMMA_ROPE = {
    "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
    "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
}
# architecture in the file, model type of transformers, configuration
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "llama": ("llama", "llama", {}),
    "llama, biases": ("llama", "llama", {"attention_bias": True, "mlp_bias": True, "head_dim": 24}),
    "llama 3": ("llama", "llama", {"rope_parameters": LLAMA3, "tie_word_embeddings": True}),
    "llama, yarn": ("llama", "llama", {"rope_parameters": YARN | {"beta_fast": 16.0}}),
    "mistral": ("llama", "mistral", {"sliding_window": None}),
    "internlm2": ("internlm2", "llama", {}),
    "ministral 3": (
        "mistral3", "ministral3",
        {"head_dim": 24, "rope_parameters": YARN | {"mscale": 1.0, "mscale_all_dim": 1.0, "llama_4_scaling_beta": 0.1}},
    ),
    "smollm3": ("smollm3", "smollm3", {"tie_word_embeddings": True, "num_hidden_layers": 5}),
    "granite": (
        "granite", "granite",
        {"embedding_multiplier": 12.0, "attention_multiplier": 0.05, "residual_multiplier": 0.22, "logits_scaling": 8.},
    ),
    "qwen2": ("qwen2", "qwen2", {"tie_word_embeddings": True, "use_sliding_window": False, "sliding_window": None}),
    "qwen3": ("qwen3", "qwen3", {"head_dim": 32, "sliding_window": None}),
    "gemma": ("gemma", "gemma", {"head_dim": 24}),
    "gemma2": ("gemma2", "gemma2", GEMMA | {"attn_logit_softcapping": 20.0, "final_logit_softcapping": 10.0}),
    "gemma3": ("gemma3", "gemma3_text", GEMMA | {"num_hidden_layers": 7, "rope_parameters": GEMMA_ROPE}),
    "phi3": ("phi3", "phi3", {"sliding_window": 8}),
    "phi3, longrope": (
        "phi3", "phi3",
        {"rope_parameters": LONGROPE, "original_max_position_embeddings": 16, "sliding_window": None},
    ),
    "olmo2": ("olmo2", "olmo2", {}),
    "stablelm": ("stablelm", "stablelm", {"use_qkv_bias": True}),
    "stablelm, parallel": ("stablelm", "stablelm", {"use_parallel_residual": True}),
    "gptneox": ("gptneox", "gpt_neox", {"num_key_value_heads": None}),
    "gptneox, sequential, all rotated": (
        "gptneox", "gpt_neox", {"num_key_value_heads": None, "use_parallel_residual": False, "rotary_pct": 1.0},
    ),
    "lfm2": (
        "lfm2", "lfm2",
        {"layer_types": ["conv", "full_attention", "conv", "full_attention"], "block_auto_adjust_ff_dim": False},
    ),
    "bert": ("bert", "bert", {"num_key_value_heads": None}),
}  # fmt: skip


def theirs(name: str) -> str:
    """What transformers 5 calls a tensor whose published name it changes when it loads."""
    return name.replace("embed_out.", "lm_head.")


def random_model(model_type: str, fields: dict[str, Any]) -> torch.nn.Module:
    config = AutoConfig.for_model(model_type, **(COMMON | fields))
    torch.manual_seed(0)
    model = (AutoModel if model_type == "bert" else AutoModelForCausalLM).from_config(config)
    if model_type == "bert":  # Embeddings come without it, and llama.cpp writes none.
        model.pooler = None
    with torch.no_grad():
        for name, value in model.named_parameters():
            spread = 0.3 if "norm" in name.lower() else 0.15
            value.copy_(torch.randn(value.shape) * spread + (1.0 if "norm" in name.lower() and "weight" in name else 0))
    return model.eval()


def logits(model: torch.nn.Module, length: int = 24) -> np.ndarray:
    ids = torch.arange(7, 7 + length)[None] * 11 % 320
    with torch.no_grad():
        output = model(ids)
    return (output.logits if "logits" in output else output.last_hidden_state)[0].numpy()


def rebuilt(checkpoint: GgufCheckpoint) -> torch.nn.Module:
    """A model made of what was read alone."""
    fields = {name: value for name, value in checkpoint.config.items() if name not in ("architectures", "pooling")}
    config = AutoConfig.for_model(**fields, pad_token_id=0)
    made_of = AutoModelForCausalLM if checkpoint.config["model_type"] != "bert" else AutoModel
    again = made_of.from_config(config)
    state = {theirs(name): torch.from_numpy(np.array(checkpoint.read(name))) for name in checkpoint.names()}
    # The filters of a depthwise convolution are given without the dimension of 1 that torch has.
    state |= {name: value[:, None] for name, value in state.items() if name.endswith("conv.conv.weight")}
    tied = {"lm_head.weight"} if getattr(config, "tie_word_embeddings", False) else set()
    missing, unexpected = again.load_state_dict(state, strict=False)
    assert not unexpected
    assert set(missing) <= tied | {name for name in missing if name.startswith("pooler.")}
    again.tie_weights()
    return again.eval()


@pytest.mark.parametrize("case", CASES)
def test_file_gives_back_the_model(tmp_path: Path, case: str) -> None:
    architecture, model_type, fields = CASES[case]
    model = random_model(model_type, fields)
    gguf_of_transformers.write(tmp_path / "m.gguf", architecture, model)
    checkpoint = open_checkpoint(tmp_path / "m.gguf")
    assert isinstance(checkpoint, GgufCheckpoint)
    assert checkpoint.config["architectures"] == [ARCHITECTURES[architecture].huggingface]
    if model_type != "mistral":  # Which Llama reads as well.
        assert type(model).__name__ == checkpoint.config["architectures"][0]
        _check_config(checkpoint.config, model.config.to_dict())
    # What the compiler's own family says of it calls for these tensors and no other.
    check_sources(tensor_specs(read_model(checkpoint.config, StoredIn(checkpoint))), checkpoint)
    state = model.state_dict()
    for name in checkpoint.names():
        expected = state[theirs(name)].squeeze(1).numpy() if ".conv." in name else state[theirs(name)].numpy()
        assert checkpoint.stored(name).shape == expected.shape, name
        read = checkpoint.read(name)
        assert isinstance(read, np.ndarray)
        # 1 + w and back loses what does not fit into float32 beside 1.
        np.testing.assert_allclose(read, expected, rtol=0, atol=2e-7 if "norm" in name and "gemma" in case else 0)
        rows = len(expected)
        part = checkpoint.read(name, rows // 3, rows // 3 + 2)
        np.testing.assert_array_equal(part, read[rows // 3 : rows // 3 + 2], err_msg=name)
    again = rebuilt(checkpoint)
    for length in (9, 24):  # LongRoPE has another list beyond 16 positions, and windows end after 8.
        expected = logits(model, length)
        difference = np.abs(logits(again, length) - expected).max() / expected.std()
        assert difference < 1e-4  # Floats of the metadata are float32.
    checkpoint.close()


def _check_config(ours: Mapping[str, Any], expected: dict[str, Any]) -> None:
    """Also fields that no logits show. Those of RoPE have other names in transformers' own form; logits show them."""
    assert (ours["bos_token_id"], ours["eos_token_id"]) == (1, 2)
    rope = {
        "rope_scaling",
        "rope_theta",
        "rope_local_base_freq",
        "rotary_pct",
        "rotary_emb_base",
        "partial_rotary_factor",
    }
    for name, value in ours.items():
        if name not in rope | {"architectures", "pooling"}:
            assert expected[name] == pytest.approx(value), name


def test_minicpm_has_its_multipliers(tmp_path: Path) -> None:
    """Not in transformers itself: its three settings, from what llama.cpp makes of them."""
    model = random_model("llama", {})
    scales = {
        "minicpm.embedding_scale": 12.0, "minicpm.residual_scale": 1.4 / 2, "minicpm.logit_scale": 64 / 16.0,
    }  # fmt: skip
    gguf_of_transformers.write(tmp_path / "m.gguf", "minicpm", model, metadata=scales)
    checkpoint = GgufCheckpoint(tmp_path / "m.gguf")
    assert checkpoint.config["architectures"] == ["MiniCPMForCausalLM"]
    found = {name: checkpoint.config[name] for name in ("scale_emb", "scale_depth", "dim_model_base")}
    assert found == {"scale_emb": 12.0, "scale_depth": pytest.approx(1.4), "dim_model_base": pytest.approx(16.0)}
    for name in checkpoint.names():
        np.testing.assert_array_equal(checkpoint.read(name), model.state_dict()[theirs(name)].numpy())


@pytest.mark.parametrize("case", ["llama", "gptneox", "phi3", "lfm2"])
def test_blocks_move_with_their_rows(tmp_path: Path, case: str) -> None:
    """Permuted and regrouped rows of Q8_0 are what the gguf package dequantizes, in another order."""
    architecture, model_type, fields = CASES[case]
    model = random_model(model_type, fields)
    gguf_of_transformers.write(tmp_path / "m.gguf", architecture, model, "Q8_0")
    checkpoint = GgufCheckpoint(tmp_path / "m.gguf")
    for name in checkpoint.names():
        read = checkpoint.read(name)
        if isinstance(read, np.ndarray):
            continue
        expected = model.state_dict()[theirs(name)].numpy()
        requantized = gguf.quants.dequantize(
            gguf.quants.quantize(expected, gguf.GGMLQuantizationType.Q8_0), gguf.GGMLQuantizationType.Q8_0
        )
        np.testing.assert_array_equal(dequantize_blocks(read), requantized, err_msg=name)


def test_unknown_architecture_lists_the_known_ones(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", tiny_config(), weights(tiny_config()), architecture="rwkv6")
    with pytest.raises(NomoatError, match=r"llama, .*qwen3.*gemma3") as caught:
        GgufCheckpoint(tmp_path / "m.gguf")
    assert (caught.value.code, caught.value.detail["architecture"]) == ("unknown_architecture", "rwkv6")


@pytest.mark.parametrize(
    ("architecture", "metadata", "code"),
    [
        ("olmo2", {"olmo2.attention.sliding_window": 4096}, "unknown_architecture"),
        ("qwen2", {"qwen2.expert_count": 8}, "unknown_architecture"),
        ("qwen2", {"qwen2.rope.dimension_count": 8}, "unsupported"),
        ("phi3", {"phi3.rope.scaling.type": "other", "phi3.rope.scaling.factor": 2.0}, "unsupported"),
        ("granite", {"granite.logit_scale": 0.0}, "invalid_checkpoint"),
        ("gemma3", {"gemma3.attention.sliding_window_pattern": 0}, "invalid_checkpoint"),
    ],
)
def test_metadata_that_does_not_fit(tmp_path: Path, architecture: str, metadata: dict[str, Any], code: str) -> None:
    model = random_model(*next(case[1:] for case in CASES.values() if case[0] == architecture))
    gguf_of_transformers.write(tmp_path / "m.gguf", architecture, model, metadata=metadata)
    with pytest.raises(NomoatError) as caught:
        GgufCheckpoint(tmp_path / "m.gguf")
    assert caught.value.code == code


@pytest.mark.parametrize("value", [0xFFFFFFFF, 320, 1 << 20])
@pytest.mark.parametrize("key", ["bos", "eos"])
def test_ids_that_mean_no_token(tmp_path: Path, key: str, value: int) -> None:
    metadata = {f"tokenizer.ggml.{key}_token_id": value}
    write_gguf(tmp_path / "m.gguf", tiny_config(), weights(tiny_config()), metadata=metadata)
    assert f"{key}_token_id" not in GgufCheckpoint(tmp_path / "m.gguf").config


@pytest.mark.parametrize("case", ["llama, yarn", "granite", "gemma3", "phi3, longrope", "lfm2", "gptneox", "bert"])
def test_damaged_metadata_never_escapes_as_another_error(tmp_path: Path, case: str) -> None:
    """Each key of the architecture in turn holds what it may not; a file opens or fails with a NomoatError."""
    architecture, model_type, fields = CASES[case]
    gguf_of_transformers.write(tmp_path / "m.gguf", architecture, random_model(model_type, fields))
    parts = open_gguf(tmp_path / "m.gguf")
    keys = [key for key in parts.metadata if key.startswith((architecture, "tokenizer.ggml.eos", "general.a"))]
    assert len(keys) > 8
    for key in keys:
        for value in (0, -1, 1 << 40, 2.5, float("nan"), "text", True, np.arange(3), np.array([]), ["a"], None):
            metadata = {k: v for k, v in parts.metadata.items() if k != key} | ({} if value is None else {key: value})
            with contextlib.suppress(NomoatError):
                huggingface_config(metadata, parts.tensors, RopeTensors())
            longrope = RopeTensors(long_factors=np.ones(6, np.float32), short_factors=np.zeros(6, np.float32))
            with contextlib.suppress(NomoatError):
                huggingface_config(metadata, parts.tensors, longrope)
    parts.close()
