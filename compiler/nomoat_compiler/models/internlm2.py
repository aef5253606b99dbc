"""InternLM2: LLaMA whose q, k and v are one matrix, interleaved by groups of heads. Cai et al. 2024.

Each key head's rows stand together: its query heads, its key, its value, ``head_dim`` rows each.
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
from .parts import HEADS, KV, KV_HEADS, LAYER, D, Norm, Q, attention, gated_mlp
from .passes import decoder_plan
from .rope import read_rope_parameters

GROUP: Expression = ["//", HEADS, KV_HEADS]  # query heads of a key head
GROUP_ROWS: Expression = ["*", GROUP, D]
STRIDE: Expression = ["*", ["+", GROUP, 2], D]
WQKV = f"{LAYER}.attention.wqkv"

ATTENTION = attention(
    f"{LAYER}.attention", out="wo",
    qkv=(
        source(WQKV, Q, first=0, block=GROUP_ROWS, stride=STRIDE),
        source(WQKV, KV, first=GROUP_ROWS, block=D, stride=STRIDE),
        source(WQKV, KV, first=["+", GROUP_ROWS, D], block=D, stride=STRIDE),
    ),
)  # fmt: skip
MLP = gated_mlp(f"{LAYER}.feed_forward", "w1", "w3", "w2")
NORMS = (Norm(f"{LAYER}.attention_norm"), Norm(f"{LAYER}.ffn_norm"))


@cache
def internlm2_plan() -> Plan:
    layer = prenorm_layer(ATTENTION, MLP, NORMS)
    return decoder_plan(layer, Norm("model.norm"), embedding="model.tok_embeddings", head="output")


def read_internlm2(c: ConfigReader) -> Model:
    sizes, positions = read_sizes(c), c.integer("max_position_embeddings", 2048)
    bias = c.boolean("bias", default=True)
    tied = read_tied(c, default=False, table="model.tok_embeddings.weight", head="output.weight")
    return decoder(
        "InternLM2ForCausalLM", internlm2_plan(),
        sizes | {"rms_norm_eps": c.number("rms_norm_eps", 1e-6, most=1), "tie_word_embeddings": tied},
        positions,
        [read_rope_parameters(c, positions)],
        activation=c.activation("hidden_act", "silu"),
        attention_scale=inverse_root(sizes["head_dim"]),
        biases=biases(c, ATTENTION, MLP, sizes["num_hidden_layers"],
                      qkv=bias, out=bias, up=False, down=False),
    )  # fmt: skip
