"""What the roundings of the CPU device cost: SmolLM2-135M q4 in the browser against transformers in float32.

    python -m tests.bench.quality [--device wasm] [--threads N] [--sequences 5] [--breakdown] [--json] [--output FOLDER]

Both sides have the GGUF file's values. Held-out text is this project's own prose, which no model was trained on, with
teacher forcing: once decoded from the first token and once with the first half of each sequence through prefill. Greedy
answers come from chat prompts of many kinds. Beside the browser stand variants in NumPy that round less, so that the
cost of each rounding is known; --breakdown adds the inputs of one kind of module at a time. Writes quality.json and
quality.md. The exit code is 1 where the browser's perplexity differs from the reference's by more than 1 %.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from nomoat.browser import open_model
from nomoat.browser.device import Device
from nomoat.browser.runner import BrowserModel
from nomoat.demo.sample_model import find_gguf
from nomoat.verification.compare import Logits, log_softmax, normalized
from nomoat_compiler.interpreter.rounding import Float32, RoundedInterpreter, int8_by_group, rounded

from tests.bench.machine import text_of
from tests.fixtures.packages import ROOT, PackageTensors, compiled
from tests.fixtures.smollm2 import CONFIG, DECIDED_MARGIN, first_coin_toss, gguf_tensors
from tests.fixtures.transformers_oracle import TransformersOracle

MAX_PERPLEXITY_DIFFERENCE = 0.01
BROWSER = ("browser, decode", "browser, after prefill")
SEQUENCE, PREFILLED = 512, 256  # tokens
ANSWER = 32  # tokens
STOP_IDS = frozenset({0, 2})  # <|endoftext|>, <|im_end|>
ROWS = 64  # logits compared at once, in float64
PROMPTS = [
    "What is the capital of France?",
    "Why is the sky blue?",
    "Who wrote Romeo and Juliet, and when?",
    "What is the difference between a virus and a bacterium?",
    "How does a refrigerator keep food cold?",
    "Explain gravity to a child of five years.",
    "What is 17 + 26?",
    "A train travels 60 miles in 1.5 hours. What is its average speed?",
    "Count from 1 to 15.",
    "Is 91 a prime number? Explain your reasoning.",
    "Write a Python function that returns the factorial of n.",
    "Write a SQL query that selects all users older than 30.",
    "What does this print?\n\nfor i in range(3):\n    print(i * i)",
    "List five fruits.",
    "Give me three tips for better sleep, as a numbered list.",
    "List the planets of the solar system in order.",
    "Quelle est la capitale de l'Italie ?",
    "Wie heißt die Hauptstadt von Deutschland?",
    "Traduce al español: The house is red.",
    "日本の首都はどこですか。",
    "Write a haiku about autumn.",
    "Write the first sentence of a story about a lighthouse keeper.",
    "Summarize in one sentence: The meeting was moved from Monday to Thursday because the room was being painted.",
    "Fix the grammar: He don't likes apples.",
]
KINDS = {
    "qkv_proj": "qkv", "q_proj": "qkv", "k_proj": "qkv", "v_proj": "qkv", "o_proj": "o", "gate_up_proj": "gate_up",
    "gate_proj": "gate_up", "up_proj": "gate_up", "down_proj": "down", "embed_tokens": "head", "lm_head": "head",
}  # fmt: skip
ALL_KINDS = frozenset(KINDS.values())
Cached = Callable[[Float32], Float32]


def kept(x: Float32) -> Float32:
    return x


def int8_by_head(x: Float32) -> Float32:
    return rounded(x, 127)


def float16_rounded(x: Float32) -> Float32:
    return x.astype(np.float16).astype(np.float32)


# The bits of the weights, which decide how the input is rounded, by kind of module: here those that are stored.
STORED = 0
ON_DEVICE = dict.fromkeys(ALL_KINDS, STORED)
# name -> (bits by kind, those not named being exact; keys and values as the cache keeps them, None: as the device does)
VARIANTS: dict[str, tuple[Mapping[str, int], Cached | None]] = {
    "activations and KV as on the device": (ON_DEVICE, None),
    "activations as on the device": (ON_DEVICE, kept),
    "activations int8, the head's too": (dict.fromkeys(ALL_KINDS, 4), kept),
    "KV int8 by head": ({}, int8_by_head),
    "KV int8 by 32": ({}, int8_by_group),
    "KV float16": ({}, float16_rounded),
}
BREAKDOWN = {f"activations before {kind}": ({kind: STORED}, kept) for kind in sorted(ALL_KINDS)}


class Variant(RoundedInterpreter):
    """The interpreter with only some of the device's roundings."""

    def __init__(self, tensors: PackageTensors, bits: Mapping[str, int], cached: Cached | None) -> None:
        super().__init__(tensors.instance, tensors.tensor)
        self._bits_by_kind = bits
        self._keep = cached

    def _bits(self, weight: str, scheme: Mapping[str, Any]) -> int | None:
        bits = self._bits_by_kind.get(KINDS[weight.split(".")[-2]])
        return super()._bits(weight, scheme) if bits == STORED else bits

    def _cached(self, x: Float32, *, exact: bool) -> Float32:
        return super()._cached(x, exact=exact) if self._keep is None else self._keep(x)


