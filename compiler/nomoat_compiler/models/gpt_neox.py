"""GPT-NeoX: Pythia, Dolly, RedPajama-INCITE, StableLM-alpha. Black et al. 2022.

    parallel:  x = x + W_o · attention(layer_norm(x)) + W_2 · gelu(W_1 · layer_norm'(x))
    in turn:   y = x + W_o · attention(layer_norm(x));   x = y + W_2 · gelu(W_1 · layer_norm'(y))

q, k and v are one matrix, interleaved by heads: each head's q, k and v stand together. Of each head a part is rotated.
"""

from __future__ import annotations

from functools import cache

from ..expression import Expression
from ..portable import inverse_root
from ..program.plan import Plan, source
from .config_reader import ConfigReader
from .decoder import biases, decoder, read_sizes, read_tied
from .llama import prenorm_layer
from .model import Model
from .parts import D, Norm, Q, attention, plain_mlp
from .passes import Pass, decoder_plan
from .rope import read_rope_parameters

LAYER = "gpt_neox.layers.{layer}"
QKV = f"{LAYER}.attention.query_key_value"
STRIDE: Expression = ["*", 3, D]
ATTENTION = attention(
    f"{LAYER}.attention", out="dense",
    qkv=tuple(source(QKV, Q, first=["*", i, D], block=D, stride=STRIDE) for i in range(3)),
)  # fmt: skip
MLP = plain_mlp(f"{LAYER}.mlp.dense_h_to_4h", f"{LAYER}.mlp.dense_4h_to_h")
EMBEDDING, HEAD = "gpt_neox.embed_in", "embed_out"


def norm(name: str) -> Norm:
    return Norm(name, "layer", "layer_norm_eps")


INPUT_NORM, POST_NORM = norm(f"{LAYER}.input_layernorm"), norm(f"{LAYER}.post_attention_layernorm")


@cache
def gpt_neox_plan(*, parallel: bool = True) -> Plan:
    def side_by_side(p: Pass) -> None:
        p.attention(ATTENTION, "x", "y", norm=INPUT_NORM, residual="x")  # (n, hidden)
        p.mlp(MLP, "x", "x", norm=POST_NORM, residual="y")  # (n, hidden)

    layer = side_by_side if parallel else prenorm_layer(ATTENTION, MLP, (INPUT_NORM, POST_NORM))
    return decoder_plan(layer, norm("gpt_neox.final_layer_norm"), embedding=EMBEDDING, head=HEAD)


def read_gpt_neox(c: ConfigReader) -> Model:
    c.only("is_decoder", False, True)
    c.only("num_key_value_heads", None)
    sizes, positions = read_sizes(c), c.integer("max_position_embeddings", 2048)
    bias = c.boolean("attention_bias", default=True)
    tied = read_tied(c, default=False, table=f"{EMBEDDING}.weight", head=f"{HEAD}.weight")
    theta, partial = c.number("rotary_emb_base", 10000.0), c.number("rotary_pct", 0.25, most=1)
    return decoder(
        "GPTNeoXForCausalLM", gpt_neox_plan(parallel=c.boolean("use_parallel_residual", default=True)),
        sizes | {"layer_norm_eps": c.number("layer_norm_eps", 1e-5, most=1), "tie_word_embeddings": tied},
        positions,
        [read_rope_parameters(c, positions, theta, partial)],
        activation=c.activation("hidden_act", "gelu"),
        attention_scale=inverse_root(sizes["head_dim"]),
        biases=biases(c, ATTENTION, MLP, sizes["num_hidden_layers"],
                      qkv=bias, out=bias, up=True, down=True),
    )  # fmt: skip
