"""mlc-chat-config.json as config.json, and which arrays of an MLC folder hold the tensors of transformers.

MLC stacks q, k, v and gate, up along rows, as our plans do; its Qwen calls the first stack ``c_attn``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import NomoatError

CONFIG_NAME = "mlc-chat-config.json"
# MLC's model_type -> (architecture, the field that says whether q, k and v have biases, its value where none is given)
MODEL_TYPES: dict[str, tuple[str, bool]] = {
    "llama": ("LlamaForCausalLM", False),
    "mistral": ("MistralForCausalLM", False),
    "qwen2": ("Qwen2ForCausalLM", True),
    "qwen3": ("Qwen3ForCausalLM", False),
}
QUANTIZATIONS = ("q0f16", "q0f32", "q4f16_1", "q4f32_1", "q4f16_0", "q3f16_1")
COPIED = (
    "hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers", "num_key_value_heads", "head_dim",
    "rms_norm_eps", "vocab_size", "hidden_act", "attention_bias", "rope_scaling",
)  # fmt: skip
MAX_LAYERS = 1_024


@dataclass(frozen=True)
class MlcTensor:
    """Rows ``start`` to ``start + rows`` of the stack ``stack``; ``columns`` is None of a vector."""

    stacks: tuple[str, ...]  # names that it may have
    suffix: str  # weight or bias
    start: int
    rows: int
    columns: int | None


def quantization_of(mlc: Mapping[str, Any]) -> str:
    name = mlc.get("quantization")
    if name not in QUANTIZATIONS:
        raise NomoatError(
            "unsupported",
            f"The MLC folder is quantized as {str(name)[:60]}; {', '.join(QUANTIZATIONS)} are read.",
            method=str(name)[:60],
        )
    return str(name)


def config_from_mlc(mlc: Mapping[str, Any], *, has_head: bool) -> dict[str, Any]:
    """config.json with Hugging Face's names; ``unknown_architecture`` for a model_type that is not read."""
    model_type, model = mlc.get("model_type"), mlc.get("model_config")
    if not isinstance(model_type, str) or model_type not in MODEL_TYPES:
        raise NomoatError(
            "unknown_architecture",
            f"The MLC folder holds the model type {str(model_type)[:60]!r}; known are {', '.join(MODEL_TYPES)}.",
            found=str(model_type)[:60],
        )
    if not isinstance(model, dict):
        raise NomoatError("invalid_checkpoint", f"{CONFIG_NAME} has no object model_config.", file=CONFIG_NAME)
    config: dict[str, Any] = {
        "architectures": [MODEL_TYPES[model_type][0]],
        "model_type": model_type,
        **{name: model[name] for name in COPIED if model.get(name) is not None},
        "rope_theta": model.get("position_embedding_base") or model.get("rope_theta") or 10000.0,
        "max_position_embeddings": _context(mlc, model),
        "tie_word_embeddings": not has_head,
    }
    window = mlc.get("sliding_window_size", model.get("sliding_window_size"))
    config["sliding_window"] = window if isinstance(window, int) and window > 0 else None
    for name in ("bos_token_id", "eos_token_id"):
        if mlc.get(name) is not None:
            config[name] = mlc[name]
    return config


def mlc_tensors(config: Mapping[str, Any]) -> dict[str, MlcTensor]:
    """transformers' name -> where it lies, for all tensors that such a model may have."""
    hidden, ffn, vocab = (_size(config, name) for name in ("hidden_size", "intermediate_size", "vocab_size"))
    heads = _size(config, "num_attention_heads")
    kv_heads = _size(config, "num_key_value_heads") if "num_key_value_heads" in config else heads
    head_dim = _size(config, "head_dim") if "head_dim" in config else hidden // heads
    layers = _size(config, "num_hidden_layers", MAX_LAYERS)
    q, kv = heads * head_dim, kv_heads * head_dim
    tensors = {
        "model.embed_tokens.weight": _whole("model.embed_tokens", vocab, hidden),
        "model.norm.weight": _whole("model.norm", hidden, None),
        "lm_head.weight": _whole("lm_head", vocab, hidden),
    }
    for i in range(layers):
        layer, attention, mlp = (f"model.layers.{i}{part}" for part in ("", ".self_attn", ".mlp"))
        for suffix, columns in (("weight", hidden), ("bias", None)):
            start = 0
            for part, rows in (("q", q), ("k", kv), ("v", kv)):
                stacks = (f"{attention}.qkv_proj", f"{attention}.c_attn")
                tensors[f"{attention}.{part}_proj.{suffix}"] = MlcTensor(stacks, suffix, start, rows, columns)
                start += rows
        for start, part in ((0, "gate"), (ffn, "up")):
            tensors[f"{mlp}.{part}_proj.weight"] = MlcTensor((f"{mlp}.gate_up_proj",), "weight", start, ffn, hidden)
        tensors[f"{attention}.o_proj.weight"] = _whole(f"{attention}.o_proj", hidden, q)
        tensors[f"{attention}.o_proj.bias"] = MlcTensor((f"{attention}.o_proj",), "bias", 0, hidden, None)
        tensors[f"{mlp}.down_proj.weight"] = _whole(f"{mlp}.down_proj", hidden, ffn)
        for norm, size in (
            (f"{layer}.input_layernorm", hidden), (f"{layer}.post_attention_layernorm", hidden),
            (f"{attention}.q_norm", head_dim), (f"{attention}.k_norm", head_dim),
        ):  # fmt: skip
            tensors[f"{norm}.weight"] = _whole(norm, size, None)
    return tensors


def _whole(name: str, rows: int, columns: int | None) -> MlcTensor:
    return MlcTensor((name,), "weight", 0, rows, columns)


def _context(mlc: Mapping[str, Any], model: Mapping[str, Any]) -> Any:
    """What the model was trained for; the folder's own window is what somebody chose to spend on it."""
    return model.get("max_position_embeddings") or model.get("context_window_size") or mlc.get("context_window_size")


def _size(config: Mapping[str, Any], name: str, most: int = 1 << 24) -> int:
    value = config.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise NomoatError(
            "invalid_checkpoint",
            f"{CONFIG_NAME}: {name} is {str(value)[:60]}; an integer from 1 to {most} is needed.",
            field=name,
        )
    return value
