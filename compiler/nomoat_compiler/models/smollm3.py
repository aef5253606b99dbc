"""SmolLM3: LLaMA with layers that have no RoPE (NoPE, Kazemnejad et al. 2023), every fourth by default."""

from __future__ import annotations

from ..portable import inverse_root
from .config_reader import ConfigReader
from .decoder import biases, decoder, read_sizes, read_tied, read_windows
from .llama import ATTENTION, MLP, llama_plan
from .model import Model
from .rope import read_rope_parameters

ROTATES = {0: False, 1: True}  # what no_rope_layers means by its numbers


def read_smollm3(c: ConfigReader) -> Model:
    sizes, positions = read_sizes(c, kv_heads=4), c.integer("max_position_embeddings", 32768)
    layers, interval = sizes["num_hidden_layers"], c.integer("no_rope_layer_interval", 4)
    rotates = c.items("no_rope_layers", ROTATES, layers) or [(i + 1) % interval != 0 for i in range(layers)]
    window = c.optional_integer("sliding_window", None)
    if not c.boolean("use_sliding_window"):
        window = None
    attention_bias, mlp_bias = c.boolean("attention_bias"), c.boolean("mlp_bias")
    slides = [window is not None and not turns for turns in rotates]
    return decoder(
        "SmolLM3ForCausalLM", llama_plan(),
        sizes | {"rms_norm_eps": c.number("rms_norm_eps", 1e-6, most=1),
                 "tie_word_embeddings": read_tied(c, default=True)},
        positions,
        [read_rope_parameters(c, positions, theta=2000000.0)],
        activation=c.activation("hidden_act", "silu"),
        attention_scale=inverse_root(sizes["head_dim"]),
        windows=read_windows(c, window, slides, layers),
        rotates=rotates,
        biases=biases(c, ATTENTION, MLP, layers,
                      qkv=attention_bias, out=attention_bias, up=mlp_bias, down=mlp_bias),
    )  # fmt: skip
