"""program.json of a model of two layers, small enough to read, for tests that change one thing in it."""

from __future__ import annotations

import copy
from typing import Any

from nomoat_compiler.assembly import build_program, tensor_specs
from nomoat_compiler.models.registry import read_model
from nomoat_compiler.scheme import Grouped, Plain

CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"], "vocab_size": 300, "hidden_size": 64, "intermediate_size": 172,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-5,
    "max_position_embeddings": 256, "rope_theta": 10000.0, "tie_word_embeddings": True,
}  # fmt: skip


def small_program(**changes: Any) -> dict[str, Any]:
    """A program of its own: the caller may change it."""
    config = read_model(CONFIG | changes)
    matrices = Grouped(4, 32, None, "float16")
    schemes = {
        spec.name: Plain("float32") if spec.kind in ("norm", "bias") else matrices for spec in tensor_specs(config)
    }
    return copy.deepcopy(build_program(config, schemes, quantization="q4", context_length=128).json)
