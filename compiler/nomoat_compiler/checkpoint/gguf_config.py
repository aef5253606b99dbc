"""config.json of a GGUF file, from its metadata and the shapes of its tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import NomoatError
from ..portable import number_kind, number_list
from .gguf_architectures import ARCHITECTURES, GgufArchitecture
from .gguf_header import GgufTensor
from .gguf_rope import RopeTensors, rope_scaling
from .gguf_values import flag, integer, number, text

READERS: dict[str, Callable[..., Any]] = {
    "integer": integer, "number": number, "flag": flag,
    "window": lambda metadata, key, _: integer(metadata, key, minimum=0) or None,  # 0 is how converters write "none".
}  # fmt: skip
POOLING_MODES = {1: "mean", 2: "cls"}  # LLAMA_POOLING_TYPE_* of llama.cpp


def architecture_of(metadata: Mapping[str, Any]) -> tuple[str, GgufArchitecture]:
    """(llama.cpp's name, what is known of it); ``unknown_architecture`` lists the known ones."""
    metadata = dict(metadata)
    name = text(metadata, "general.architecture")
    known = ", ".join(ARCHITECTURES)
    if name not in ARCHITECTURES:
        raise NomoatError(
            "unknown_architecture",
            f"The GGUF file holds the architecture {str(name)[:100]!r}; known are {known}.",
            architecture=str(name)[:100],
        )
    if integer(metadata, f"{name}.expert_count", 0, minimum=0):
        raise NomoatError(
            "unknown_architecture",
            "The GGUF file holds a mixture of experts; only dense models are supported.",
            architecture=f"{name} with experts",
        )
    return name, ARCHITECTURES[name]


def huggingface_config(
    metadata: dict[str, Any], tensors: Mapping[str, GgufTensor], rope_tensors: RopeTensors
) -> dict[str, Any]:
    """config.json; ``unknown_architecture``, or ``invalid_checkpoint``, ``unsupported`` for what metadata say."""
    name, architecture = architecture_of(metadata)
    if "token_embd.weight" not in tensors:
        raise NomoatError(
            "invalid_checkpoint", "The GGUF file has no tensor token_embd.weight.", tensor="token_embd.weight"
        )
    epsilon_key = "layer_norm_rms_epsilon" if architecture.rms_norm else "layer_norm_epsilon"
    config: dict[str, Any] = {
        "architectures": [architecture.huggingface],
        "model_type": architecture.model_type,
        "vocab_size": tensors["token_embd.weight"].shape[0],
        "hidden_size": integer(metadata, f"{name}.embedding_length"),
        "intermediate_size": integer(metadata, f"{name}.feed_forward_length"),
        "num_hidden_layers": integer(metadata, f"{name}.block_count"),
        "num_attention_heads": integer(metadata, f"{name}.attention.head_count"),
        "max_position_embeddings": integer(metadata, f"{name}.context_length"),
        architecture.epsilon: number(metadata, f"{name}.attention.{epsilon_key}"),
        **architecture.constants,
    }
    if architecture.activation is not None:
        config[architecture.activation[0]] = architecture.activation[1]
    if not architecture.tied:
        config["tie_word_embeddings"] = "output.weight" not in tensors
    if architecture.kv_heads:
        config["num_key_value_heads"] = _kv_heads(metadata, name, config["num_attention_heads"])
    for field, tensor in architecture.biases.items():
        config[field] = any(f".{tensor}." in stored and stored.endswith(".bias") for stored in tensors)
    for entry in architecture.fields:
        key = f"{name}.{entry.key}"
        if key in metadata or entry.required:
            config[entry.name] = READERS[entry.read](metadata, key, entry.default)
        elif entry.default is not None:
            config[entry.name] = entry.default
    head_dim = _head_dim(metadata, name, architecture, config)
    if architecture.rotary:
        _add_rope(config, metadata, name, architecture, head_dim, rope_tensors)
    vocab_size = config["vocab_size"]
    for token in ("bos", "eos"):
        token_id = token_id_of(metadata, f"tokenizer.ggml.{token}_token_id", vocab_size)
        if token_id is not None:
            config[f"{token}_token_id"] = token_id
    if name in COMPLETIONS:
        COMPLETIONS[name](config, metadata, tensors)
    return config


def token_id_of(metadata: Mapping[str, Any], key: str, count: int) -> int | None:
    """None for what says that there is no such token: no key, -1 in either signedness, or an id past the vocabulary."""
    value = metadata.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise NomoatError("invalid_checkpoint", f"The GGUF metadata {key} is {str(value)[:60]!r}, not an id.", key=key)
    return value if 0 <= value < count else None  # 0xFFFFFFFF is past every vocabulary.


def _kv_heads(metadata: dict[str, Any], name: str, heads: int) -> int:
    """Also where it stands for each layer: 0 then marks a layer without attention."""
    key = f"{name}.attention.head_count_kv"
    value = metadata.get(key)
    if number_kind(value) in ("i", "u") and name == "lfm2":
        counts = {count for count in number_list(value) if count != 0}
        if len(counts) == 1:
            return integer({key: counts.pop()}, key)
    return integer(metadata, key, heads)


def _head_dim(metadata: dict[str, Any], name: str, architecture: GgufArchitecture, config: dict[str, Any]) -> int:
    """The size of a head, which some configurations do not name and derive."""
    heads, hidden_size = config["num_attention_heads"], config["hidden_size"]
    head_dim = integer(metadata, f"{name}.attention.key_length", hidden_size // heads)
    if integer(metadata, f"{name}.attention.value_length", head_dim) != head_dim:
        raise NomoatError("unsupported", f"The heads of keys and values differ in size, which no {name} has.")
    if architecture.head_dim or head_dim * heads != hidden_size:
        config["head_dim"] = head_dim
    return head_dim


def _add_rope(
    config: dict[str, Any],
    metadata: dict[str, Any],
    name: str,
    architecture: GgufArchitecture,
    head_dim: int,
    rope_tensors: RopeTensors,
) -> None:
    rotated = integer(metadata, f"{name}.rope.dimension_count", head_dim)
    if architecture.partial_rotary is not None:
        config[architecture.partial_rotary] = rotated / head_dim
    elif rotated != head_dim:
        raise NomoatError("unsupported", f"RoPE covers {rotated} of {head_dim} values of a head, which no {name} has.")
    theta = number(metadata, f"{name}.rope.freq_base", architecture.default_theta)
    config[architecture.theta] = theta
    config["rope_scaling"] = rope_scaling(metadata, name, rope_tensors, rotated, theta)
    if rope_tensors.long_factors is not None:  # Phi-3 has it outside.
        config["original_max_position_embeddings"] = integer(metadata, f"{name}.rope.scaling.original_context_length")


def _layer_types(count: int, pattern: int) -> list[str]:
    """Every ``pattern``-th layer sees everything."""
    return ["full_attention" if (i + 1) % pattern == 0 else "sliding_attention" for i in range(count)]


def _gemma(config: dict[str, Any], metadata: dict[str, Any], tensors: Mapping[str, GgufTensor]) -> None:
    """What llama.cpp knows by the model's size: the largest of a generation scales queries by the hidden size."""
    layers, heads = config["num_hidden_layers"], config["num_attention_heads"]
    largest, pattern = {"gemma2": (46, 2), "gemma3_text": (62, 6)}[config["model_type"]]
    key = "gemma3.attention.sliding_window_pattern"
    if key in metadata and config["model_type"] == "gemma3_text":
        pattern = integer(metadata, key)
    config["query_pre_attn_scalar"] = config["hidden_size"] // heads if layers == largest else config["head_dim"]
    if config["model_type"] == "gemma2":
        config.setdefault("sliding_window", 4096)
    # Without a window there is no pattern: converters leave it out where every layer sees all.
    config["layer_types"] = _layer_types(layers, pattern if config.get("sliding_window") else 1)


def _lfm2(config: dict[str, Any], metadata: dict[str, Any], tensors: Mapping[str, GgufTensor]) -> None:
    config["layer_types"] = [
        "conv" if f"blk.{i}.shortconv.conv.weight" in tensors else "full_attention"
        for i in range(config["num_hidden_layers"])
    ]


def _minicpm(config: dict[str, Any], metadata: dict[str, Any], tensors: Mapping[str, GgufTensor]) -> None:
    """llama.cpp writes what the three settings come to; files older than that mean what MiniCPM-2B has."""
    layers, hidden_size = config["num_hidden_layers"], config["hidden_size"]
    residual_scale = number(metadata, "minicpm.residual_scale", 1.4 / math.sqrt(layers))
    config["scale_emb"] = number(metadata, "minicpm.embedding_scale", 12.0)
    config["scale_depth"] = float(f"{residual_scale * math.sqrt(layers):.6g}")
    config["dim_model_base"] = float(f"{hidden_size / number(metadata, 'minicpm.logit_scale', hidden_size / 256):.6g}")


def _mistral3(config: dict[str, Any], metadata: dict[str, Any], tensors: Mapping[str, GgufTensor]) -> None:
    """Ministral 3 scales queries at long distances; the setting stands with those of RoPE."""
    if "mistral3.attention.temperature_scale" in metadata and config["rope_scaling"] is not None:
        config["rope_scaling"]["llama_4_scaling_beta"] = number(metadata, "mistral3.attention.temperature_scale")
    config["sliding_window"] = None


def _olmo2(config: dict[str, Any], metadata: dict[str, Any], tensors: Mapping[str, GgufTensor]) -> None:
    """OLMo 3 is written as OLMo 2 with a window."""
    if "olmo2.attention.sliding_window" in metadata:
        raise NomoatError(
            "unknown_architecture", "The GGUF file holds OLMo 3; OLMo 2 is supported.", architecture="olmo3"
        )


def _phi3(config: dict[str, Any], metadata: dict[str, Any], tensors: Mapping[str, GgufTensor]) -> None:
    """Files that say nothing of windows are older than the key; llama.cpp knew the one model that had one by then."""
    config.setdefault("sliding_window", 2047 if config["max_position_embeddings"] == 4096 else None)


def _stablelm(config: dict[str, Any], metadata: dict[str, Any], tensors: Mapping[str, GgufTensor]) -> None:
    """As llama.cpp and transformers: the file's flag is true where a configuration was silent, which meant false."""
    config["use_parallel_residual"] = "blk.0.ffn_norm.weight" not in tensors


def _bert(config: dict[str, Any], metadata: dict[str, Any], tensors: Mapping[str, GgufTensor]) -> None:
    if "token_types.weight" in tensors:
        config["type_vocab_size"] = tensors["token_types.weight"].shape[0]
    pooling = integer(metadata, "bert.pooling_type", 1, minimum=0)
    if pooling not in POOLING_MODES:
        raise NomoatError(
            "unsupported", f"The GGUF file pools by the type {pooling}; 1 (mean) and 2 (CLS) are supported."
        )
    config["pooling"] = {"mode": POOLING_MODES[pooling], "normalize": True}  # As llama.cpp's tools do by default.


Completion = Callable[[dict[str, Any], dict[str, Any], Mapping[str, GgufTensor]], None]
COMPLETIONS: dict[str, Completion] = {
    "gemma2": _gemma, "gemma3": _gemma, "lfm2": _lfm2, "minicpm": _minicpm, "mistral3": _mistral3, "olmo2": _olmo2,
    "phi3": _phi3, "stablelm": _stablelm, "bert": _bert,
}  # fmt: skip