@dataclass
class Figures:
    """One row of the table, position by position; losses in nats, of positions whose next token is known."""

    correlations: list[float] = field(default_factory=list)
    divergences: list[float] = field(default_factory=list)
    agreed: list[bool] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    reference_losses: list[float] = field(default_factory=list)

    def add(self, reference: Logits, measured: Logits, next_ids: Sequence[int]) -> None:
        """``reference`` and ``measured`` (T, vocab_size), ``next_ids`` (T - 1,)."""
        for start in range(0, len(reference), ROWS):
            expected, got = (x[start : start + ROWS].astype(np.float64) for x in (reference, measured))
            log_p, log_q = log_softmax(expected), log_softmax(got)
            self.correlations += (normalized(expected) * normalized(got)).sum(axis=-1).tolist()
            self.divergences += np.maximum(0, (np.exp(log_p) * (log_p - log_q)).sum(axis=-1)).tolist()
            self.agreed += (expected.argmax(axis=-1) == got.argmax(axis=-1)).tolist()
            targets = list(next_ids[start : start + ROWS])
            rows = np.arange(len(targets))
            self.reference_losses += (-log_p[rows, targets]).tolist()
            self.losses += (-log_q[rows, targets]).tolist()

    def summary(self) -> dict[str, Any]:
        """The standard error is that of the relative difference, over positions as if they were independent."""
        more = np.subtract(self.losses, self.reference_losses)
        return {
            "positions": len(self.agreed),
            "mean_correlation": round(float(np.mean(self.correlations)), 6),
            "min_correlation": round(float(np.min(self.correlations)), 5),
            "mean_kl": round(float(np.mean(self.divergences)), 8),
            "p99_kl": round(float(np.percentile(self.divergences, 99)), 7),
            "top1_agreement": round(float(np.mean(self.agreed)), 4),
            "reference_perplexity": round(float(np.exp(np.mean(self.reference_losses))), 3),
            "perplexity": round(float(np.exp(np.mean(self.losses))), 3),
            "perplexity_difference": round(float(np.expm1(more.mean())), 5),
            "perplexity_difference_standard_error": round(float(more.std() / np.sqrt(len(more))), 5),
        }


