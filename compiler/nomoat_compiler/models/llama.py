"""The LLaMA architecture as a plan: its tensors, and its two functions as operator calls, for every configuration.

    x = embed(ids)
    layer:  q, k, v = W_qkv · rms_norm(x)            y = x + W_o · attention(rope(q), rope(k), v)
            g, u    = W_gate_up · rms_norm(y)        x = y + W_down · (silu(g) * u)
    logits = W_head · rms_norm(x)

Dispatches: decode has 6 per layer, 1 for the embedding and 1 for the head. Prefill has 8 per layer, since there the
norm is a kernel of its own; its last layer stops after the cache was written, because only that is kept. The residual
stream goes back and forth between x and y, as no kernel may read and write one buffer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..expression import Expression
from ..operators.declaration import ACTIVATIONS
from ..program.plan import Plan, PlanBuilder, Steps
from .config import LlamaConfig
from .rope import rope_frequencies

VOCAB, HIDDEN, FFN, D = "vocab_size", "hidden_size", "intermediate_size", "head_dim"
HEADS, KV_HEADS, LAYERS = "num_attention_heads", "num_key_value_heads", "num_hidden_layers"
Q: Expression = ["*", HEADS, D]
KV: Expression = ["*", KV_HEADS, D]
QKV: Expression = ["*", ["+", HEADS, ["*", 2, KV_HEADS]], D]
GATE_UP: Expression = ["*", 2, FFN]
UNTIED: Expression = ["==", "tie_word_embeddings", 0]

ATTENTION, MLP = "model.layers.{layer}.self_attn", "model.layers.{layer}.mlp"
INPUT_NORM, POST_NORM = "model.layers.{layer}.input_layernorm", "model.layers.{layer}.post_attention_layernorm"


def layer_attributes(config: LlamaConfig) -> dict[str, Any]:
    """``layers`` of program.json: numbers of RoPE that follow from the configuration; the same in every layer."""
    rope = config.rope_parameters
    dynamic = rope["rope_type"] == "dynamic"
    trained = int(rope.get("original_max_position_embeddings", config.max_position_embeddings))
    return {
        "attention_scale": config.head_dim**-0.5,
        "attention_scaling": rope_frequencies(rope, config.head_dim).attention_scaling,
        "rope_dynamic": dynamic,
        "rope_theta": float(rope["rope_theta"]),
        "rope_factor": float(rope["factor"]) if dynamic else 1.0,
        "rope_trained_length": trained if dynamic else 0,
    }


def constants(config: LlamaConfig) -> dict[str, np.ndarray]:
    """The values of the plan's constants."""
    return {"rope.inv_freq": rope_frequencies(config.rope_parameters, config.head_dim).inv_freq}


def _llama_plan() -> Plan:
    plan = PlanBuilder()
    _declare_tensors(plan)
    _declare_arrays(plan)
    _prefill(plan.function("prefill"))
    _decode(plan.function("decode"))
    return plan.to_json()


def _declare_tensors(plan: PlanBuilder) -> None:
    """q, k, v and gate, up are stacked, so that one kernel reads x once for all of them."""
    tensors = plan.tensors
    tensors.add("model.embed_tokens", "embedding", (VOCAB, HIDDEN))
    with tensors.each_layer():
        tensors.add(INPUT_NORM, "norm", (HIDDEN,))
        _linear_tensor(plan, ATTENTION, "qkv_proj", (QKV, HIDDEN), {"q_proj": Q, "k_proj": KV, "v_proj": KV})
        _linear_tensor(plan, ATTENTION, "o_proj", (HIDDEN, Q), {"o_proj": HIDDEN})
        tensors.add(POST_NORM, "norm", (HIDDEN,))
        _linear_tensor(plan, MLP, "gate_up_proj", (GATE_UP, HIDDEN), {"gate_proj": FFN, "up_proj": FFN})
        _linear_tensor(plan, MLP, "down_proj", (HIDDEN, FFN), {"down_proj": HIDDEN})
    tensors.add("model.norm", "norm", (HIDDEN,))
    tensors.add("lm_head", "lm_head", (VOCAB, HIDDEN), when=UNTIED)


def _linear_tensor(
    plan: PlanBuilder, block: str, name: str, shape: tuple[Expression, Expression], parts: dict[str, Expression]
) -> None:
    """The matrix ``block``.``name`` (rows, columns) and its bias (rows,), both stacked from ``parts``."""
    weights = {f"{block}.{part}.weight": rows for part, rows in parts.items()}
    biases = {f"{block}.{part}.bias": rows for part, rows in parts.items()}
    plan.tensors.add(f"{block}.{name}", "linear", shape, weights)
    plan.tensors.add(f"{block}.{name}.bias", "bias", shape[:1], biases, when=_has_bias(block))


def _declare_arrays(plan: PlanBuilder) -> None:
    plan.constants.add("rope.inv_freq", "float32", (["//", D, 2],))
    buffers = plan.buffers
    buffers.scratch("x", ("n", HIDDEN))
    buffers.scratch("y", ("n", HIDDEN))
    buffers.scratch("normed", ("n", HIDDEN))
    buffers.scratch("qkv", ("n", QKV))
    buffers.scratch("q", ("n", Q))
    buffers.scratch("attended", ("n", Q))
    buffers.scratch("gated", ("n", FFN))
    with buffers.each_layer():
        buffers.kv_cache("kv.k.{layer}", (KV_HEADS, "page_size", D))
        buffers.kv_cache("kv.v.{layer}", (KV_HEADS, "page_size", D))


