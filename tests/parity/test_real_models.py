"""Proves that Gemma-3-270M, as its GGUF file is published, writes on the CPU what transformers makes of the same file.

Needs Chromium, torch, transformers and pip, which fetches the file. `python -m tests.bench.real_models` has more of it:
other models, both devices, more text. Its rule of margins holds here, too.
"""

from __future__ import annotations

import pytest
from nomoat.browser import open_model
from nomoat.browser.device import Device

from tests.bench.real_models import PROMPTS, Pair, greedy, perplexity
from tests.fixtures.packages import compiled
from tests.fixtures.real_models import GEMMA, real_model
from tests.fixtures.transformers_oracle import TransformersOracle

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Three times what the same roundings cost SmolLM2 (decision 0085). The perplexity of so few positions is known to some
# per cent.
MAX_MEAN_KL = 0.01
MAX_PERPLEXITY_DIFFERENCE = 0.04


def test_gemma() -> None:
    path = real_model(GEMMA)
    oracle = TransformersOracle.from_gguf(path)
    with open_model(compiled(path, "q4", name="gemma-3-270m"), device=Device.WASM) as device:
        pair = Pair(device, oracle)
        for prompt in PROMPTS[:2]:
            answer = greedy(pair, prompt, 16)
            assert answer["decided"] >= 5, "the prompt is a coin toss; take another"
            assert answer["decided_equal"] == answer["decided"], answer
            assert answer["written_equal"], answer
        figures = perplexity(pair, 64)["browser"]
    assert figures["mean_kl"] <= MAX_MEAN_KL
    assert abs(figures["perplexity_difference"]) <= MAX_PERPLEXITY_DIFFERENCE
