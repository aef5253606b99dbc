"""A GGUF file's metadata as config.json, and its tensor names as Hugging Face's."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import NomoatError
from .gguf_header import GgufHeader
from .gguf_rope import rope_scaling
from .gguf_values import integer, number, text

# Tensors that are not weights of the model: rope_freqs is read into the configuration.
ROPE_DIVISORS = "rope_freqs.weight"
TOP_LEVEL = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
LAYER_PARTS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
LAYER_NAME = re.compile(r"^blk\.(\d{1,4})\.([a-z_]+)\.(weight|bias)$")


def huggingface_name(gguf_name: str) -> str | None:
    """``blk.3.attn_q.weight`` -> ``model.layers.3.self_attn.q_proj.weight``; None for another name."""
    if gguf_name in TOP_LEVEL:
        return TOP_LEVEL[gguf_name]
    match = LAYER_NAME.match(gguf_name)
    if match is None or match[2] not in LAYER_PARTS:
        return None
    return f"model.layers.{match[1]}.{LAYER_PARTS[match[2]]}.{match[3]}"


def huggingface_config(header: GgufHeader, rope_divisors: npt.NDArray[np.float32] | None) -> dict[str, Any]:
    """config.json; ``unknown_architecture`` unless it is a Llama, ``invalid_checkpoint`` for missing keys."""
    metadata, tensors = header.metadata, header.tensors
    architecture = text(metadata, "general.architecture")
    if architecture != "llama":
        raise NomoatError(
            "unknown_architecture",
            f"The GGUF file holds the architecture {architecture!r}; only llama is supported.",
            architecture=str(architecture)[:100],
        )
    if integer(metadata, "llama.expert_count", 0, minimum=0):
        raise NomoatError(
            "unknown_architecture",
            "The GGUF file holds a mixture of experts (Mixtral); only dense Llama models are supported.",
            architecture="llama with experts",
        )
    if "token_embd.weight" not in tensors:
        raise NomoatError(
            "invalid_checkpoint", "The GGUF file has no tensor token_embd.weight.", tensor="token_embd.weight"
        )
    hidden_size = integer(metadata, "llama.embedding_length")
    heads = integer(metadata, "llama.attention.head_count")
    head_dim = integer(metadata, "llama.attention.key_length", hidden_size // heads)
    if integer(metadata, "llama.attention.value_length", head_dim) != head_dim:
        raise NomoatError("unsupported", "The heads of keys and values differ in size, which Llama does not have.")
    if integer(metadata, "llama.rope.dimension_count", head_dim) != head_dim:
        raise NomoatError("unsupported", "RoPE covers only part of each head, which Llama does not have.")
    rope_theta = number(metadata, "llama.rope.freq_base", 10000.0)
    config: dict[str, Any] = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": tensors["token_embd.weight"].shape[0],
        "hidden_size": hidden_size,
        "intermediate_size": integer(metadata, "llama.feed_forward_length"),
        "num_hidden_layers": integer(metadata, "llama.block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": integer(metadata, "llama.attention.head_count_kv", heads),
        "head_dim": head_dim,
        "rms_norm_eps": number(metadata, "llama.attention.layer_norm_rms_epsilon"),
        "max_position_embeddings": integer(metadata, "llama.context_length"),
        "tie_word_embeddings": "output.weight" not in tensors,
        "attention_bias": any(".attn_" in name and name.endswith(".bias") for name in tensors),
        "mlp_bias": any(".ffn_" in name and name.endswith(".bias") for name in tensors),
        "hidden_act": "silu",
        "rope_theta": rope_theta,
        "rope_scaling": rope_scaling(metadata, rope_divisors, head_dim, rope_theta),
    }
    for name in ("bos", "eos"):
        if f"tokenizer.ggml.{name}_token_id" in metadata:
            config[f"{name}_token_id"] = integer(metadata, f"tokenizer.ggml.{name}_token_id", minimum=0)
    return config
