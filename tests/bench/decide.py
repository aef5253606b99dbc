"""What `decide` saves: a question with four options about an input of 200 tokens, against four calls of `generate`.

    python -m tests.bench.decide DIR [--device wasm] [--rounds 5] [--json FILE]

DIR is a compiled package of a language model. Each generate call asks for one of the options whether it is the answer,
and writes at most 4 tokens; once with nothing in the cache, as four independent requests have it, and once with what
the calls have in common cached, as one page that asks them one after another has it. Inputs and questions differ from
round to round, so that nothing is left over; ``known`` is a question asked again in a place where only its calibration
is known. The decision is compared with exhaustive scoring: whole rows of logits for each option by itself, in NumPy.
Exit code 1 where the goal is missed or a choice differs.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from nomoat.browser.device import Device
from nomoat.browser.runner import BrowserModel, open_model

from tests.bench.machine import machine

GOAL = 3.0  # times the speed of four generate calls with nothing in the cache
INPUT_TOKENS = 200
ANSWER_TOKENS = 4
GREEDY = {"temperature": 0, "maxTokens": ANSWER_TOKENS}
PROMPT = "What is this text about?"
OPTIONS = ("sports", "cooking", "computers", "music")
SENTENCES = (
    "The home team scored twice in the last minutes and won the match in front of a full stadium.",
    "Chop the onions, melt the butter in a pan and let everything simmer until the sauce is thick.",
    "The new processor has more cores, but the compiler must learn to keep all of them busy.",
    "The orchestra played the second symphony slowly, and the violins were softer than ever.",
)


@dataclass(frozen=True)
class Round:
    decide_ms: float
    decide_known_ms: float  # a question that was asked before: what is calibrated with is kept
    generate_ms: float  # four calls, each from nothing
    generate_cached_ms: float  # four calls that share a cache
    label: str
    exhaustive_label: str
    largest_difference: float  # of the probabilities


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.decide", description=__doc__.splitlines()[0])
    parser.add_argument("folder", metavar="DIR", type=Path, help="a compiled package of a language model")
    parser.add_argument("--device", choices=[device.value for device in Device], default="wasm")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write every round there")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"--rounds must be at least 1, not {options.rounds}")
    with open_model(options.folder, device=Device(options.device)) as model:
        one_round(model, 0)  # The browser compiles what runs often once more.
        rounds = [one_round(model, number) for number in range(1, options.rounds + 1)]
    report = {
        "machine": machine(),
        "model": model.info["id"],
        "device": model.device.device,
        "browser": model.browser_version,
        **summary(rounds),
        "goal": GOAL,
        "rounds": [asdict(each) for each in rounds],
    }
    print(json.dumps({key: value for key, value in report.items() if key != "rounds"}, indent=2))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    agree = all(each.label == each.exhaustive_label for each in rounds)
    return 0 if agree and report["speedup"] >= GOAL else 1


def summary(rounds: Sequence[Round]) -> Mapping[str, Any]:
    def median(key: str) -> float:
        return round(statistics.median(getattr(each, key) for each in rounds), 1)

    decide_ms = median("decide_ms")
    return {
        "decide_ms": decide_ms,
        "decide_known_ms": median("decide_known_ms"),
        "generate_ms": median("generate_ms"),
        "generate_cached_ms": median("generate_cached_ms"),
        "speedup": round(median("generate_ms") / decide_ms, 2),
        "speedup_against_cached": round(median("generate_cached_ms") / decide_ms, 2),
        "same_choice_as_exhaustive": f"{sum(r.label == r.exhaustive_label for r in rounds)} of {len(rounds)}",
        "largest_difference": round(max(each.largest_difference for each in rounds), 4),
    }


def one_round(model: BrowserModel, number: int) -> Round:
    text = input_of(model, number)
    # A question of its own in each round, so that nothing of it is known.
    question = {"id": "q", "prompt": f"{PROMPT} ({number})", "type": "choice", "options": list(OPTIONS)}
    decided = model.page.call("decide", text, [question], {"partition": f"decide {number}"})
    model.page.call("decide", "Nothing.", [question], {"partition": f"known {number}"})
    known = model.page.call("decide", text, [question], {"partition": f"known {number}"})
    separate = [timed(model, text, option, f"generate {number} {option}") for option in OPTIONS]
    together = [timed(model, text, option, f"generate {number}") for option in OPTIONS]
    decision = decided["decisions"]["q"]
    expected = exhaustive(model, text, question["prompt"]) - exhaustive(model, "N/A", question["prompt"])
    weights = np.exp(expected - expected.max())
    probabilities = weights / weights.sum()
    got = np.array([decision["probabilities"][option] for option in OPTIONS])
    return Round(
        decide_ms=decided["ms"],
        decide_known_ms=known["ms"],
        generate_ms=sum(separate),
        generate_cached_ms=sum(together),
        label=decision["label"],
        exhaustive_label=OPTIONS[int(expected.argmax())],
        largest_difference=float(np.abs(got - probabilities).max()),
    )


def input_of(model: BrowserModel, number: int) -> str:
    """About INPUT_TOKENS tokens, mostly on one subject, different for each number."""
    words = [f"Report {number}:"]
    while len(model.tokenize(" ".join(words))) < INPUT_TOKENS:
        words.append(SENTENCES[number % len(SENTENCES)] if len(words) % 4 else f"This is paragraph {len(words)}.")
    return " ".join(words)


def timed(model: BrowserModel, text: str, option: str, partition: str) -> float:
    """Milliseconds of one call, as the runtime counts them: from its arrival to its last token."""
    content = f"{text}\n\n{PROMPT}\nIs the answer {option}? Answer with one of: Yes, No."
    answer = model.page.call("generate", content, {**GREEDY, "partition": partition}, False)["usage"]
    tokens = answer["completionTokens"]
    decode_ms = 0.0 if tokens < 2 else 1000 * (tokens - 1) / answer["decodeTokPerS"]
    return float(answer["ttftMs"]) + decode_ms


def exhaustive(model: BrowserModel, text: str, prompt: object) -> npt.NDArray[np.float64]:
    """Sum of log P over the tokens of each option after the question, each computed from nothing: (options)."""
    content = f"{text}\n\n{prompt}\nAnswer with one of: {', '.join(OPTIONS)}."
    prompt_ids = model.generate([{"role": "user", "content": content}], {**GREEDY, "maxTokens": 1}).prompt_ids
    sums = []
    for option in OPTIONS:
        ids = model.tokenize(option)
        logits = model.logits([*prompt_ids, *ids[:-1]], len(prompt_ids) - 1).astype(np.float64)
        largest = logits.max(axis=1)
        normalizer = largest + np.log(np.exp(logits - largest[:, None]).sum(axis=1))
        sums.append(sum(logits[i, token] - normalizer[i] for i, token in enumerate(ids)))
    return np.array(sums)


if __name__ == "__main__":
    raise SystemExit(main())
