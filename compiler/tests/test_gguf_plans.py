"""Proves that a GGUF file, written as llama.cpp's converter writes it, means what transformers computes: from the file
through names, rows and values that were changed for llama.cpp, and the plan, to the logits. Needs transformers.

Only what the format can say: it has no sliding window for "llama" and no query scale for Gemma, for example.
Tolerance: transformers' float32 against the interpreter's float64, as in tests/parity/test_model_plans.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from gguf_of_transformers import write
from nomoat_compiler.checkpoint.gguf_file import GgufCheckpoint

from tests.fixtures.checkpoint_in_memory import interpreter_of
from tests.fixtures.families import VARIANTS, random_model

ARCHITECTURES = {
    "mistral": "llama", "ministral3": "mistral3", "qwen2": "qwen2", "qwen3": "qwen3", "phi3": "phi3",
    "phi3_partial": "phi3", "phi3_longrope_long": "phi3", "phi3_longrope_short": "phi3", "olmo2": "olmo2",
    "granite": "granite", "gemma": "gemma", "stablelm": "stablelm", "stablelm_parallel": "stablelm",
    "gpt_neox": "gptneox",
}  # fmt: skip


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_logits(name: str, tmp_path: Path) -> None:
    model = random_model(name)
    write(tmp_path / "model.gguf", ARCHITECTURES[name], model)
    ids = np.random.default_rng(8).integers(3, 512, VARIANTS[name].length).tolist()
    with torch.no_grad():
        expected = model(torch.tensor([ids])).logits[0].numpy()
    actual = interpreter_of(GgufCheckpoint(tmp_path / "model.gguf")).decode(ids)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-4 * expected.std())
