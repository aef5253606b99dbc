"""The configuration of a LLaMA-family model, read from Hugging Face's config.json and checked.

Every field has Hugging Face's name. Nothing is guessed: a missing required field, a value of the wrong type or an
impossible combination is ``invalid_checkpoint``; an architecture that is not LLaMA is ``unknown_architecture``.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from ..errors import NomoatError
from .rope import check_rope_parameters

ARCHITECTURES = {"LlamaForCausalLM": "llama"}
# Bounds that keep a lying config.json from asking for absurd memory before any tensor was looked at.
LIMITS = {
    "vocab_size": 4_194_304,
    "hidden_size": 131_072,
    "intermediate_size": 1_048_576,
    "num_hidden_layers": 1_024,
    "num_attention_heads": 1_024,
    "num_key_value_heads": 1_024,
    "head_dim": 1_024,
    "max_position_embeddings": 16_777_216,
}


@dataclass(frozen=True)
class LlamaConfig:
    """LLaMA 1, 2, 3 and what has their shape (TinyLlama, SmolLM2, Vicuna, CodeLlama)."""

    architecture: str
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    rms_norm_eps: float
    max_position_embeddings: int
    tie_word_embeddings: bool
    attention_bias: bool
    mlp_bias: bool
    hidden_act: str
    rope_parameters: dict[str, Any]  # {rope_type, rope_theta, ...}, as transformers 5 writes it

    @classmethod
    def from_huggingface(cls, config: dict[str, Any]) -> LlamaConfig:
        """Checks ``config`` (the parsed config.json) and fills in what transformers derives."""
        architecture = _architecture(config)

        def integer(name: str, default: int | None = None) -> int:
            value = config.get(name, default)
            value = default if value is None else value
            if value is None:
                raise _invalid(f"config.json has no {name}; expected a positive integer.", name)
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LIMITS[name]:
                raise _invalid(f"config.json: {name} is {value!r}; expected an integer in 1..{LIMITS[name]}.", name)
            return value

        def boolean(name: str) -> bool:
            value = config.get(name, False)
            if value is not None and not isinstance(value, bool):
                raise _invalid(f"config.json: {name} is {value!r}; expected true or false.", name)
            return bool(value)

        hidden_size = integer("hidden_size")
        heads = integer("num_attention_heads")
        kv_heads = integer("num_key_value_heads", heads)
        if heads % kv_heads:
            raise _invalid(
                f"config.json: num_attention_heads ({heads}) is not a multiple of num_key_value_heads ({kv_heads}).",
                "num_key_value_heads",
            )
        if config.get("head_dim") is None and hidden_size % heads:
            raise _invalid(
                f"config.json: hidden_size ({hidden_size}) is not a multiple of num_attention_heads ({heads}) "
                "and head_dim is not given.",
                "head_dim",
            )
        head_dim = integer("head_dim", hidden_size // heads)
        if head_dim % 2:
            raise _invalid(f"config.json: head_dim is {head_dim}; RoPE needs an even number.", "head_dim")
        eps = config.get("rms_norm_eps", 1e-6)
        if isinstance(eps, bool) or not isinstance(eps, int | float) or not 0 < eps <= 1:
            raise _invalid(f"config.json: rms_norm_eps is {eps!r}; expected a number in (0, 1].", "rms_norm_eps")
        act = config.get("hidden_act", "silu")
        if act not in ("silu", "swish"):
            raise NomoatError("unsupported", f"config.json: hidden_act is {act!r}; only silu is supported.")
        max_positions = integer("max_position_embeddings", 2048)
        return cls(
            architecture=architecture,
            vocab_size=integer("vocab_size"),
            hidden_size=hidden_size,
            intermediate_size=integer("intermediate_size"),
            num_hidden_layers=integer("num_hidden_layers"),
            num_attention_heads=heads,
            num_key_value_heads=kv_heads,
            head_dim=head_dim,
            rms_norm_eps=float(eps),
            max_position_embeddings=max_positions,
            tie_word_embeddings=boolean("tie_word_embeddings"),
            attention_bias=boolean("attention_bias"),
            mlp_bias=boolean("mlp_bias"),
            hidden_act="silu",
            rope_parameters=check_rope_parameters(_rope_parameters(config), max_positions),
        )

    def to_json(self) -> dict[str, Any]:
        """The ``model`` object of program.json."""
        return dataclasses.asdict(self)


def _architecture(config: dict[str, Any]) -> str:
    names = config.get("architectures")
    if names is None and config.get("model_type") == "llama":
        names = ["LlamaForCausalLM"]
    known = ", ".join(sorted(ARCHITECTURES))
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise NomoatError(
            "unknown_architecture",
            f"config.json names no architecture; expected one of: {known}.",
            found=str(names)[:100],
        )
    for name in names:
        if name in ARCHITECTURES:
            return name
    raise NomoatError(
        "unknown_architecture",
        f"The model's architecture is {names[0][:100]!r}; NoMoat compiles {known}.",
        found=names[0][:100],
    )


def _rope_parameters(config: dict[str, Any]) -> dict[str, Any]:
    """rope_parameters as written by transformers 5, or made from rope_theta and rope_scaling of older files."""
    new = config.get("rope_parameters")
    if new is not None and not isinstance(new, dict):
        raise _invalid("config.json: rope_parameters must be an object.", "rope_parameters")
    old = config.get("rope_scaling")
    if old is not None and not isinstance(old, dict):
        raise _invalid("config.json: rope_scaling must be an object or null.", "rope_scaling")
    merged: dict[str, Any] = dict(old or new or {})  # As transformers: the older one, where a file has both.
    legacy_type = merged.pop("type", None)
    merged.setdefault("rope_type", legacy_type or "default")
    if merged.get("rope_theta") is None:
        merged["rope_theta"] = config.get("rope_theta", 10000.0)
    if config.get("original_max_position_embeddings") is not None:  # Outside, where it is there, comes first.
        merged["original_max_position_embeddings"] = config["original_max_position_embeddings"]
    return merged


def _invalid(message: str, field: str) -> NomoatError:
    return NomoatError("invalid_checkpoint", message, field=field)