def main() -> int:
    options = arguments()
    gguf_file = find_gguf()
    oracle = TransformersOracle(CONFIG, dict(gguf_tensors(gguf_file)))
    variants = VARIANTS | (BREAKDOWN if options.breakdown else {})
    package = compiled(gguf_file, "q4", name="smollm2")
    with open_model(package, device=options.device, threads=options.threads) as model:
        sequences = list(held_out(model, options.sequences))
        figures = forced(model, oracle, PackageTensors(package), variants, sequences)
        answers = [answered(model, oracle, prompt) for prompt in PROMPTS]
    report = {
        "model": "SmolLM2-135M-Instruct",
        "quantization": "q4",
        "device": model.device.device,
        "adapter": model.device.adapter,
        "browser": model.browser_version,
        "commit": text_of(["git", "rev-parse", "--short", "HEAD"]),
        "held_out": {"text": "docs/decisions", "sequences": len(sequences), "tokens": SEQUENCE * len(sequences)},
        "figures": figures,
        "greedy": greedy_summary(answers),
        "answers": answers,
        "max_perplexity_difference": MAX_PERPLEXITY_DIFFERENCE,
        "passed": all(abs(figures[row]["perplexity_difference"]) <= MAX_PERPLEXITY_DIFFERENCE for row in BROWSER),
    }
    text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "quality.json").write_text(text)
    (options.output / "quality.md").write_text(markdown(report))
    print(text if options.json else markdown(report), end="")
    return 0 if report["passed"] else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.quality", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", type=Device, choices=list(Device), default=Device.WASM)
    parser.add_argument("--threads", type=int, help="of wasm; as many as the runtime finds good")
    parser.add_argument("--sequences", type=int, default=5, help=f"of {SEQUENCE} held-out tokens each")
    parser.add_argument("--breakdown", action="store_true", help="also round before one kind of module at a time")
    parser.add_argument("--json", action="store_true", help="print the JSON instead of the table")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "benchmarks", help="folder of quality.json, .md")
    return parser.parse_args()


def held_out(model: BrowserModel, count: int) -> Iterator[list[int]]:
    """The first ``count`` sequences of the decisions, in their order, which new decisions come after."""
    prose = "\n".join(path.read_text() for path in sorted((ROOT / "docs" / "decisions").glob("*.md")))
    ids = model.tokenize(prose)
    if len(ids) < count * SEQUENCE:
        raise SystemExit(f"--sequences must be at most {len(ids) // SEQUENCE}, which is all the prose, not {count}")
    for start in range(0, count * SEQUENCE, SEQUENCE):
        yield ids[start : start + SEQUENCE]


def forced(
    model: BrowserModel,
    oracle: TransformersOracle,
    tensors: PackageTensors,
    variants: Mapping[str, tuple[Mapping[str, int], Cached | None]],
    sequences: Sequence[Sequence[int]],
) -> dict[str, dict[str, Any]]:
    """Row of the table -> its summary. One sequence at a time, since its logits alone take 100 MB."""
    figures = {name: Figures() for name in (*BROWSER, *variants)}
    decode, after_prefill = (figures[name] for name in BROWSER)
    for number, ids in enumerate(sequences, 1):
        print(f"sequence {number} of {len(sequences)} ...", file=sys.stderr, flush=True)
        reference = oracle.logits(ids)  # (SEQUENCE, vocab_size)
        decode.add(reference, model.logits(ids), ids[1:])
        after_prefill.add(reference[PREFILLED:], model.logits(ids, PREFILLED), ids[PREFILLED + 1 :])
        for name, (bits, cached) in variants.items():
            figures[name].add(reference, Variant(tensors, bits, cached).decode(ids), ids[1:])
    return {name: rows.summary() for name, rows in figures.items()}


def answered(model: BrowserModel, oracle: TransformersOracle, prompt: str) -> dict[str, Any]:
    """A greedy answer and how long it is the reference's. After a coin toss the two may part."""
    answer = model.generate([{"role": "user", "content": prompt}], {"temperature": 0, "maxTokens": ANSWER})
    ours = answer.generated_ids  # with the stop token, where one came
    theirs, margins = oracle.greedy(answer.prompt_ids, ANSWER)
    end = next((i + 1 for i, token in enumerate(theirs) if token in STOP_IDS), ANSWER)
    theirs, margins = theirs[:end], margins[:end]
    pairs = zip(ours, theirs, strict=False)
    equal = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(ours), len(theirs)))
    decided = first_coin_toss(margins)
    return {
        "prompt": prompt,
        "answer": answer.text,
        "tokens": len(theirs),
        "equal_tokens": equal,
        "decided_tokens": decided,
        "decided_tokens_equal": min(equal, decided),
        "margin_where_they_part": None if ours == theirs else round(margins[min(equal, len(margins) - 1)], 3),
    }


