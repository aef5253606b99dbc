"""How fast a package runs in the browser, and how near that is to what its device reads from memory.

Decoding reads every weight once per token, so weight bytes per token times tokens per second is the bandwidth that
decoding reaches; the roofline is the bandwidth of the same device, measured in the same session.
"""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nomoat_compiler.errors import NomoatError
from nomoat_compiler.program.package import read_package

from nomoat import __version__
from nomoat.browser import BrowserModel, Generated

# Plain text without a template, which a model goes on with; an instruction would be answered and ended.
TEXT = (
    " day the old keeper of the lighthouse walked down to the harbour, where the boats were coming home with the tide. "
    "He carried a lamp, a rope and a letter that had waited for many years in the drawer of his desk. The wind had "
    "turned in the night, and over the water the clouds stood high and white above the hills of the other shore. "
    "Children ran along the wall and counted the sails, and the women who mended the nets looked up from their work "
    "and asked him where he was going. He told them of the island in the north, of its one road and its seven houses, "
    "and of the people there, who keep their bread in stone jars and name every storm after a bird. "
)
# The word before the text, another one for each run: prompts that differ in their first token share no prefix.
OPENINGS = (
    "One", "Each", "Every", "That", "This", "Another", "Some", "Any", "No", "His", "Her",
    "Their", "Our", "My", "Your", "Its", "The", "A", "First", "Last", "Next", "Today",
    "By", "On", "In", "After", "Before", "Until", "Since", "All", "What", "Which",
)  # fmt: skip
MAX_RUNS = len(OPENINGS)
# An answer shorter than this has no rate of decoding.
MIN_TOKENS = 2
# repetitionPenalty 1: a package's generation_config may ask for another one, which is no longer greedy.
GREEDY = {"temperature": 0, "repetitionPenalty": 1, "raw": True}
Tokenize = Callable[[str], list[int]]


@dataclass(frozen=True)
class Spread:
    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True)
class Benchmark:
    """Spreads are over runs; GB are 10^9 bytes."""

    model: str
    device: str
    adapter: str
    threads: int | None  # of the last run
    browser: str
    commit: str
    prompt_tokens: int
    tokens: int
    runs: int
    completion_tokens: list[int]  # by run; below tokens where the model ended its answer itself
    load_ms: Spread  # the first load also brings the package into the browser's storage
    ttft_ms: Spread
    prefill_tok_per_s: Spread
    decode_tok_per_s: Spread
    weight_bytes_per_token: int
    gb_per_s: float
    roofline_gb_per_s: float
    roofline_share: float

    @property
    def stopped_early(self) -> int:
        """Runs in which the model ended its answer itself."""
        return sum(count < self.tokens for count in self.completion_tokens)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def steps_of(runs: int) -> int:
    """How often ``run_benchmark`` calls ``on_step``: loads, warm-up, runs and repetition, and two bandwidths."""
    return (runs - 1) + 1 + runs + 1 + 2


def run_benchmark(
    model: BrowserModel,
    folder: Path,
    *,
    prompt_tokens: int,
    tokens: int,
    runs: int,
    on_step: Callable[[str], None] = lambda _title: None,
) -> Benchmark:
    """Measures ``model``, which is the package in ``folder``; at most ``MAX_RUNS`` runs.

    Raises ``NomoatError``: ``internal`` where outputs are wrong or a cached prefix helped, ``invalid_request`` where
    no prompt of that length can be made or the model answers nothing, and what the runtime reports.
    """
    context_length = model.info["contextLength"]
    if prompt_tokens + tokens > context_length:
        raise NomoatError(
            "invalid_request",
            f"{prompt_tokens} + {tokens} tokens do not fit into the model's context of {context_length}.",
        )
    vocab_size = read_package(folder).program["model"]["vocab_size"]
    prompts = [prompt_of(model.tokenize, prompt_tokens, opening) for opening in OPENINGS[:runs]]
    load_ms = [model.load_ms]
    for _ in range(runs - 1):
        on_step("Loading again")
        load_ms.append(model.load_again())

    def generate(prompt: str, partition: str) -> Generated:
        generated = model.generate(prompt, {**GREEDY, "maxTokens": tokens, "partition": partition})
        check_answer(generated, prompt_tokens, tokens, vocab_size)
        if generated.device.device != model.device.device:
            moved = f"from {model.device.describe()} to {generated.device.describe()}"
            raise NomoatError("device_lost", f"The model moved {moved} during the runs. Try again.")
        return generated

    # Compiled code gets better while it runs, and buffers are touched for the first time: not counted.
    on_step("Warming up")
    warm = generate(prompts[0], "warm-up")
    on_step("Measuring the memory")
    bandwidths = [model.measure_bandwidth()]
    answers = []
    for index, prompt in enumerate(prompts):
        on_step(f"Run {index + 1} of {runs}")
        answers.append(generate(prompt, f"run {index + 1}"))
    on_step("Measuring the memory")
    bandwidths.append(model.measure_bandwidth())
    on_step("Repeating the first run")
    check_repetition([warm, answers[0], generate(prompts[0], "repetition")])
    return summary(model, answers, load_ms, bandwidths, prompt_tokens=prompt_tokens, tokens=tokens)


