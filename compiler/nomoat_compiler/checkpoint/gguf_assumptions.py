"""What a GGUF file cannot say about its model, and what is assumed then: what llama.cpp assumes, which computes by the
same file. Where a file shows that this matters, opening it warns.

Sources: the converters of llama.cpp (what they write), its loader (llama-model.cpp, what it takes where a key is
missing), and transformers' GGUF loading, which takes the defaults of its configuration classes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import NomoatWarning

Config = Mapping[str, Any]
Metadata = Mapping[str, Any]
Shows = Callable[[Config, Metadata], bool]


@dataclass(frozen=True)
class Assumption:
    """``shows``: whether a file shows that it may be wrong, with ``warning``; None where no file does."""

    architectures: tuple[str, ...]
    knob: str
    assumed: str
    shows: Shows | None = None
    warning: str = ""


def _mistral_of_the_first_version(config: Config, _: Metadata) -> bool:
    """By its shape: later versions have another theta, and no window."""
    shape = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_key_value_heads", "max_position_embeddings")
    first = tuple(config.get(name) for name in shape) == (4096, 14336, 32, 8, 32768)
    return first and config.get("rope_theta") == 10000.0 and config.get("rope_scaling") is None


def _llama_3_1_without_scaling(config: Config, _: Metadata) -> bool:
    long = config.get("max_position_embeddings") == 131072 and config.get("rope_theta") == 500000.0
    return long and config.get("vocab_size") == 128256 and config.get("rope_scaling") is None


def _no_key(key: str) -> Shows:
    return lambda _, metadata: key not in metadata


ASSUMPTIONS = (
    Assumption(
        ("llama",), "sliding_window of Mistral", "none",
        _mistral_of_the_first_version,
        "The file has the shape of Mistral 7B 0.1 (also Zephyr and others made from it), which was trained with a "
        "window of 4,096 tokens, and GGUF cannot say so: beyond 4,096 tokens every token sees all, as in llama.cpp. "
        "Compile with --context-length 4096, or from the original checkpoint, if longer texts come out wrong.",
    ),
    Assumption(
        ("llama",), "rope_scaling llama3 in files made before there was rope_freqs.weight", "none",
        _llama_3_1_without_scaling,
        "The file has the shape of Llama 3.1 or later, but not the scaling of its positions (rope_freqs.weight): it "
        "was made by an old converter. Answers are wrong beyond about 8,000 tokens; use a newer file.",
    ),
    Assumption(
        ("llama", "internlm2"), "rope_scaling dynamic", "none: it changes nothing up to the trained length, which is "
        "the longest that can be asked for",
    ),
    Assumption(("qwen2", "qwen3"), "use_sliding_window", "false"),
    Assumption(("mistral3", "smollm3"), "sliding_window", "none"),
    Assumption(("smollm3",), "no_rope_layer_interval", "4"),
    Assumption(
        ("gemma2", "gemma3"), "query_pre_attn_scalar", "head_dim; hidden_size / num_attention_heads in the largest of "
        "a generation, which has 46 or 62 layers",
    ),
    Assumption(("gemma2",), "soft caps and sliding_window where the file has none", "50 and 30, 4096"),
    Assumption(
        ("gemma3",), "sliding_window where the file has none", "every layer sees all; a converter leaves it out then",
    ),
    Assumption(("gemma3",), "rope_local_base_freq where the file has none", "10000"),
    Assumption(
        ("phi3",), "sliding_window where the file has none", "2047 for a context of 4096, else none",
        _no_key("phi3.attention.sliding_window"),
        "The file does not say whether attention has a window (phi3.attention.sliding_window): it was made by an old "
        "converter. Windows are assumed as llama.cpp did, 2,047 tokens for a context of 4,096; use a newer file.",
    ),
    Assumption(
        ("minicpm",), "scale_emb, scale_depth, dim_model_base where the file has none", "12, 1.4, 256, as MiniCPM 2B",
        _no_key("minicpm.embedding_scale"),
        "The file does not have MiniCPM's multipliers (minicpm.embedding_scale): those of MiniCPM 2B are assumed. For "
        "another model, use a newer file.",
    ),
    Assumption(
        ("stablelm",), "use_parallel_residual", "whether there is no ffn_norm; converters write true where a "
        "configuration is silent and means false",
    ),
    Assumption(("gptneox", "bert"), "hidden_act", "gelu by erf, as nearly all are; llama.cpp takes its tanh form"),
    Assumption(
        ("bert",), "pooling where the file has none", "the mean",
        _no_key("bert.pooling_type"),
        "The file does not say how tokens become one vector (bert.pooling_type): the mean is assumed. bge and others "
        "take the first token; compile those from the original checkpoint.",
    ),
    Assumption(("bert",), "normalize, max_seq_length", "true; texts that are too long are refused, not cut"),
)  # fmt: skip


def warn_of_assumptions(architecture: str, config: Config, metadata: Metadata) -> None:
    """``config`` is what was made of the file: huggingface_config."""
    for assumption in ASSUMPTIONS:
        shows = assumption.shows
        if architecture in assumption.architectures and shows is not None and shows(config, metadata):
            warnings.warn(assumption.warning, NomoatWarning, stacklevel=2)
