"""Pins the generated WGSL and launch plan of a two-layer model, so that a refactor cannot change them unseen.

Refresh with UPDATE_GOLDEN=1 and read the diff. Needs TVM only.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from nomoat_compiler.assembly import Program, build_program
from nomoat_compiler.models.config import LlamaConfig
from nomoat_compiler.models.llama import tensor_specs
from nomoat_compiler.scheme import Grouped, Plain

FOLDER = Path(__file__).parent / "two-layers-q4"


@pytest.fixture(scope="module")
def program() -> Program:
    config = LlamaConfig.from_huggingface(
        {
            "architectures": ["LlamaForCausalLM"],
            "vocab_size": 512,
            "hidden_size": 96,
            "intermediate_size": 192,
            "num_hidden_layers": 2,
            "num_attention_heads": 6,
            "num_key_value_heads": 2,
            "rms_norm_eps": 1e-5,
            "max_position_embeddings": 256,
            "tie_word_embeddings": True,
        }
    )
    specs = tensor_specs(config)
    linear, embedding = Grouped(4, 32, None, "float16"), Grouped(8, 32, 128, "float16")
    by_kind = {"linear": linear, "embedding": embedding, "lm_head": embedding}
    schemes = {spec.name: by_kind.get(spec.kind, Plain("float32")) for spec in specs}
    return build_program(config, specs, schemes, quantization="q4", context_length=256)


def golden_files(program: Program) -> dict[str, str]:
    """File name to content: the plan, and each kernel under its readable name."""
    files = {"program.json": json.dumps(program.json, indent=1) + "\n"}
    for digest, kernel in program.json["kernels"].items():
        files[f"{kernel['name']}.wgsl"] = program.modules[digest]
    return files


def test_generated_program_is_unchanged(program: Program) -> None:
    files = golden_files(program)
    if os.environ.get("UPDATE_GOLDEN") == "1":
        FOLDER.mkdir(exist_ok=True)
        for old in FOLDER.iterdir():
            old.unlink()
        for name, content in files.items():
            (FOLDER / name).write_text(content)
    assert sorted(p.name for p in FOLDER.iterdir()) == sorted(files)
    for name, content in files.items():
        assert (FOLDER / name).read_text() == content, f"{name} changed: UPDATE_GOLDEN=1 refreshes it; read the diff"
