"""The logits that verify compares with are transformers' own, and what it cannot read is said. Needs transformers."""

from __future__ import annotations

import json
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from nomoat.verification import transformers_oracle
from nomoat.verification.transformers_oracle import NotRead, transformers_logits
from safetensors.numpy import save_file
from transformers import LlamaForCausalLM

from tests.fixtures.gguf_checkpoint import write_gguf
from tests.fixtures.variants import random_tensors, variant_config, write_variant

SEQUENCES = [([5, 6, 7, 8], 1), ([9, 10], 0)]


def logits_of(folder: Path) -> list[np.ndarray]:
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        return [model(torch.tensor([ids])).logits[0, first:].numpy() for ids, first in SEQUENCES]


def test_folder_and_file(tmp_path: Path) -> None:
    folder = write_variant(tmp_path / "m", "base")
    name, found = transformers_logits(str(folder), 1000, SEQUENCES)
    assert name.startswith("transformers 5")
    for ours, theirs in zip(found, logits_of(folder), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    tensors = random_tensors(variant_config("base"), 0)
    (tmp_path / "gguf").mkdir()
    write_gguf(tmp_path / "gguf" / "m.gguf", variant_config("base"), tensors, "F32")
    for path in (tmp_path / "gguf", tmp_path / "gguf" / "m.gguf"):
        _, of_gguf = transformers_logits(str(path), 1000, SEQUENCES)
        # The file has its numbers in float32.
        np.testing.assert_allclose(of_gguf[0], found[0], atol=1e-4)


def test_a_head_that_is_not_the_embedding_counts(tmp_path: Path) -> None:
    """The misreading that shared readers hid: transformers 5 takes a stored head that differs."""
    folder = write_variant(tmp_path / "m", "base")
    _, before = transformers_logits(str(folder), 1000, SEQUENCES)
    tensors = random_tensors(variant_config("base"), 0)
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"] * 0.5
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": True}))
    _, after = transformers_logits(str(folder), 1000, SEQUENCES)
    assert np.abs(after[0] - before[0]).max() > 0.01


def test_what_is_not_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotRead, match="transformers cannot load it"):
        transformers_logits(str(tmp_path), 1000, SEQUENCES)
    with pytest.raises(NotRead, match="bytes"):
        transformers_logits(str(tmp_path), 1 << 50, SEQUENCES)
    real = util.find_spec

    def without_transformers(name: str, package: str | None = None) -> Any:
        return None if name == "transformers" else real(name, package)

    monkeypatch.setattr(transformers_oracle.util, "find_spec", without_transformers)
    with pytest.raises(NotRead, match="not installed"):
        transformers_logits(str(tmp_path), 1000, SEQUENCES)
