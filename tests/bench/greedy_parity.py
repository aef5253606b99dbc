"""SmolLM2 in the browser against Hugging Face transformers in float32: logits and 32 greedy tokens on five prompts.

    python -m tests.bench.greedy_parity [f32|q4 ...]

The oracle has the GGUF file's values as the ``gguf`` package dequantizes them. Prompts are plain text, so that no stop
token ends an answer early. Prints JSON; the exit code is 1 where a token differs at a margin of 0.1 or more, or a logit
by more than 2e-2. Decode speed is measured on the same runs and says nothing about real GPUs.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from nomoat.demo.sample_model import find_gguf
from nomoat_compiler.pipeline import compile_model

from tests.fixtures.smollm2 import CONFIG, first_coin_toss, gguf_tensors
from tests.fixtures.transformers_oracle import TransformersOracle
from tests.parity.package_browser import GREEDY, PackageBrowser

TOKENS = 32
LOGIT_TOLERANCE = 2e-2
PROMPTS = [
    "In the beginning of the nineteenth century",
    "Once upon a time there was a little",
    "Water boils at one hundred degrees because",
    "def fibonacci(n):\n    ",
    "The three most important things about money are",
]


def main(schemes: list[str]) -> int:
    gguf_file = find_gguf()
    oracle = TransformersOracle(CONFIG, dict(gguf_tensors(gguf_file)))
    browser = PackageBrowser()
    report: dict[str, Any] = {}
    try:
        with tempfile.TemporaryDirectory() as folder:
            for scheme in schemes:
                package = Path(folder) / scheme
                compile_model(gguf_file, package, quantization=scheme)
                report[scheme] = compare(browser, oracle, package)
    finally:
        browser.close()
    print(json.dumps(report, indent=2))
    return 0 if all(r["passed"] for r in report.values()) else 1


def compare(browser: PackageBrowser, oracle: TransformersOracle, package: Path) -> dict[str, Any]:
    """Figures over all prompts for one package."""
    max_error, decided, decided_equal, speeds = 0.0, 0, 0, []
    equal: dict[str, int] = {}  # prompt -> tokens before the first difference
    with browser.open(package) as opened:
        for prompt in PROMPTS:
            usage = opened.generate(prompt, **GREEDY, maxTokens=TOKENS)["usage"]
            prompt_ids, ours = usage["promptIds"], usage["generatedIds"]
            theirs, margins = oracle.greedy(prompt_ids, TOKENS)
            pairs = zip(ours, theirs, strict=False)
            equal[prompt] = next((i for i, (a, b) in enumerate(pairs) if a != b), len(ours))
            # After the first coin toss the two texts may part, and nothing later can be compared.
            until = first_coin_toss(margins)
            decided += until
            decided_equal += sum(a == b for a, b in zip(ours[:until], theirs[:until], strict=False))
            # One decode step per row: the last four tokens of the prompt are enough beside the transcript.
            first = max(0, len(prompt_ids) - 4)
            actual = opened.logits(prompt_ids, first)
            expected = oracle.logits(prompt_ids)[first:]
            max_error = max(max_error, float(np.abs(actual - expected).max()))
            speeds.append(usage["decodeTokPerS"])
    return {
        "tokens_per_prompt": TOKENS,
        "equal_tokens_by_prompt": equal,
        "decided_tokens": decided,
        "decided_tokens_equal": decided_equal,
        "max_logit_error": max_error,
        "decode_tok_per_s_software_adapter": float(np.median(speeds)),
        "passed": decided == decided_equal and max_error <= LOGIT_TOLERANCE,
    }


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:] or ["f32", "q4"]))