def greedy_summary(answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    totals = ("tokens", "equal_tokens", "decided_tokens", "decided_tokens_equal")
    margins = [a["margin_where_they_part"] for a in answers if a["margin_where_they_part"] is not None]
    return {
        "prompts": len(answers),
        **{key: sum(answer[key] for answer in answers) for key in totals},
        "texts_equal": len(answers) - len(margins),
        "largest_margin_where_they_part": max(margins, default=None),
    }


def markdown(report: Mapping[str, Any]) -> str:
    """The page: the table, the greedy answers, and how to repeat it."""
    held, greedy = report["held_out"], report["greedy"]
    reference, reference_after = (report["figures"][row]["reference_perplexity"] for row in BROWSER)
    return "\n".join(
        [
            "<!-- Generated by: python -m tests.bench.quality -->",
            "# What rounding costs",
            "",
            f"{report['model']} `{report['quantization']}` on {report['adapter']}, against transformers in float32 on "
            f"the same weights. {held['tokens']:,} tokens of held-out text ({held['text']}) in sequences of {SEQUENCE} "
            f"with teacher forcing; the reference's perplexity is {reference:.2f}. Rows without a browser are NumPy "
            "with only the roundings that they name.",
            "",
            "| Roundings | Correlation, mean | min | KL in nats, mean | 99th percentile | Best token equal "
            "| Perplexity | Difference ± standard error |",
            "|---|---|---|---|---|---|---|---|",
            *(table_row(name, figures) for name, figures in report["figures"].items()),
            "",
            f"*decode*: every token by itself. *after prefill*: the last {SEQUENCE - PREFILLED} tokens of each "
            f"sequence, the others through prefill; there the reference's perplexity is {reference_after:.2f}. The "
            f"browser's must not differ by more than {report['max_perplexity_difference']:.0%}: "
            f"{'it does not' if report['passed'] else 'IT DOES'}.",
            "",
            "## Greedy answers",
            "",
            f"{greedy['prompts']} chat prompts, up to {ANSWER} tokens each. {greedy['texts_equal']} answers equal the "
            f"reference's in full. {greedy['decided_tokens_equal']} of {greedy['decided_tokens']} tokens are equal "
            f"before the first whose margin over the second best is below {DECIDED_MARGIN}. The largest margin at "
            f"which an answer parts from the reference's is {greedy['largest_margin_where_they_part']}.",
            "",
            "| Prompt | Equal tokens | before a coin toss | Margin where they part |",
            "|---|---|---|---|",
            *(answer_row(answer) for answer in report["answers"]),
            "",
            "`python -m tests.bench.quality` repeats this; quality.json has the answers and the versions.",
            "",
        ]
    )


def table_row(name: str, figures: Mapping[str, Any]) -> str:
    return (
        f"| {name} | {figures['mean_correlation']:.5f} | {figures['min_correlation']:.4f} | {figures['mean_kl']:.2g} "
        f"| {figures['p99_kl']:.2g} | {figures['top1_agreement']:.2%} | {figures['perplexity']:.3f} "
        f"| {figures['perplexity_difference']:+.2%} ± {figures['perplexity_difference_standard_error']:.2%} |"
    )


def answer_row(answer: Mapping[str, Any]) -> str:
    prompt = answer["prompt"].replace("\n", " ")
    margin = answer["margin_where_they_part"]
    return (
        f"| {prompt} | {answer['equal_tokens']} of {answer['tokens']} | {answer['decided_tokens_equal']} of "
        f"{answer['decided_tokens']} | {'' if margin is None else margin} |"
    )


if __name__ == "__main__":
    sys.exit(main())