def summary(
    model: BrowserModel,
    answers: Sequence[Generated],
    load_ms: Sequence[float],
    bandwidths: Sequence[float],
    *,
    prompt_tokens: int,
    tokens: int,
) -> Benchmark:
    decode = [a.decode_tok_per_s for a in answers if len(a.generated_ids) >= MIN_TOKENS]
    if not decode:
        raise NomoatError(
            "invalid_request",
            f"The model ended every answer before token {MIN_TOKENS}: there is no decoding to measure. "
            "Use another --prompt-tokens.",
        )
    # As the last run had it: without --threads the engine takes as many as its measurements speak for.
    device = answers[-1].device
    decode_tok_per_s = Spread.of(decode)
    gb_per_s = device.weight_bytes_per_token * decode_tok_per_s.median / 1e9
    roofline_gb_per_s = statistics.median(bandwidths)
    return Benchmark(
        model=model.info["id"],
        device=device.device,
        adapter=device.adapter,
        threads=device.threads,
        browser=model.browser_version,
        commit=commit_or_version(),
        prompt_tokens=prompt_tokens,
        tokens=tokens,
        runs=len(answers),
        completion_tokens=[len(a.generated_ids) for a in answers],
        load_ms=Spread.of(load_ms),
        ttft_ms=Spread.of([a.ttft_ms for a in answers]),
        prefill_tok_per_s=Spread.of([a.prefill_tok_per_s for a in answers]),
        decode_tok_per_s=decode_tok_per_s,
        weight_bytes_per_token=device.weight_bytes_per_token,
        gb_per_s=gb_per_s,
        roofline_gb_per_s=roofline_gb_per_s,
        roofline_share=gb_per_s / roofline_gb_per_s,
    )


def prompt_of(tokenize: Tokenize, tokens: int, opening: str) -> str:
    """Text that begins with ``opening`` and has exactly ``tokens`` tokens.

    A character more is nearly always a token more or none, so near the place where the count passes ``tokens`` there
    is a cut that hits it.
    """

    def cut(length: int) -> str:
        return (opening + TEXT * (length // len(TEXT) + 1))[:length]

    low, high = 1, max(tokens, 1)
    while len(tokenize(cut(high))) < tokens:
        low, high = high, 2 * high
    while low < high:
        middle = (low + high) // 2
        if len(tokenize(cut(middle))) < tokens:
            low = middle + 1
        else:
            high = middle
    for length in range(max(1, low - 32), low + 64):
        if len(tokenize(cut(length))) == tokens:
            return cut(length)
    raise NomoatError(
        "invalid_request", f"No prompt of exactly {tokens} tokens was found. Use another --prompt-tokens."
    )


def check_answer(generated: Generated, prompt_tokens: int, tokens: int, vocab_size: int) -> None:
    """Figures of a wrong answer are worth nothing."""
    wrong = [token_id for token_id in generated.generated_ids if not 0 <= token_id < vocab_size]
    if wrong:
        raise NomoatError("internal", f"The model gave token {wrong[0]}; its vocabulary has {vocab_size}.")
    if not 0 < len(generated.generated_ids) <= tokens:
        raise NomoatError("internal", f"The model gave {len(generated.generated_ids)} tokens; asked were {tokens}.")
    if len(generated.prompt_ids) != prompt_tokens:
        raise NomoatError("internal", f"The prompt had {len(generated.prompt_ids)} tokens instead of {prompt_tokens}.")
    if generated.cached_tokens:
        raise NomoatError("internal", f"{generated.cached_tokens} prompt tokens of a timed run were cached.")


def check_repetition(answers: Sequence[Generated]) -> None:
    """The same prompt, greedily, is the same answer every time."""
    first, *others = (answer.generated_ids for answer in answers)
    for ids in others:
        if ids != first:
            place = next((i for i, (a, b) in enumerate(zip(first, ids, strict=False)) if a != b), len(first))
            threads = sorted({answer.device.threads for answer in answers if answer.device.threads is not None})
            hint = f" It ran on {threads} threads: give --threads to keep them." if len(threads) > 1 else ""
            raise NomoatError("internal", f"The same prompt was answered differently from token {place + 1} on.{hint}")


def commit_or_version() -> str:
    """The commit of the checkout that this file is in; the package's version where it is installed without one."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return __version__
    try:
        command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return __version__
