"""Writes a transformers model as llama.cpp's converter writes it, by the gguf package's own tables and writer.

Independent of the reader: names come from ``TensorNameMap``, and what the converters do to rows and values (LlamaModel,
GemmaModel, GPTNeoXModel, InternLM2Model, LFM2Model of convert_hf_to_gguf.py) is written down here a second time.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from tiny_checkpoints import tokenizer_metadata

ROTATES_NEIGHBOURS = {"llama", "mistral3", "smollm3", "granite", "minicpm", "internlm2"}


def write(
    path: Path,
    architecture: str,
    model: torch.nn.Module,
    matrix_type: str = "F32",
    metadata: dict[str, Any] | None = None,
    parts: int = 1,
) -> None:
    """``model`` in float32. ``metadata`` adds keys after the architecture's. ``parts`` > 1: a split model."""
    config = model.config
    # At least so many tensors in each part, as llama-gguf-split counts.
    state = {name: value.detach().float().numpy() for name, value in model.state_dict().items()}
    if getattr(config, "tie_word_embeddings", False):
        state = {name: v for name, v in state.items() if name not in ("lm_head.weight", "embed_out.weight")}
    per_part = math.ceil((len(state) + 8) / parts) if parts > 1 else 0
    writer = gguf.GGUFWriter(path, architecture, split_max_tensors=per_part)
    _write_metadata(writer, architecture, config)
    for key, value in (tokenizer_metadata(config.vocab_size) | (metadata or {})).items():
        _add(writer, key, value)
    names = gguf.get_tensor_name_map(_arch(architecture), config.num_hidden_layers)
    for name, value in state.items():
        mapped = names.get_name(name, try_suffixes=(".weight", ".bias"))
        assert mapped is not None, name
        values = _as_llama_cpp(architecture, mapped, value, config)
        kind = gguf.GGMLQuantizationType[matrix_type if values.ndim == 2 and "conv" not in mapped else "F32"]
        packed = values.astype(np.float32) if kind.name == "F32" else gguf.quants.quantize(values, kind)
        writer.add_tensor(mapped, packed, raw_dtype=kind)
    for name, values in _rope_tensors(architecture, config).items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _arch(architecture: str) -> gguf.MODEL_ARCH:
    return next(arch for arch, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture)


def _as_llama_cpp(architecture: str, mapped: str, value: np.ndarray, config: Any) -> np.ndarray:
    if architecture in ROTATES_NEIGHBOURS and (".attn_q." in mapped or ".attn_k." in mapped):
        heads = config.num_attention_heads if ".attn_q." in mapped else config.num_key_value_heads
        return (
            value.reshape(heads, 2, value.shape[0] // heads // 2, *value.shape[1:]).swapaxes(1, 2).reshape(value.shape)
        )
    if architecture.startswith("gemma") and mapped.endswith("norm.weight"):
        return value + 1
    if architecture == "gptneox" and "attn_qkv" in mapped:
        heads = config.num_attention_heads
        return np.concatenate(
            [value.reshape(heads, 3, -1, *value.shape[1:])[:, i].reshape(-1, *value.shape[1:]) for i in range(3)]
        )
    return value.squeeze(1) if value.ndim == 3 else value


def _write_metadata(writer: gguf.GGUFWriter, architecture: str, config: Any) -> None:
    heads, hidden = config.num_attention_heads, config.hidden_size
    head_dim = getattr(config, "head_dim", None) or hidden // heads
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(hidden)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(heads)
    if architecture == "lfm2":
        kinds = config.layer_types
        writer.add_head_count_kv([config.num_key_value_heads if k == "full_attention" else 0 for k in kinds])
        writer.add_shortconv_l_cache(config.conv_L_cache)
        writer.add_layer_norm_rms_eps(config.norm_eps)
    else:
        writer.add_head_count_kv(getattr(config, "num_key_value_heads", None) or heads)
    if (epsilon := getattr(config, "rms_norm_eps", None)) is not None:
        writer.add_layer_norm_rms_eps(epsilon)
    if (epsilon := getattr(config, "layer_norm_eps", None)) is not None:
        writer.add_layer_norm_eps(epsilon)
    if head_dim * heads != hidden or architecture in ("qwen3", "gemma2", "gemma3", "mistral3"):
        writer.add_key_length(head_dim)
        writer.add_value_length(head_dim)
    for field, add in {
        "use_parallel_residual": writer.add_parallel_residual, "sliding_window": writer.add_sliding_window,
        "attn_logit_softcapping": writer.add_attn_logit_softcapping,
        "final_logit_softcapping": writer.add_final_logit_softcapping,
        "embedding_multiplier": writer.add_embedding_scale, "residual_multiplier": writer.add_residual_scale,
        "attention_multiplier": writer.add_attention_scale, "logits_scaling": writer.add_logit_scale,
    }.items():  # fmt: skip
        if (value := getattr(config, field, None)) is not None:
            add(value)
    if architecture == "phi3" and config.sliding_window is None:
        writer.add_sliding_window(0)
    _write_rope(writer, architecture, config, head_dim)


def _write_rope(writer: gguf.GGUFWriter, architecture: str, config: Any, head_dim: int) -> None:
    rope = getattr(config, "rope_parameters", None)
    if rope is None:
        return
    if "full_attention" in rope:  # Gemma 3: the local base is the same in all.
        rope = rope["full_attention"]
    writer.add_rope_freq_base(rope["rope_theta"])
    rotated = int(head_dim * rope.get("partial_rotary_factor", 1.0))
    if architecture not in ("qwen2", "qwen3", "gemma2", "gemma3", "lfm2"):
        writer.add_rope_dimension_count(rotated)
    kind = rope["rope_type"]
    if kind in ("linear", "yarn", "longrope"):
        writer.add_rope_scaling_type(gguf.RopeScalingType[kind.upper()])
    if kind in ("linear", "yarn"):
        writer.add_rope_scaling_factor(rope["factor"])
    if kind in ("yarn", "longrope"):
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    if kind == "yarn" and rope.get("mscale_all_dim"):
        writer.add_rope_scaling_yarn_log_mul(rope["mscale_all_dim"])
    if rope.get("beta_fast"):
        writer.add_rope_scaling_yarn_beta_fast(rope["beta_fast"])
    if rope.get("beta_slow"):
        writer.add_rope_scaling_yarn_beta_slow(rope["beta_slow"])
    if rope.get("llama_4_scaling_beta"):
        writer.add_attn_temperature_scale(rope["llama_4_scaling_beta"])
    if kind == "longrope":
        original = rope["original_max_position_embeddings"]
        scale = config.max_position_embeddings / original
        writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(scale) / math.log(original)) if scale > 1 else 1.0)


def _rope_tensors(architecture: str, config: Any) -> dict[str, np.ndarray]:
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type") == "longrope":
        return {
            f"rope_factors_{kind}.weight": np.array(rope[f"{kind}_factor"], np.float32) for kind in ("long", "short")
        }
    if rope.get("rope_type") == "llama3":
        from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

        head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        plain = 1.0 / rope["rope_theta"] ** (torch.arange(0, head_dim, 2).float() / head_dim)
        scaled = ROPE_INIT_FUNCTIONS["llama3"](config, torch.device("cpu"))[0]
        return {"rope_freqs.weight": (plain / scaled).numpy().astype(np.float32)}
    return {}


def _add(writer: gguf.GGUFWriter, key: str, value: Any) -> None:
    if isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    elif isinstance(value, str):
        writer.add_string(key, value)
    else:
        writer.add_array(key, value)
