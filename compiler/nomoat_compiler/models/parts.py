"""The parts that a layer is written with: matrices with their biases, norms, attention, and networks of two layers.

A part says under which names the checkpoint has it; passes.py writes its tensors and its steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..expression import Expression
from ..program.plan import PlanSource, source

VOCAB, HIDDEN, FFN, D = "vocab_size", "hidden_size", "intermediate_size", "head_dim"
HEADS, KV_HEADS, LAYERS = "num_attention_heads", "num_key_value_heads", "num_hidden_layers"
Q: Expression = ["*", HEADS, D]
KV: Expression = ["*", KV_HEADS, D]
QKV: Expression = ["*", ["+", HEADS, ["*", 2, KV_HEADS]], D]
GATE_UP: Expression = ["*", 2, FFN]

LAYER = "model.layers.{layer}"


@dataclass(frozen=True)
class Matrix:
    """(rows, columns), stacked from ``parts``, which are sources without .weight and .bias at the end of their names.

    The bias is there where ``bias`` is not 0; a part that has none beside parts that do counts as zero.
    """

    name: str
    rows: Expression
    columns: Expression
    parts: tuple[PlanSource, ...]
    bias: Expression = 0

    def sources(self, suffix: str, **rules: Expression) -> list[PlanSource]:
        return [{**part, "name": part["name"] + suffix, **rules} for part in self.parts]


@dataclass(frozen=True)
class Norm:
    """An RMSNorm or a LayerNorm with bias; ``plus`` is added to the weights (1 in Gemma)."""

    name: str
    kind: Literal["rms", "layer"] = "rms"
    eps: str = "rms_norm_eps"
    plus: float = 0.0
    columns: Expression = HIDDEN


@dataclass(frozen=True)
class Attention:
    """``qkv`` and ``out`` around attention; queries and keys pass ``q_norm`` and ``k_norm``, over each head or
    ``whole``: all heads of a token together. ``long``: long_inv_freq past a length."""

    qkv: Matrix
    out: Matrix
    q_norm: Norm | None = None
    k_norm: Norm | None = None
    whole: bool = False
    softcap: str | None = None
    rotates: bool = True
    long: bool = False
    bidirectional: bool = False


@dataclass(frozen=True)
class Mlp:
    """``down(act(gate(x)) · up(x))`` with gate and up in one matrix, or ``down(act(up(x)))``."""

    up: Matrix
    down: Matrix
    gated: bool = True


def attention(
    block: str = f"{LAYER}.self_attn",
    q: str = "q_proj",
    k: str = "k_proj",
    v: str = "v_proj",
    out: str = "o_proj",
    *,
    qkv: tuple[PlanSource, ...] | None = None,
    norms: tuple[Norm, Norm] | None = None,
    whole: bool = False,
    softcap: str | None = None,
    long: bool = False,
) -> Attention:
    """Attention of causal models. ``qkv``: where the checkpoint has the three in one; else they stand apart."""
    parts = qkv or (source(f"{block}.{q}", Q), source(f"{block}.{k}", KV), source(f"{block}.{v}", KV))
    return Attention(
        Matrix(f"{LAYER}.self_attn.qkv_proj", QKV, HIDDEN, parts, "layer.qkv_bias"),
        Matrix(f"{LAYER}.self_attn.o_proj", HIDDEN, Q, (source(f"{block}.{out}", HIDDEN),), "layer.o_bias"),
        q_norm=norms[0] if norms else None, k_norm=norms[1] if norms else None, whole=whole, softcap=softcap, long=long,
    )  # fmt: skip


def head_norms(
    q: str = "q_norm", k: str = "k_norm", *, eps: str = "rms_norm_eps", plus: float = 0.0
) -> tuple[Norm, Norm]:
    """Norms of queries and keys over each head."""
    block = f"{LAYER}.self_attn"
    return Norm(f"{block}.{q}", eps=eps, plus=plus, columns=D), Norm(f"{block}.{k}", eps=eps, plus=plus, columns=D)


def gated_mlp(
    block: str = f"{LAYER}.mlp",
    gate: str = "gate_proj",
    up: str = "up_proj",
    down: str = "down_proj",
    *,
    gate_up: tuple[PlanSource, ...] | None = None,
) -> Mlp:
    """``gate_up``: where the checkpoint has the two in one; else they stand apart."""
    parts = gate_up or (source(f"{block}.{gate}", FFN), source(f"{block}.{up}", FFN))
    return Mlp(
        Matrix(f"{LAYER}.mlp.gate_up_proj", GATE_UP, HIDDEN, parts, "layer.up_bias"),
        Matrix(f"{LAYER}.mlp.down_proj", HIDDEN, FFN, (source(f"{block}.{down}", HIDDEN),), "layer.down_bias"),
    )


def plain_mlp(up: str, down: str) -> Mlp:
    return Mlp(
        Matrix(f"{LAYER}.mlp.up_proj", FFN, HIDDEN, (source(up, FFN),), "layer.up_bias"),
        Matrix(f"{LAYER}.mlp.down_proj", HIDDEN, FFN, (source(down, HIDDEN),), "layer.down_bias"),
        gated=False,
    )


def bias_names(matrix: Matrix) -> list[str]:
    """The checkpoint's names of its biases, with {layer} in them."""
    return [part["name"] + ".bias" for part in matrix.parts]
