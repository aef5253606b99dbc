"""LLaMA 1, 2, 3 and what has their shape (TinyLlama, SmolLM2, Vicuna, CodeLlama, Yi). Touvron et al. 2023.

    x = embed(ids)
    layer:  y = x + W_o · attention(rope(q), rope(k), v)     q, k, v = W_qkv · rms_norm(x)
            x = y + W_down · (silu(g) · u)                   g, u = W_gate_up · rms_norm(y)
    logits = W_head · rms_norm(x)

Most families since are this layer with other knobs: they import ``prenorm_layer``.
"""

from __future__ import annotations

from functools import cache

from ..portable import inverse_root
from ..program.plan import Plan
from .config_reader import ConfigReader
from .decoder import biases, decoder, read_sizes, read_tied
from .model import Model
from .parts import LAYER, Attention, Mlp, Norm, attention, gated_mlp
from .passes import Factor, Layer, Pass, decoder_plan
from .rope import read_rope_parameters

ATTENTION, MLP = attention(), gated_mlp()
INPUT_NORM, POST_NORM = Norm(f"{LAYER}.input_layernorm"), Norm(f"{LAYER}.post_attention_layernorm")
FINAL_NORM = Norm("model.norm")


def prenorm_layer(
    attention: Attention = ATTENTION,
    mlp: Mlp = MLP,
    norms: tuple[Norm, Norm] = (INPUT_NORM, POST_NORM),
    residual_scale: Factor = 1.0,
) -> Layer:
    """A norm before attention and one before the network, each branch added to what it came from."""

    def layer(p: Pass) -> None:
        p.attention(attention, "x", "y", norm=norms[0], residual="x", scale=residual_scale)  # (n, hidden)
        p.mlp(mlp, "y", "x", norm=norms[1], residual="y", scale=residual_scale)  # (n, hidden)

    return layer


@cache
def llama_plan() -> Plan:
    return decoder_plan(prenorm_layer(), FINAL_NORM)


LLAMA_PLAN = llama_plan()


def read_llama(c: ConfigReader) -> Model:
    sizes, positions = read_sizes(c), c.integer("max_position_embeddings", 2048)
    attention_bias, mlp_bias = c.boolean("attention_bias"), c.boolean("mlp_bias")
    return decoder(
        "LlamaForCausalLM", llama_plan(),
        sizes | {"rms_norm_eps": c.number("rms_norm_eps", 1e-6, most=1),
                 "tie_word_embeddings": read_tied(c, default=False)},
        positions,
        [read_rope_parameters(c, positions)],
        activation=c.activation("hidden_act", "silu"),
        attention_scale=inverse_root(sizes["head_dim"]),
        biases=biases(c, ATTENTION, MLP, sizes["num_hidden_layers"],
                      qkv=attention_bias, out=attention_bias, up=mlp_bias, down=mlp_bias),
    )  # fmt: skip
