"""What causal models have in common when their configuration is read: sizes, RoPE, windows, biases.

A family calls these for what it shares with others and says itself what is its own. Every value that decides between
layers is an attribute of layers; numbers of the whole model stand in the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..program.plan import Plan
from .config_reader import ConfigReader, invalid
from .model import Model, compact
from .parts import Attention, Matrix, Mlp, bias_names
from .rope import RopeFrequencies, rope_frequencies, rotary_dim

WINDOWS = {"full_attention": False, "sliding_attention": True}


def read_sizes(c: ConfigReader, *, kv_heads: int | None = None, head_dim: int | None = None) -> dict[str, Any]:
    """Hugging Face's sizes of a decoder. ``kv_heads`` and ``head_dim``: what is meant where the file says nothing."""
    hidden, heads = c.integer("hidden_size"), c.integer("num_attention_heads")
    kv = c.integer("num_key_value_heads", heads if kv_heads is None else kv_heads)
    if heads % kv:
        raise invalid(
            f"config.json: num_attention_heads ({heads}) is not a multiple of num_key_value_heads ({kv}).",
            "num_key_value_heads",
        )
    if c.config.get("head_dim") is None and head_dim is None and hidden % heads:
        raise invalid(
            f"config.json: hidden_size ({hidden}) is not a multiple of num_attention_heads ({heads}) and head_dim is "
            "not given.",
            "head_dim",
        )
    dim = c.integer("head_dim", head_dim or hidden // heads)
    if dim % 2:
        raise invalid(f"config.json: head_dim is {dim}; RoPE needs an even number.", "head_dim")
    return {
        "vocab_size": c.integer("vocab_size"),
        "hidden_size": hidden,
        "intermediate_size": c.integer("intermediate_size"),
        "num_hidden_layers": c.integer("num_hidden_layers"),
        "num_attention_heads": heads,
        "num_key_value_heads": kv,
        "head_dim": dim,
    }


def read_tied(
    c: ConfigReader, *, default: bool, name: str = "tie_word_embeddings", table: str = "model.embed_tokens.weight",
    head: str = "lm_head.weight",
) -> bool:  # fmt: skip
    """Whether the head is the embedding's table. A head of its own that is stored and differs is used, as it is by
    transformers, whatever the file says."""
    tied = c.boolean(name, default=default)
    table, head = c.names(table), c.names(head)
    if tied and c.stored is not None and head in c.stored and table in c.stored:
        return c.stored.equal(table, head)
    return tied


def read_windows(c: ConfigReader, window: int | None, default: Sequence[bool], layers: int) -> list[int]:
    """The window of each layer, 0 for none: ``layer_types`` of the file, or ``default``."""
    slides = c.items("layer_types", WINDOWS, layers)
    slides = list(default) if slides is None else slides
    if any(slides) and window is None:
        raise invalid("config.json has layers of sliding_attention, but no sliding_window.", "sliding_window")
    return [(window or 0) if slide else 0 for slide in slides]


def biases(
    c: ConfigReader, attention: Attention, mlp: Mlp, layers: int, *, qkv: bool, out: bool, up: bool, down: bool
) -> dict[str, list[bool]]:
    """Which products have a bias in each layer: the checkpoint's tensors tell, as files of derived models are silent
    or wrong. The booleans are what the file says, for when there are no weights."""
    matrices = {
        "qkv_bias": (attention.qkv, qkv), "o_bias": (attention.out, out), "up_bias": (mlp.up, up),
        "down_bias": (mlp.down, down),
    }  # fmt: skip

    def has_bias(matrix: Matrix, layer: int) -> bool:
        names = (c.names(name).replace("{layer}", str(layer)) for name in bias_names(matrix))
        return c.stored is not None and any(name in c.stored for name in names)

    return {
        attribute: [configured if c.stored is None else has_bias(matrix, layer) for layer in range(layers)]
        for attribute, (matrix, configured) in matrices.items()
    }


def rope_layers(
    tables: Sequence[Mapping[str, Any]],
    table: Sequence[int],
    rotates: Sequence[bool],
    head_dim: int,
    max_positions: int,
) -> tuple[dict[str, Any], dict[str, Any], int]:
    """(attributes of layers, constants, rotary_dim) for the checked RoPE parameters of each table, the table of each
    layer, and whether it rotates at all."""
    dim = rotary_dim(dict(tables[0]), head_dim)
    assert all(rotary_dim(dict(parameters), head_dim) == dim for parameters in tables)
    frequencies = [rope_frequencies(dict(parameters), dim) for parameters in tables]
    constants = {f"rope.inv_freq.{i}": made.inv_freq for i, made in enumerate(frequencies)}
    if frequencies[0].long_inv_freq is not None:
        constants["rope.long_inv_freq"] = frequencies[0].long_inv_freq
    by_table = [_rope_attributes(*pair, max_positions) for pair in zip(tables, frequencies, strict=True)]
    attributes: dict[str, Any] = {name: [by_table[i][name] for i in table] for name in by_table[0]}
    return attributes | {"rope_table": list(table), "rotary_dim": [dim if r else 0 for r in rotates]}, constants, dim


def _rope_attributes(parameters: Mapping[str, Any], frequencies: RopeFrequencies, max_positions: int) -> dict[str, Any]:
    dynamic = parameters["rope_type"] == "dynamic"
    return {
        "attention_scaling": frequencies.attention_scaling,
        "rope_dynamic": dynamic,
        "rope_theta": float(parameters["rope_theta"]),
        "rope_factor": float(parameters["factor"]) if dynamic else 1.0,
        "rope_trained_length": max_positions if dynamic else 0,
        "rope_long_from": frequencies.long_from,
    }


def decoder(
    architecture: str,
    plan: Plan,
    config: Mapping[str, Any],
    max_positions: int,
    rope: Sequence[Mapping[str, Any]],
    *,
    activation: int,
    attention_scale: float,
    biases: Mapping[str, list[bool]],
    windows: Sequence[int] | None = None,
    rope_table: Sequence[int] | None = None,
    rotates: Sequence[bool] | None = None,
    supported_length: int | None = None,
) -> Model:
    """A model of what a family has read. Without lists every layer sees all, rotates, and has the first table."""
    layers = config["num_hidden_layers"]
    attributes, constants, dim = rope_layers(
        rope, rope_table or [0] * layers, rotates or [True] * layers, config["head_dim"], max_positions
    )
    longest = max_positions
    if rope[0]["rope_type"] == "dynamic":  # Its base grows with the length, up to the factor.
        longest = int(max_positions * rope[0]["factor"])
    attributes |= {
        "activation": activation, "attention_scale": attention_scale, "window": windows or [0] * layers, **biases,
    }  # fmt: skip
    return Model(
        config={
            "architecture": architecture,
            **config,
            "rotary_dim": dim,
            "max_position_embeddings": max_positions,
            "rope_parameters": dict(rope[0]) if len(rope) == 1 else [dict(parameters) for parameters in rope],
        },
        layers=compact(attributes),
        plan=plan,
        constants=constants,
        trained_length=min(max_positions, supported_length or max_positions),
        supported_length=supported_length or longest,
    )
