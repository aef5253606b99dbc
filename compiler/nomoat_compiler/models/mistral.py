"""Mistral and Ministral 3: LLaMA with a sliding window in every layer. Jiang et al. 2023."""

from __future__ import annotations

from ..portable import inverse_root
from .config_reader import ConfigReader
from .decoder import biases, decoder, read_sizes, read_tied, read_windows
from .llama import ATTENTION, MLP, llama_plan
from .model import Model
from .rope import read_rope_parameters

MINISTRAL3_ROPE = {
    "type": "yarn", "rope_theta": 1000000.0, "factor": 16.0, "original_max_position_embeddings": 16384,
    "beta_fast": 32.0, "beta_slow": 1.0, "mscale_all_dim": 1.0, "mscale": 1.0, "llama_4_scaling_beta": 0.1,
}  # fmt: skip


def read_mistral(c: ConfigReader) -> Model:
    sizes, positions = read_sizes(c, kv_heads=8), c.integer("max_position_embeddings", 131072)
    return _decoder(c, "MistralForCausalLM", sizes, positions, c.optional_integer("sliding_window", 4096))


def read_ministral3(c: ConfigReader) -> Model:
    """Past the length of its training Ministral 3 multiplies queries by a factor that grows with the position, which
    no operator does; up to there it is 1."""
    sizes, positions = read_sizes(c, kv_heads=8, head_dim=128), c.integer("max_position_embeddings", 262144)
    given = c.mapping("rope_parameters") or c.mapping("rope_scaling")
    if given is None:
        c = c.changed(rope_parameters=MINISTRAL3_ROPE)
        given = MINISTRAL3_ROPE
    original = given.get("original_max_position_embeddings")
    limit = original if given.get("llama_4_scaling_beta") and isinstance(original, int) else None
    window = c.optional_integer("sliding_window", None)
    return _decoder(c, "Ministral3ForCausalLM", sizes, positions, window, limit, eps=1e-5)


def _decoder(
    c: ConfigReader, architecture: str, sizes: dict[str, int],
    positions: int, window: int | None, supported_length: int | None = None, eps: float = 1e-6,
) -> Model:  # fmt: skip
    layers = sizes["num_hidden_layers"]
    return decoder(
        architecture, llama_plan(),
        sizes | {"rms_norm_eps": c.number("rms_norm_eps", eps, most=1),
                 "tie_word_embeddings": read_tied(c, default=False)},
        positions,
        [read_rope_parameters(c, positions)],
        activation=c.activation("hidden_act", "silu"),
        attention_scale=inverse_root(sizes["head_dim"]),
        windows=read_windows(c, window, [window is not None] * layers, layers),
        supported_length=supported_length,
        biases=biases(c, ATTENTION, MLP, layers, qkv=False, out=False, up=False, down=False),
    )  # fmt: skip
