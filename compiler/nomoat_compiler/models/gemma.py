"""Gemma 1, Gemma 2 and Gemma 3 (text). Gemma Team 2024 and 2025.

    x = sqrt(hidden_size) · embed(ids)
    layer:  y = x + rms_norm(W_o · attention(rope(q), rope(k), v))       q, k, v = W_qkv · rms_norm(x)
            x = y + rms_norm(W_down · (gelu(g) · u))                      g, u = W_gate_up · rms_norm(y)
    logits = cap(W_embed · rms_norm(x))

The weight of every norm is stored as its difference from 1. Gemma 1 is LLaMA's layer with these norms, the scaled
embedding and gelu. Later layers take turns between a sliding window and all positions; Gemma 3 has a RoPE base for each
kind, and norms of queries and keys where Gemma 2 caps scores.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from ..portable import inverse_root, root
from ..program.plan import Plan
from .config_reader import ConfigReader
from .decoder import biases, decoder, read_sizes, read_tied, read_windows
from .llama import prenorm_layer
from .model import Model
from .parts import LAYER, Norm, attention, gated_mlp, head_norms
from .passes import Layer, Pass, decoder_plan
from .rope import check_rope_parameters, read_rope_parameters

MLP = gated_mlp()


def norm(name: str) -> Norm:
    return Norm(name, plus=1.0)


BEFORE_ATTENTION, AFTER_ATTENTION = norm(f"{LAYER}.input_layernorm"), norm(f"{LAYER}.post_attention_layernorm")
BEFORE_MLP, AFTER_MLP = norm(f"{LAYER}.pre_feedforward_layernorm"), norm(f"{LAYER}.post_feedforward_layernorm")


def final_norm() -> Norm:
    return norm("model.norm")


def gemma_layer(*, qk_norm: bool, score_cap: bool, bidirectional: bool = False) -> Layer:
    mixer = replace(
        attention(
            norms=head_norms(plus=1.0) if qk_norm else None, softcap="attn_logit_softcapping" if score_cap else None
        ),
        bidirectional=bidirectional,
    )

    def layer(p: Pass) -> None:
        p.attention(mixer, "x", "branch", norm=BEFORE_ATTENTION)  # (n, hidden)
        p.norm(AFTER_ATTENTION, "branch", "y", residual="x")  # (n, hidden)
        p.mlp(MLP, "y", "branch", norm=BEFORE_MLP)  # (n, hidden)
        p.norm(AFTER_MLP, "branch", "x", residual="y")  # (n, hidden)

    return layer


@cache
def gemma1_plan() -> Plan:
    layer = prenorm_layer(norms=(BEFORE_ATTENTION, AFTER_ATTENTION))
    return decoder_plan(layer, final_norm(), embedding_scale="embedding_scale")


@cache
def gemma_plan(*, qk_norm: bool, score_cap: bool, logit_cap: bool, rope_tables: int) -> Plan:
    layer = gemma_layer(qk_norm=qk_norm, score_cap=score_cap)
    return decoder_plan(
        layer, final_norm(), embedding_scale="embedding_scale", rope_tables=rope_tables,
        softcap="final_logit_softcapping" if logit_cap else None,
    )  # fmt: skip


def read_gemma(c: ConfigReader) -> Model:
    c.only("use_bidirectional_attention", False)
    sizes, positions = read_sizes(c, kv_heads=16, head_dim=256), c.integer("max_position_embeddings", 8192)
    bias = c.boolean("attention_bias")
    # The first files say gelu and mean its tanh form, as transformers reads them.
    act = c.changed(hidden_act="gelu_pytorch_tanh") if c.config.get("hidden_act") == "gelu" else c
    return decoder(
        "GemmaForCausalLM", gemma1_plan(),
        sizes | {"rms_norm_eps": c.number("rms_norm_eps", 1e-6, most=1),
                 "tie_word_embeddings": read_tied(c, default=True),
                 "embedding_scale": root(sizes["hidden_size"])},
        positions,
        [read_rope_parameters(c, positions)],
        activation=act.activation("hidden_act", "gelu_pytorch_tanh"),
        attention_scale=inverse_root(sizes["head_dim"]),
        biases=biases(c, attention(), MLP, sizes["num_hidden_layers"], qkv=bias, out=bias, up=False, down=False),
    )  # fmt: skip


def read_gemma2(c: ConfigReader) -> Model:
    sizes, positions = read_sizes(c, kv_heads=4, head_dim=256), c.integer("max_position_embeddings", 8192)
    caps = {name: c.optional_number(name, default) for name, default in _caps(50.0, 30.0)}
    slides = [i % 2 == 0 for i in range(sizes["num_hidden_layers"])]
    rope = [read_rope_parameters(c, positions)]
    return _decoder(c, "Gemma2ForCausalLM", sizes, positions, caps, slides, rope, qk_norm=False)


def read_gemma3(c: ConfigReader) -> Model:
    sizes, positions = read_sizes(c, kv_heads=4, head_dim=256), c.integer("max_position_embeddings", 131072)
    caps = {name: c.optional_number(name, default) for name, default in _caps(None, None)}
    pattern = c.integer("sliding_window_pattern", 6)
    slides = [(i + 1) % pattern != 0 for i in range(sizes["num_hidden_layers"])]
    rope = _two_tables(c, positions)
    return _decoder(c, "Gemma3ForCausalLM", sizes, positions, caps, slides, rope, qk_norm=True)


def _caps(scores: float | None, logits: float | None) -> list[tuple[str, float | None]]:
    return [("attn_logit_softcapping", scores), ("final_logit_softcapping", logits)]


def _two_tables(c: ConfigReader, positions: int) -> list[dict[str, Any]]:
    """RoPE of the layers that see all, and of those with a window: by kind of layer in transformers 5, and before
    that rope_theta with rope_scaling, and rope_local_base_freq."""
    new, old = c.mapping("rope_parameters") or {}, c.mapping("rope_scaling") or {}
    tables = []
    for kind, name, theta in (("full", "rope_theta", 1e6), ("sliding", "rope_local_base_freq", 1e4)):
        parameters = dict(new.get(f"{kind}_attention") or {})
        if kind == "full":
            parameters |= old
        if parameters.get("rope_theta") is None:
            parameters["rope_theta"] = c.number(name, theta)
        tables.append(check_rope_parameters(parameters, positions))
    return tables


def _decoder(
    c: ConfigReader, architecture: str, sizes: dict[str, Any],
    positions: int, caps: dict[str, float | None], slides: list[bool], rope: list[dict[str, Any]], *, qk_norm: bool,
) -> Model:  # fmt: skip
    c.only("use_bidirectional_attention", False)
    layers, bias = sizes["num_hidden_layers"], c.boolean("attention_bias")
    windows = read_windows(c, c.optional_integer("sliding_window", 4096), slides, layers)
    plan = gemma_plan(
        qk_norm=qk_norm, score_cap=caps["attn_logit_softcapping"] is not None,
        logit_cap=caps["final_logit_softcapping"] is not None, rope_tables=len(rope),
    )  # fmt: skip
    return decoder(
        architecture, plan,
        sizes | {name: cap for name, cap in caps.items() if cap is not None} | {
            "rms_norm_eps": c.number("rms_norm_eps", 1e-6, most=1),
            "tie_word_embeddings": read_tied(c, default=True),
            "embedding_scale": root(sizes["hidden_size"]),
        },
        positions,
        rope,
        activation=c.activation("hidden_activation", "gelu_pytorch_tanh"),
        attention_scale=inverse_root(c.number("query_pre_attn_scalar", 256)),
        windows=windows,
        rope_table=[int(window > 0) for window in windows] if len(rope) > 1 else None,
        biases=biases(c, attention(), MLP, layers, qkv=bias, out=bias, up=False, down=False),
    )  # fmt: skip
