"""Granite 3 and dense Granite 4: LLaMA with multipliers of embedding, attention, branches and logits.

MiniCPM (Hu et al. 2024) is the same with other names for them: scale_emb, scale_depth / sqrt(layers), dim_model_base.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from ..portable import inverse_root
from ..program.plan import Plan, source
from .config_reader import ConfigReader, unsupported
from .decoder import biases, decoder, read_sizes, read_tied
from .llama import ATTENTION, FINAL_NORM, MLP, prenorm_layer
from .model import Model
from .parts import GATE_UP, LAYER, Mlp, gated_mlp
from .passes import decoder_plan
from .rope import read_rope_parameters

SHARED_MLP = gated_mlp(
    f"{LAYER}.shared_mlp", down="output_linear", gate_up=(source(f"{LAYER}.shared_mlp.input_linear", GATE_UP),)
)

ATTENTION_ONLY = {"attention": True, "full_attention": True}


@cache
def granite_plan(*, shared: bool = False) -> Plan:
    """``shared``: the network under the names of the hybrid models."""
    return decoder_plan(
        prenorm_layer(mlp=SHARED_MLP if shared else MLP, residual_scale="residual_multiplier"), FINAL_NORM,
        embedding_scale="embedding_multiplier", logits_scale="logits_scale",
    )  # fmt: skip


def read_granite(c: ConfigReader) -> Model:
    sizes, positions = read_sizes(c), c.integer("max_position_embeddings", 2048)
    return _decoder(
        c, "GraniteForCausalLM", MLP, sizes, positions,
        attention_scale=c.number("attention_multiplier", 1.0),
        multipliers=_multipliers(c),
        attention_bias=c.boolean("attention_bias"), mlp_bias=c.boolean("mlp_bias"),
    )  # fmt: skip


def read_granite_hybrid(c: ConfigReader) -> Model:
    """The hybrid class without mamba layers and experts, which is what dense Granite 4 is published as."""
    if c.integer("num_local_experts", 8, least=0):
        message = "config.json: num_local_experts is not 0; mixtures of experts are not supported."
        raise unsupported(message, "num_local_experts")
    sizes = read_sizes(c.changed(intermediate_size=c.integer("shared_intermediate_size", 1024)))
    positions = c.integer("max_position_embeddings", 2048)
    kinds = [c.items(name, ATTENTION_ONLY, sizes["num_hidden_layers"]) for name in ("layer_types", "layers_block_type")]
    if kinds == [None, None]:
        message = "config.json has no layer_types, which means mamba layers; only attention is supported."
        raise unsupported(message, "layer_types")
    rotates = c.config.get("position_embedding_type") == "rope"
    c.only("position_embedding_type", None, "rope", "nope")
    return _decoder(
        c, "GraniteMoeHybridForCausalLM", SHARED_MLP, sizes, positions,
        attention_scale=c.number("attention_multiplier", 1.0),
        multipliers=_multipliers(c),
        attention_bias=c.boolean("attention_bias"), mlp_bias=False, rotates=rotates,
    )  # fmt: skip


def read_minicpm(c: ConfigReader) -> Model:
    c.only("num_experts", 0)
    sizes, positions = read_sizes(c), c.integer("max_position_embeddings", 2048)
    return _decoder(
        c, "MiniCPMForCausalLM", MLP, sizes, positions,
        attention_scale=inverse_root(sizes["head_dim"]),
        multipliers={
            "embedding_multiplier": c.number("scale_emb", 1.0),
            "residual_multiplier": c.number("scale_depth", 1.0) * inverse_root(sizes["num_hidden_layers"]),
            "logits_scale": c.number("dim_model_base", 1.0) / sizes["hidden_size"],
        },
        attention_bias=c.boolean("attention_bias"), mlp_bias=False, tied=True,
    )  # fmt: skip


def _multipliers(c: ConfigReader) -> dict[str, float]:
    """Granite's, as both of its classes name them."""
    return {
        "embedding_multiplier": c.number("embedding_multiplier", 1.0),
        "residual_multiplier": c.number("residual_multiplier", 1.0),
        "logits_scale": 1 / c.number("logits_scaling", 1.0),
    }


def _decoder(
    c: ConfigReader, architecture: str, mlp: Mlp, sizes: dict[str, Any],
    positions: int, *, attention_scale: float, multipliers: dict[str, float], attention_bias: bool, mlp_bias: bool,
    tied: bool = False, rotates: bool = True,
) -> Model:  # fmt: skip
    return decoder(
        architecture, granite_plan(shared=mlp is SHARED_MLP),
        sizes | multipliers | {"rms_norm_eps": c.number("rms_norm_eps", 1e-6, most=1),
                               "tie_word_embeddings": read_tied(c, default=tied)},
        positions,
        [read_rope_parameters(c, positions)],
        activation=c.activation("hidden_act", "silu"),
        attention_scale=attention_scale,
        rotates=[rotates] * sizes["num_hidden_layers"],
        biases=biases(c, ATTENTION, mlp, sizes["num_hidden_layers"],
                      qkv=attention_bias, out=attention_bias, up=mlp_bias, down=mlp_bias),
    )  # fmt: skip
