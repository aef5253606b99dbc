"""Phi-3, Phi-3.5 and Phi-4-mini: LLaMA with q, k, v in one matrix and gate and up in one, of each head a part
rotated, and LongRoPE: other frequencies for sequences past the length of its training. Abdin et al. 2024.
"""

from __future__ import annotations

from functools import cache

from ..portable import inverse_root
from ..program.plan import Plan, source
from .config_reader import ConfigReader
from .decoder import biases, decoder, read_sizes, read_tied, read_windows
from .llama import FINAL_NORM, prenorm_layer
from .model import Model
from .parts import GATE_UP, LAYER, QKV, attention, gated_mlp
from .passes import decoder_plan
from .rope import read_rope_parameters

QKV_PARTS = (source(f"{LAYER}.self_attn.qkv_proj", QKV),)
MLP = gated_mlp(gate_up=(source(f"{LAYER}.mlp.gate_up_proj", GATE_UP),))


@cache
def phi3_plan(*, long: bool = False) -> Plan:
    layer = prenorm_layer(attention(qkv=QKV_PARTS, long=long), MLP)
    return decoder_plan(layer, FINAL_NORM, long=long)


def read_phi3(c: ConfigReader) -> Model:
    sizes, positions = read_sizes(c), c.integer("max_position_embeddings", 4096)
    layers, window = sizes["num_hidden_layers"], c.optional_integer("sliding_window", None)
    rope = read_rope_parameters(_longrope_by_its_old_names(c), positions)
    c.integer("original_max_position_embeddings", 4096)
    return decoder(
        "Phi3ForCausalLM", phi3_plan(long=rope["rope_type"] == "longrope"),
        sizes | {"rms_norm_eps": c.number("rms_norm_eps", 1e-5, most=1),
                 "tie_word_embeddings": read_tied(c, default=False)},
        positions,
        [rope],
        activation=c.activation("hidden_act", "silu"),
        attention_scale=inverse_root(sizes["head_dim"]),
        windows=read_windows(c, window, [window is not None] * layers, layers),
        biases=biases(c, attention(qkv=QKV_PARTS), MLP, layers, qkv=False, out=False, up=False, down=False),
    )  # fmt: skip


def _longrope_by_its_old_names(c: ConfigReader) -> ConfigReader:
    """Early files say "su" or "yarn" for what became longrope."""
    changed = {
        name: {**given, key: "longrope"}
        for name in ("rope_scaling", "rope_parameters")
        if (given := c.mapping(name))
        for key in ("type", "rope_type")
        if given.get(key) in ("su", "yarn")
    }
    return c.changed(**changed)
