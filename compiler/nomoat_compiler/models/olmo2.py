"""OLMo 2: norms after attention and after the network, not before, and of all queries and keys of a token together.
OLMo Team 2025.

    layer:  y = x + rms_norm(W_o · attention(rope(q), rope(k), v))     q, k = rms_norm(W_q · x), rms_norm(W_k · x)
            x = y + rms_norm(W_down · (silu(g) · u))                    g, u = W_gate_up · y
"""

from __future__ import annotations

from functools import cache

from ..portable import inverse_root
from ..program.plan import Plan
from .config_reader import ConfigReader
from .decoder import biases, decoder, read_sizes, read_tied
from .llama import FINAL_NORM
from .model import Model
from .parts import KV, LAYER, Norm, Q, attention, gated_mlp
from .passes import Pass, decoder_plan
from .rope import read_rope_parameters

ATTENTION = attention(
    norms=(Norm(f"{LAYER}.self_attn.q_norm", columns=Q), Norm(f"{LAYER}.self_attn.k_norm", columns=KV)), whole=True
)  # fmt: skip
MLP = gated_mlp()
AFTER_ATTENTION, AFTER_MLP = Norm(f"{LAYER}.post_attention_layernorm"), Norm(f"{LAYER}.post_feedforward_layernorm")


@cache
def olmo2_plan() -> Plan:
    def layer(p: Pass) -> None:
        p.attention(ATTENTION, "x", "branch")  # (n, hidden)
        p.norm(AFTER_ATTENTION, "branch", "y", residual="x")  # (n, hidden)
        p.mlp(MLP, "y", "branch")  # (n, hidden)
        p.norm(AFTER_MLP, "branch", "x", residual="y")  # (n, hidden)

    return decoder_plan(layer, FINAL_NORM)


def read_olmo2(c: ConfigReader) -> Model:
    sizes, positions = read_sizes(c), c.integer("max_position_embeddings", 2048)
    bias = c.boolean("attention_bias")
    return decoder(
        "Olmo2ForCausalLM", olmo2_plan(),
        sizes | {"rms_norm_eps": c.number("rms_norm_eps", 1e-5, most=1),
                 "tie_word_embeddings": read_tied(c, default=False)},
        positions,
        [read_rope_parameters(c, positions)],
        activation=c.activation("hidden_act", "silu"),
        attention_scale=inverse_root(sizes["head_dim"]),
        biases=biases(c, ATTENTION, MLP, sizes["num_hidden_layers"],
                      qkv=bias, out=bias, up=False, down=False),
    )  # fmt: skip
