"""Real models in the browser against Hugging Face transformers in float32, which reads the same GGUF file itself.

    python -m tests.bench.real_models [model ...] [--device wasm] [--quantization q4] [--positions 2048]
        [--prompts 5] [--tokens 32] [--breakdown]

Greedy text: the reference's own answers are given to the device, so that every token is compared and not only those
before the first that differs. A token counts where the reference's best two logits are farther apart than the
device's rounding reaches (DECIDED_MARGIN). On wasm the text that the device writes by itself must be the same up to
there. Perplexity: tests/fixtures/held_out.txt with teacher forcing, in sequences of SEQUENCE tokens, with the standard
error of the paired difference; --breakdown adds NumPy with only some of the device's roundings (quality.py).

Prints JSON. The exit code is 1 where a decided token differs, or the perplexity by more than 1 %.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from nomoat.browser import open_model
from nomoat.browser.chromium import Adapter
from nomoat.browser.device import Device
from nomoat.browser.runner import BrowserModel

from tests.bench.quality import BREAKDOWN, MAX_PERPLEXITY_DIFFERENCE, VARIANTS, Figures, Variant
from tests.bench.side_by_side.models import MODELS, BenchModel
from tests.fixtures.packages import ROOT, PackageTensors, compiled
from tests.fixtures.transformers_oracle import TransformersOracle

HELD_OUT = ROOT / "tests" / "fixtures" / "held_out.txt"
SEQUENCE = 256  # tokens
WINDOW = 64  # tokens whose logits a browser hands over at once: 67 MB of Gemma's
# WebGPU differs from the reference in the order of sums, by 1e-4 (README.md). What wasm rounds moves a logit by up to
# some tenths, and the distance of two of them by more.
DECIDED_MARGIN = {"webgpu": 0.1, "wasm": 0.5}
# Plain text, so that no stop token ends an answer early and a base model goes on as well as a chat model.
PROMPTS = [
    "In the beginning of the nineteenth century",
    "Once upon a time there was a little",
    "Water boils at one hundred degrees because",
    "def fibonacci(n):\n    ",
    "The three most important things about money are",
]


@dataclass(frozen=True)
class Pair:
    """The package in the browser, and what transformers makes of the file that it was compiled from."""

    device: BrowserModel
    oracle: TransformersOracle

    @property
    def margin(self) -> float:
        return DECIDED_MARGIN[self.device.device.device]


def main() -> int:
    options = arguments()
    report = {name: report_of(MODELS[name], options) for name in options.models}
    print(json.dumps(report, indent=2, ensure_ascii=False))
    return 0 if all(model["passed"] for model in report.values()) else 1


def arguments() -> argparse.Namespace:
    about = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m tests.bench.real_models", description=about)
    parser.add_argument("models", nargs="*", metavar="model", help=", ".join(MODELS))
    parser.add_argument("--device", type=Device, choices=[Device.WASM, Device.WEBGPU], default=Device.WASM)
    parser.add_argument("--quantization", default="q4", help="q4 keeps the file's blocks")
    parser.add_argument("--positions", type=int, default=2048, help="of perplexity")
    parser.add_argument("--prompts", type=int, default=len(PROMPTS), help="of greedy text")
    parser.add_argument("--tokens", type=int, default=32, help="of each greedy text")
    parser.add_argument("--breakdown", action="store_true", help="also NumPy with only some of the roundings")
    options = parser.parse_args()
    if unknown := set(options.models) - MODELS.keys():
        parser.error(f"unknown model {', '.join(sorted(unknown))}; there are {', '.join(MODELS)}")
    options.models = options.models or list(MODELS)
    return options


def report_of(model: BenchModel, options: argparse.Namespace) -> dict[str, Any]:
    package = compiled(model.gguf(), options.quantization, name=model.name)
    oracle = TransformersOracle.from_gguf(model.gguf())
    tensors = PackageTensors(package) if options.breakdown else None
    with open_model(package, device=options.device, adapter=Adapter.SOFTWARE) as device:
        pair = Pair(device, oracle)
        report: dict[str, Any] = {"device": device.device.device, "decided_margin": pair.margin}
        report["greedy"] = [greedy(pair, prompt, options.tokens) for prompt in PROMPTS[: options.prompts]]
        if options.positions:
            report["perplexity"] = perplexity(pair, options.positions, tensors)
    passed = all(
        each["decided_equal"] == each["decided"] and each.get("written_equal", True) for each in report["greedy"]
    )
    if options.positions:
        passed &= abs(report["perplexity"]["browser"]["perplexity_difference"]) <= MAX_PERPLEXITY_DIFFERENCE
    return report | {"passed": passed}


def greedy(pair: Pair, prompt: str, tokens: int) -> dict[str, Any]:
    """What the device makes of each position of the reference's own answer."""
    ids = pair.device.tokenize(prompt)
    theirs, margins = pair.oracle.greedy(ids, tokens)
    text = [*ids, *theirs[:-1]]
    first = len(ids) - 1
    ours = pair.device.logits(text, first)
    error = float(np.abs(ours - pair.oracle.logits(text)[first:]).max())
    same = [int(row.argmax()) == token for row, token in zip(ours, theirs, strict=True)]
    decided = [margin >= pair.margin for margin in margins]
    result = {
        "prompt": prompt,
        "tokens": tokens,
        "equal": sum(same),
        "decided": sum(decided),
        "decided_equal": sum(one and two for one, two in zip(same, decided, strict=True)),
        "largest_margin_where_they_differ": max((m for m, s in zip(margins, same, strict=True) if not s), default=None),
        "max_logit_error": error,
    }
    if pair.device.device.device == "wasm":  # By itself; a software adapter takes a second a token.
        answer = pair.device.generate(prompt, {"temperature": 0, "raw": True, "maxTokens": tokens})
        until = same.index(False) if False in same else tokens
        result["written_equal"] = answer.prompt_ids == ids and answer.generated_ids[:until] == theirs[:until]
    return result


def perplexity(pair: Pair, positions: int, tensors: PackageTensors | None = None) -> dict[str, dict[str, Any]]:
    """Row -> its figures, of the device and, with ``tensors``, of each variant of the NumPy reference."""
    variants = {} if tensors is None else VARIANTS | BREAKDOWN
    figures = {name: Figures() for name in ("browser", *variants)}
    for number, ids in enumerate(sequences(pair.device, positions), 1):
        print(f"sequence {number} of {-(-positions // SEQUENCE)} ...", file=sys.stderr, flush=True)
        reference = pair.oracle.logits(ids)
        for first in range(0, len(ids), WINDOW):
            end = first + WINDOW
            measured = pair.device.logits(ids[:end], first)
            figures["browser"].add(reference[first:end], measured, ids[first + 1 : end + 1])
        for name, (bits, cached) in variants.items():
            assert tensors is not None
            figures[name].add(reference, Variant(tensors, bits, cached).decode(ids), ids[1:])
    return {name: rows.summary() for name, rows in figures.items()}


def sequences(device: BrowserModel, positions: int) -> Iterator[list[int]]:
    """Each with the tokens that the model's tokenizer puts before a text."""
    before = device.tokenize("")
    ids = device.tokenize(HELD_OUT.read_text())[len(before) :]
    if len(ids) < positions:
        raise SystemExit(f"--positions must be at most {len(ids)}, which is all the text, not {positions}")
    for start in range(0, positions, SEQUENCE):
        yield before + ids[start : min(positions, start + SEQUENCE)]


if __name__ == "__main__":
    sys.exit(main())
