"""What a GGUF file cannot say is assumed as the table says, and told where the file shows that it matters. Needs
transformers, whose own GGUF loading is compared."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import gguf_of_transformers
import pytest
from nomoat_compiler.checkpoint.gguf_architectures import ARCHITECTURES
from nomoat_compiler.checkpoint.gguf_assumptions import ASSUMPTIONS, warn_of_assumptions
from nomoat_compiler.checkpoint.gguf_config import huggingface_config
from nomoat_compiler.checkpoint.gguf_file import GgufCheckpoint
from nomoat_compiler.checkpoint.gguf_parts import open_gguf
from nomoat_compiler.checkpoint.gguf_rope import RopeTensors
from nomoat_compiler.errors import NomoatWarning
from test_gguf_architectures import CASES, random_model
from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES, load_gguf_checkpoint

# architecture; keys of the metadata that are changed, None to leave them out; what config.json then says
ASSUMED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("llama", {}, {"architectures": ["LlamaForCausalLM"], "rope_scaling": None, "hidden_act": "silu"}),
    ("qwen2", {}, {"use_sliding_window": None, "sliding_window": None}),
    ("qwen3", {}, {"use_sliding_window": None, "sliding_window": None}),
    ("smollm3", {}, {"no_rope_layer_interval": 4, "use_sliding_window": None}),
    ("mistral3", {}, {"sliding_window": None}),
    ("gemma2", {"attention.sliding_window": None}, {"sliding_window": 4096}),
    ("gemma2", {"attn_logit_softcapping": None, "final_logit_softcapping": None},
     {"attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0}),
    ("gemma2", {}, {"query_pre_attn_scalar": 24}),
    ("gemma3", {"attention.sliding_window": None}, {"layer_types": ["full_attention"] * 7}),
    ("gemma3", {"attention.sliding_window": 0}, {"layer_types": ["full_attention"] * 7}),
    ("gemma3", {"rope.freq_base_swa": None}, {"rope_local_base_freq": 10000.0}),
    ("phi3", {"attention.sliding_window": 0}, {"sliding_window": None}),
    ("phi3", {"attention.sliding_window": None}, {"sliding_window": None}),
    ("phi3", {"attention.sliding_window": None, "context_length": 4096}, {"sliding_window": 2047}),
    ("stablelm", {"use_parallel_residual": True}, {"use_parallel_residual": False}),
    ("gptneox", {"use_parallel_residual": None}, {"use_parallel_residual": True, "hidden_act": "gelu"}),
    ("bert", {"pooling_type": None}, {"pooling": {"mode": "mean", "normalize": True}}),
]  # fmt: skip


def config_of(tmp_path: Path, architecture: str, changes: dict[str, Any]) -> dict[str, Any]:
    model = random_model(*next(case[1:] for case in CASES.values() if case[0] == architecture))
    gguf_of_transformers.write(tmp_path / "m.gguf", architecture, model)
    parts = open_gguf(tmp_path / "m.gguf")
    changed = {f"{architecture}.{key}": value for key, value in changes.items()}
    metadata = {key: value for key, value in (parts.metadata | changed).items() if value is not None}
    config = huggingface_config(metadata, parts.tensors, RopeTensors())
    parts.close()
    return config


@pytest.mark.parametrize(("architecture", "changes", "expected"), ASSUMED, ids=lambda value: str(value)[:40])
def test_what_is_assumed(architecture: str, changes: dict[str, Any], expected: dict[str, Any], tmp_path: Path) -> None:
    config = config_of(tmp_path, architecture, changes)
    assert {name: config.get(name) for name in expected} == expected


def told(architecture: str, config: dict[str, Any], metadata: dict[str, Any]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", NomoatWarning)
        warn_of_assumptions(architecture, config, metadata)
    return [str(warning.message) for warning in caught]


MISTRAL = {
    "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_key_value_heads": 8,
    "max_position_embeddings": 32768, "rope_theta": 10000.0, "rope_scaling": None,
}  # fmt: skip
LLAMA31 = {"max_position_embeddings": 131072, "rope_theta": 500000.0, "vocab_size": 128256, "rope_scaling": None}
SHOWN: list[tuple[str, dict[str, Any], dict[str, Any], str | None]] = [
    ("llama", MISTRAL, {}, "window of 4,096 tokens"),
    ("llama", MISTRAL | {"rope_theta": 1e6}, {}, None),  # 0.2 and 0.3
    ("llama", MISTRAL | {"intermediate_size": 11008}, {}, None),
    ("llama", LLAMA31, {}, "rope_freqs.weight"),
    ("llama", LLAMA31 | {"rope_scaling": {"rope_type": "llama3"}}, {}, None),
    ("llama", LLAMA31 | {"max_position_embeddings": 8192}, {}, None),  # Llama 3
    ("phi3", {}, {}, "phi3.attention.sliding_window"),
    ("phi3", {}, {"phi3.attention.sliding_window": 0}, None),
    ("minicpm", {}, {}, "MiniCPM 2B"),
    ("minicpm", {}, {"minicpm.embedding_scale": 12.0}, None),
    ("bert", {}, {}, "the mean is assumed"),
    ("bert", {}, {"bert.pooling_type": 2}, None),
    ("qwen2", MISTRAL, {}, None),
]


@pytest.mark.parametrize(("architecture", "config", "metadata", "said"), SHOWN)
def test_what_is_told(architecture: str, config: dict[str, Any], metadata: dict[str, Any], said: str | None) -> None:
    messages = told(architecture, config, metadata)
    assert len(messages) == (said is not None)
    assert all(said is not None and said in message for message in messages)


def test_every_warning_is_tried_and_every_architecture_is_known() -> None:
    assert {said for *_, said in SHOWN if said} == {
        next(said for *_, said in SHOWN if said and said in a.warning) for a in ASSUMPTIONS if a.shows
    }
    assert {name for assumption in ASSUMPTIONS for name in assumption.architectures} <= set(ARCHITECTURES)


def test_opening_a_file_tells(tmp_path: Path) -> None:
    gguf_of_transformers.write(tmp_path / "m.gguf", "bert", random_model(*CASES["bert"][1:]))
    with pytest.warns(NomoatWarning, match="pooling_type"):
        GgufCheckpoint(tmp_path / "m.gguf").close()


READ_BY_BOTH = [name for name, case in CASES.items() if case[0] in GGUF_SUPPORTED_ARCHITECTURES]


@pytest.mark.parametrize("case", READ_BY_BOTH)
def test_transformers_reads_the_same(case: str, tmp_path: Path) -> None:
    """Of what its GGUF loading reads; floats of metadata are float32."""
    architecture, model_type, fields = CASES[case]
    gguf_of_transformers.write(
        tmp_path / "m.gguf", architecture, random_model(model_type, fields), metadata={"general.name": "m"}
    )
    theirs = load_gguf_checkpoint(str(tmp_path / "m.gguf"))["config"]
    checkpoint = GgufCheckpoint(tmp_path / "m.gguf")
    both = {name for name in theirs if name in checkpoint.config}
    assert len(both) > 8
    for name in both - {"architectures", "model_type"}:
        expected = pytest.approx(theirs[name], rel=1e-6) if isinstance(theirs[name], float) else theirs[name]
        assert checkpoint.config[name] == expected, name
    checkpoint.close()
