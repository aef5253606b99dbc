"""LFM2: most layers mix tokens by a gated short convolution, which keeps a few tokens as state, the others by attention
with norms of queries and keys. Liquid AI 2025.

    layer:  y = x + W_out · (C · conv(B · u))                B, C, u = W_in · rms_norm(x)           or
            y = x + W_o · attention(rope(q), rope(k), v)     q, k, v = W_qkv · rms_norm(x)
            x = y + W_2 · (silu(g) · u)                      g, u = W_1_3 · rms_norm(y)
"""

from __future__ import annotations

from functools import cache

from ..expression import negation
from ..portable import inverse_root
from ..program.plan import Plan, source
from .config_reader import ConfigReader
from .decoder import biases, decoder, read_sizes, read_tied
from .model import Model
from .parts import HIDDEN, LAYER, Matrix, Norm, attention, gated_mlp, head_norms
from .passes import Pass, decoder_plan
from .rope import read_rope_parameters

CONV = f"{LAYER}.conv"
ATTENTION = attention(out="out_proj", norms=head_norms("q_layernorm", "k_layernorm", eps="norm_eps"))
MLP = gated_mlp(f"{LAYER}.feed_forward", "w1", "w3", "w2")
IN = Matrix(f"{CONV}.in_proj", ["*", 3, HIDDEN], HIDDEN, (source(f"{CONV}.in_proj", ["*", 3, HIDDEN]),), "conv_bias")
OUT = Matrix(f"{CONV}.out_proj", HIDDEN, HIDDEN, (source(f"{CONV}.out_proj", HIDDEN),), "conv_bias")
INPUT_NORM, POST_NORM = Norm(f"{LAYER}.operator_norm", eps="norm_eps"), Norm(f"{LAYER}.ffn_norm", eps="norm_eps")
KINDS = {"conv": False, "full_attention": True}


@cache
def lfm2_plan() -> Plan:
    def layer(p: Pass) -> None:
        p.shared(INPUT_NORM)
        with p.only(negation("layer.attends")):
            p.linear(IN, "x", "bcx", norm=INPUT_NORM)  # (n, 3 hidden)
            p.short_conv(f"{CONV}.conv", f"{CONV}.conv", "bcx", "convolved", bias="conv_bias")  # (n, hidden)
            p.linear(OUT, "convolved", "y", residual="x")  # (n, hidden)
        with p.only("layer.attends"):
            p.attention(ATTENTION, "x", "y", norm=INPUT_NORM, residual="x")  # (n, hidden)
        p.mlp(MLP, "y", "x", norm=POST_NORM, residual="y")  # (n, hidden)

    return decoder_plan(layer, Norm("model.embedding_norm", eps="norm_eps"))


def read_lfm2(c: ConfigReader) -> Model:
    c = c.changed(intermediate_size=_intermediate_size(c))
    sizes, positions = read_sizes(c, kv_heads=8), c.integer("max_position_embeddings", 128000)
    layers = sizes["num_hidden_layers"]
    attends = c.items("layer_types", KINDS, layers)
    full = c.integers("full_attn_idxs")
    if attends is None:
        attends = [full is None or i in full for i in range(layers)]
    tie = "tie_embedding" if "tie_embedding" in c.config else "tie_word_embeddings"
    return decoder(
        "Lfm2ForCausalLM", lfm2_plan(),
        sizes | {"norm_eps": c.number("norm_eps", 1e-5, most=1),
                 "tie_word_embeddings": read_tied(c, default=True, name=tie),
                 "conv_taps": c.integer("conv_L_cache", 3), "conv_bias": c.boolean("conv_bias")},
        positions,
        [read_rope_parameters(c, positions, theta=1000000.0)],
        activation=c.activation("hidden_act", "silu"),
        attention_scale=inverse_root(sizes["head_dim"]),
        biases={"attends": attends} | biases(c, ATTENTION, MLP, layers,
                                             qkv=False, out=False, up=False, down=False),
    )  # fmt: skip


def _intermediate_size(c: ConfigReader) -> int:
    """What of the size that the file gives is left by LLaMA 1's rule of two thirds, which it may ask for."""
    size = c.integer("block_ff_dim" if "block_ff_dim" in c.config else "intermediate_size", 12288)
    multiple, factor = c.integer("block_multiple_of", 256), c.optional_number("block_ffn_dim_multiplier", 1.0)
    if not c.boolean("block_auto_adjust_ff_dim", default=True):
        return size
    size = int(2 * size / 3)
    return -(-int((factor or 1.0) * size) // multiple) * multiple if factor is not None else size