def _prefill(f: Steps) -> None:
    """n tokens of prompt_ids from state.position on -> the KV cache."""
    _embed(f, "prompt_ids")  # x (n, hidden)
    with f.each_layer(0, ["-", LAYERS, 1]):
        _norm(f, INPUT_NORM, "x")  # normed (n, hidden)
        _linear(f, ATTENTION, "qkv_proj", (QKV, HIDDEN), "normed", "qkv")  # (n, (heads + 2 kv_heads) * head_dim)
        _rope_append(f)  # q (n, heads * head_dim)
        _attention(f)  # attended (n, heads * head_dim)
        _linear(f, ATTENTION, "o_proj", (HIDDEN, Q), "attended", "y", residual="x")  # (n, hidden)
        _norm(f, POST_NORM, "y")  # normed (n, hidden)
        _linear(f, MLP, "gate_up_proj", (GATE_UP, HIDDEN), "normed", "gated", swiglu=True)  # (n, intermediate)
        _linear(f, MLP, "down_proj", (HIDDEN, FFN), "gated", "x", residual="y")  # (n, hidden)
    with f.each_layer(["-", LAYERS, 1]):
        _norm(f, INPUT_NORM, "x")
        _linear(f, ATTENTION, "qkv_proj", (QKV, HIDDEN), "normed", "qkv")
        _rope_append(f)


def _decode(f: Steps) -> None:
    """One token: state.token_id at state.position -> logits (1, vocab_size)."""
    _embed(f, "state")  # x (1, hidden)
    with f.each_layer():
        _linear(f, ATTENTION, "qkv_proj", (QKV, HIDDEN), "x", "qkv", norm=INPUT_NORM)
        _rope_append(f)  # q (1, heads * head_dim)
        _attention(f)  # attended (1, heads * head_dim)
        _linear(f, ATTENTION, "o_proj", (HIDDEN, Q), "attended", "y", residual="x")  # (1, hidden)
        _linear(f, MLP, "gate_up_proj", (GATE_UP, HIDDEN), "y", "gated", norm=POST_NORM, swiglu=True)
        _linear(f, MLP, "down_proj", (HIDDEN, FFN), "gated", "x", residual="y")  # (1, hidden)
    for head, when in (("lm_head", UNTIED), ("model.embed_tokens", "tie_word_embeddings")):
        f.step(
            "linear", {"x": "x", "gain": "model.norm", "w": head, "out": "logits"}, when=when,
            rows=VOCAB, columns=HIDDEN, norm_eps="rms_norm_eps",
        )  # (1, vocab)  # fmt: skip


def _embed(f: Steps, token_ids: str) -> None:
    arguments = {"token_ids": token_ids, "w": "model.embed_tokens", "out": "x"}
    f.step("embed", arguments, rows=VOCAB, columns=HIDDEN)


def _norm(f: Steps, gain: str, x: str) -> None:
    f.step("rms_norm", {"x": x, "gain": gain, "out": "normed"}, columns=HIDDEN, eps="rms_norm_eps")


def _rope_append(f: Steps) -> None:
    """Rotated queries from qkv to q; the new K and V go to the layer's cache."""
    cache = {"k_pages": "kv.k.{layer}", "v_pages": "kv.v.{layer}"}
    fixed = {"inv_freq": "rope.inv_freq", "state": "state", "block_table": "block_table"}
    f.step(
        "rope_append", {"qkv": "qkv", **fixed, **cache, "q": "q"},
        heads=HEADS, kv_heads=KV_HEADS, head_dim=D, page_size="page_size", rotary_dim=D,
        attention_scaling="layer.attention_scaling", dynamic="layer.rope_dynamic", theta="layer.rope_theta",
        factor="layer.rope_factor", trained_length="layer.rope_trained_length",
    )  # fmt: skip


def _attention(f: Steps) -> None:
    cache = {"k_pages": "kv.k.{layer}", "v_pages": "kv.v.{layer}"}
    f.step(
        "attention", {"q": "q", "state": "state", "block_table": "block_table", **cache, "out": "attended"},
        heads=HEADS, kv_heads=KV_HEADS, head_dim=D, page_size="page_size", scale="layer.attention_scale",
    )  # fmt: skip


def _linear(
    f: Steps,
    block: str,
    name: str,
    shape: tuple[Expression, Expression],
    x: str,
    out: str,
    *,
    norm: str | None = None,
    residual: str | None = None,
    swiglu: bool = False,
) -> None:
    arguments = {"x": x, "w": f"{block}.{name}", "bias": f"{block}.{name}.bias", "out": out}
    if norm:
        arguments["gain"] = norm
    if residual:
        arguments["residual"] = residual
    f.step(
        "linear", arguments, rows=shape[0], columns=shape[1], norm_eps="rms_norm_eps" if norm else None,
        bias=_has_bias(block), residual=residual is not None, gated=swiglu,
        activation=ACTIVATIONS.index("silu") if swiglu else 0,
    )  # fmt: skip


def _has_bias(block: str) -> str:
    return "attention_bias" if block == ATTENTION else "mlp_bias"


LLAMA_PLAN = _llama_plan()
