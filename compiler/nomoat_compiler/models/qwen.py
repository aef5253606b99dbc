"""Qwen2 and 2.5 (and DeepSeek's distills of them): LLaMA with biases on q, k and v. Qwen3: norms of queries and keys
over each head instead. Yang et al. 2024 and 2025."""

from __future__ import annotations

from functools import cache
from typing import Any

from ..portable import inverse_root
from ..program.plan import Plan
from .config_reader import ConfigReader
from .decoder import biases, decoder, read_sizes, read_tied, read_windows
from .llama import ATTENTION, FINAL_NORM, MLP, llama_plan, prenorm_layer
from .model import Model
from .parts import attention, head_norms
from .passes import decoder_plan
from .rope import read_rope_parameters

QWEN3_ATTENTION = attention(norms=head_norms())


@cache
def qwen3_plan() -> Plan:
    return decoder_plan(prenorm_layer(QWEN3_ATTENTION), FINAL_NORM)


def read_qwen2(c: ConfigReader) -> Model:
    sizes = read_sizes(c, kv_heads=None if "num_key_value_heads" in c.config else 32)
    layers = sizes["num_hidden_layers"]
    bias = biases(c, ATTENTION, MLP, layers, qkv=True, out=False, up=False, down=False)
    return _decoder(c, "Qwen2ForCausalLM", llama_plan(), sizes, bias)


def read_qwen3(c: ConfigReader) -> Model:
    sizes = read_sizes(c, kv_heads=None if "num_key_value_heads" in c.config else 32, head_dim=128)
    layers, bias = sizes["num_hidden_layers"], c.boolean("attention_bias")
    biased = biases(c, QWEN3_ATTENTION, MLP, layers, qkv=bias, out=bias, up=False, down=False)
    return _decoder(c, "Qwen3ForCausalLM", qwen3_plan(), sizes, biased)


def _decoder(
    c: ConfigReader, architecture: str, plan: Plan,
    sizes: dict[str, Any], bias: dict[str, list[bool]],
) -> Model:  # fmt: skip
    layers, positions = sizes["num_hidden_layers"], c.integer("max_position_embeddings", 32768)
    window = c.optional_integer("sliding_window", 4096)
    first = c.integer("max_window_layers", 28, least=0)
    if not c.boolean("use_sliding_window"):
        window = None
    return decoder(
        architecture, plan,
        sizes | {"rms_norm_eps": c.number("rms_norm_eps", 1e-6, most=1),
                 "tie_word_embeddings": read_tied(c, default=False)},
        positions,
        [read_rope_parameters(c, positions)],
        activation=c.activation("hidden_act", "silu"),
        attention_scale=inverse_root(sizes["head_dim"]),
        windows=read_windows(c, window, [window is not None and i >= first for i in range(layers)], layers),
        biases=bias,
    )  # fmt: skip
