"""What every engine is asked, and how one round of one engine becomes figures and flags.

All engines get the same plain text and have the same tokenizer, so their prompts are the same tokens (one that a
model puts first is not counted). Texts differ in their first words from call to call, so that nobody's prefix cache
helps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

from tokenizers import Tokenizer

WARM_UP_TOKENS = 8
ANSWER_TOKENS = 8
# A sane greedy text repeats few of its four-word runs; SmolLM2 at the file's own precision tells this story at 0.98.
STORY = "Once upon a time there was a little"
MIN_DISTINCT_RUNS = 0.8
FACTS = (
    "Note {number}: a table of countries and their capital cities, in no particular order. "
    "Germany: Berlin. Italy: Rome. Spain: Madrid. Austria: Vienna. Greece: Athens. France:"
)
FACT = "Paris"
# Two cores cannot be asked for more: an engine that would need longer for one measurement does less, or leaves it out.
MEASUREMENT_LIMIT_S = 30.0
FEWEST_DECODE_TOKENS = 16


@dataclass(frozen=True)
class Counts:
    """How many tokens the measurements take."""

    decode: int = 96
    prefill: int = 512
    long_context: int = 1000
    long_decode: int = 32

    @property
    def context_length(self) -> int:
        return 2048


class Session(Protocol):
    """One engine, loaded."""

    def generate(self, prompt: str, max_tokens: int) -> Mapping[str, Any]:
        """measure.js's answer: text, completion_tokens, first_token_ms, last_token_ms."""


class Prompts:
    """Prompts of exactly as many tokens as asked for, each beginning differently."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.numbers = count(100)

    def facts(self) -> str:
        return FACTS.format(number=next(self.numbers))

    @property
    def facts_tokens(self) -> int:
        """Length of every prompt of facts: numbers of three digits are equally long."""
        return self.length(FACTS.format(number=100))

    def of_length(self, tokens: int) -> str:
        """Numbered sentences, cut at a token whose text encodes to the same ids again."""
        start = next(self.numbers)
        sentences = (f"Line {start + i}: {line}" for i in range(tokens) for line in LINES)
        text = ""
        while self.length(text) <= tokens:
            text += next(sentences)
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids[:tokens]
        cut: str = self.tokenizer.decode(ids)
        if self.length(cut) != tokens:
            raise ValueError(f"a prompt of {tokens} tokens became one of {self.length(cut)}")
        return cut

    def length(self, text: str) -> int:
        return len(self.tokenizer.encode(text, add_special_tokens=False).ids)


LINES = (
    "The river rose in the night, and the bridge was closed until the water had gone. ",
    "A baker opens the shop at six, sells bread until noon, and sleeps in the afternoon. ",
    "Iron is heavier than water, yet a ship made of iron swims because it is hollow. ",
    "The train from the coast was late, so everyone missed the start of the concert. ",
)


def measure(session: Session, prompts: Prompts, counts: Counts) -> dict[str, Any]:
    """The figures of one round, ``flags`` about the texts, and ``skipped`` for what would have taken too long."""
    warm_up = session.generate(prompts.facts(), WARM_UP_TOKENS)
    figures: dict[str, Any] = {"flags": [], "skipped": []}

    answer = session.generate(prompts.facts(), ANSWER_TOKENS)
    figures["first_token_ms"] = answer["first_token_ms"]
    figures["answer"] = answer["text"]
    if FACT not in answer["text"]:
        figures["flags"].append(f"the answer is not {FACT}")

    speed = min(decode_tok_per_s(warm_up), decode_tok_per_s(answer))
    tokens = max(FEWEST_DECODE_TOKENS, min(counts.decode, int(speed * MEASUREMENT_LIMIT_S)))
    story = session.generate(STORY, tokens)
    figures["decode_tok_per_s"] = decode_tok_per_s(story)
    figures["decode_tokens"] = story["completion_tokens"]
    figures["story"] = story["text"]
    if distinct_runs(story["text"]) < MIN_DISTINCT_RUNS:
        figures["flags"].append("the story repeats itself")
    if story["completion_tokens"] < tokens:
        figures["flags"].append(f"the story ended after {story['completion_tokens']} tokens")

    # A short prompt bounds the speed of longer ones from below.
    slowest = prompts.facts_tokens / answer["first_token_ms"] * 1000
    if counts.prefill / slowest > 2 * MEASUREMENT_LIMIT_S:
        figures["skipped"] += ["prefill_tok_per_s", "long_decode_tok_per_s"]
        return figures
    read = session.generate(prompts.of_length(counts.prefill), 1)
    figures["prefill_tok_per_s"] = counts.prefill / read["first_token_ms"] * 1000

    if counts.long_context / figures["prefill_tok_per_s"] > 2 * MEASUREMENT_LIMIT_S:
        figures["skipped"].append("long_decode_tok_per_s")
        return figures
    tokens = max(FEWEST_DECODE_TOKENS, min(counts.long_decode, int(speed * MEASUREMENT_LIMIT_S)))
    long = session.generate(prompts.of_length(counts.long_context), tokens)
    if long["completion_tokens"] > 1:
        figures["long_decode_tok_per_s"] = decode_tok_per_s(long)
        figures["long_decode_tokens"] = long["completion_tokens"]
    else:
        figures["skipped"].append("long_decode_tok_per_s")
    return figures


def decode_tok_per_s(answer: Mapping[str, Any]) -> float:
    """From the arrival of the first token to that of the last."""
    seconds = (answer["last_token_ms"] - answer["first_token_ms"]) / 1000
    return float((answer["completion_tokens"] - 1) / max(seconds, 1e-6))


def distinct_runs(text: str) -> float:
    """The share of different ones among all runs of four words."""
    runs = list(runs_of_words(text, 4))
    return len(set(runs)) / len(runs) if runs else 0.0


def runs_of_words(text: str, length: int) -> Iterator[tuple[str, ...]]:
    words = text.split()
    for i in range(len(words) - length + 1):
        yield tuple(words[i : i + length])
