"""StableLM 3B and 2: LLaMA with LayerNorm, of each head a part rotated, and, where ``use_parallel_residual``, attention
and network side by side on one norm. Bellagente et al. 2024.

    in turn:   y = x + W_o · attention(layer_norm(x));   x = y + mlp(layer_norm(y))
    parallel:  h = layer_norm(x);   x = x + W_o · attention(h) + mlp(h)
"""

from __future__ import annotations

from functools import cache

from ..portable import inverse_root
from ..program.plan import Plan
from .config_reader import ConfigReader
from .decoder import biases, decoder, read_sizes, read_tied
from .llama import ATTENTION, MLP, prenorm_layer
from .model import Model
from .parts import LAYER, Norm
from .passes import Pass, decoder_plan
from .rope import read_rope_parameters


def norm(name: str) -> Norm:
    return Norm(name, "layer", "layer_norm_eps")


INPUT_NORM, POST_NORM = norm(f"{LAYER}.input_layernorm"), norm(f"{LAYER}.post_attention_layernorm")


@cache
def stablelm_plan(*, parallel: bool = False) -> Plan:
    def side_by_side(p: Pass) -> None:
        p.norm(INPUT_NORM, "x", "normed")  # (n, hidden)
        p.attention(ATTENTION, "normed", "y", residual="x")  # (n, hidden)
        p.mlp(MLP, "normed", "x", residual="y")  # (n, hidden)

    layer = side_by_side if parallel else prenorm_layer(norms=(INPUT_NORM, POST_NORM))
    return decoder_plan(layer, norm("model.norm"))


def read_stablelm(c: ConfigReader) -> Model:
    c.only("qk_layernorm", False)
    sizes = read_sizes(c, kv_heads=None if "num_key_value_heads" in c.config else 32)
    positions, bias = c.integer("max_position_embeddings", 4096), c.boolean("use_qkv_bias")
    # Files older than the class in transformers say norm_eps and rope_pct.
    eps, partial = c.number("norm_eps", 1e-5, most=1), c.number("rope_pct", 0.25, most=1)
    return decoder(
        "StableLmForCausalLM", stablelm_plan(parallel=c.boolean("use_parallel_residual")),
        sizes | {"layer_norm_eps": c.number("layer_norm_eps", eps, most=1),
                 "tie_word_embeddings": read_tied(c, default=False)},
        positions,
        [read_rope_parameters(c, positions, partial=partial)],
        activation=c.activation("hidden_act", "silu"),
        attention_scale=inverse_root(sizes["head_dim"]),
        biases=biases(c, ATTENTION, MLP, sizes["num_hidden_layers"],
                      qkv=bias, out=False, up=False, down=False),
    )  # fmt: skip
