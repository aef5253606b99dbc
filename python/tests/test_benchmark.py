"""Proves how prompts of an exact length are made, what is measured in which order, and that wrong outputs end it.
Uses a model of this file. Needs nothing."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from nomoat.benchmark import MAX_RUNS, OPENINGS, Spread, prompt_of, run_benchmark, steps_of
from nomoat.browser import BrowserModel, DeviceInfo, Generated
from nomoat_compiler.errors import NomoatError
from package_folder import write_package

DEVICE = DeviceInfo(
    device="wasm", adapter="CPU", software=True, threads=2, weight_bytes_per_token=50_000_000, doubts=None
)


def tokenize(text: str) -> list[int]:
    """Words in pieces of up to three letters, with the space before them: a token more every few characters."""
    return [hash(piece) for word in re.findall(r" ?[^ ]+|  +", text) for piece in re.findall(r".{1,3}", word)]


def with_start_token(text: str) -> list[int]:
    return [1, *tokenize(text)]


@dataclasses.dataclass
class Model:
    """Answers as a BrowserModel would; ``ids_of`` gives what the n-th generation generates."""

    ids_of: Callable[[int], list[int]]
    cached_tokens: int = 0
    moved_to: DeviceInfo | None = None
    info: Mapping[str, Any] = dataclasses.field(default_factory=lambda: {"id": "small-f32", "contextLength": 64})
    device: DeviceInfo = DEVICE
    browser_version: str = "1.2"
    load_ms: float = 300
    bandwidths: list[float] = dataclasses.field(default_factory=lambda: [18.0, 22.0])
    calls: list[tuple[str, dict[str, Any]]] = dataclasses.field(default_factory=list)
    loads: int = 0

    tokenize = staticmethod(tokenize)

    def load_again(self) -> float:
        self.loads += 1
        return 100 * self.loads

    def measure_bandwidth(self) -> float:
        return self.bandwidths.pop(0)

    def generate(self, prompt: str, options: dict[str, Any]) -> Generated:
        self.calls.append((prompt, options))
        ids = self.ids_of(len(self.calls) - 1)
        return Generated(
            text="",
            prompt_ids=tokenize(prompt),
            generated_ids=ids,
            finish_reason="length" if len(ids) == options["maxTokens"] else "stop",
            device=self.moved_to or DEVICE,
            cached_tokens=self.cached_tokens,
            ttft_ms=10.0 * len(self.calls),
            prefill_tok_per_s=1000,
            decode_tok_per_s=200.0 + len(self.calls),
        )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A package with a vocabulary of 32."""
    return write_package(tmp_path / "small")


def run(model: Model, folder: Path, **options: int) -> Any:
    sizes = {"prompt_tokens": 12, "tokens": 4, "runs": 3} | options
    return run_benchmark(cast(BrowserModel, model), folder, **sizes)


@pytest.mark.parametrize("tokenizer", [tokenize, with_start_token])
@pytest.mark.parametrize("tokens", [2, 3, 42, 700, 5000])
def test_prompts_have_exactly_as_many_tokens_as_asked(tokens: int, tokenizer: Callable[[str], list[int]]) -> None:
    prompts = [prompt_of(tokenizer, tokens, opening) for opening in ("One", "Another")]
    assert [len(tokenizer(prompt)) for prompt in prompts] == [tokens, tokens]
    assert prompts[0] != prompts[1]


def test_a_length_that_no_prompt_has_is_an_error() -> None:
    with pytest.raises(NomoatError) as caught:
        prompt_of(with_start_token, 1, "One")
    assert caught.value.code == "invalid_request"


def test_openings_differ() -> None:
    assert len(set(OPENINGS)) == MAX_RUNS


def test_what_is_measured(folder: Path) -> None:
    steps: list[str] = []
    model = Model(ids_of=lambda _call: [1, 2, 3, 4])
    figures = run_benchmark(cast(BrowserModel, model), folder, prompt_tokens=12, tokens=4, runs=3, on_step=steps.append)
    assert len(steps) == steps_of(3)
    prompts = [prompt for prompt, _ in model.calls]
    # A warm-up with the first prompt, three runs with their own, and the first again.
    assert prompts[0] == prompts[1] == prompts[4]
    assert len({prompt.split()[0] for prompt in prompts[1:4]}) == 3
    assert len({options["partition"] for _, options in model.calls}) == 5
    assert all(options["temperature"] == 0 and options["raw"] is True for _, options in model.calls)
    assert figures.decode_tok_per_s == Spread(median=203, min=202, max=204)
    assert figures.ttft_ms == Spread(median=30, min=20, max=40)
    assert figures.load_ms == Spread(median=200, min=100, max=300)
    assert figures.gb_per_s == pytest.approx(0.05 * 203)
    assert figures.roofline_gb_per_s == 20
    assert figures.roofline_share == pytest.approx(0.05 * 203 / 20)
    assert figures.stopped_early == 0
    assert set(json.loads(json.dumps(figures.to_json()))) == {
        "model", "device", "adapter", "threads", "browser", "commit", "prompt_tokens", "tokens", "runs",
        "completion_tokens", "load_ms", "ttft_ms", "prefill_tok_per_s", "decode_tok_per_s", "weight_bytes_per_token",
        "gb_per_s", "roofline_gb_per_s", "roofline_share",
    }  # fmt: skip


def test_the_engine_may_change_its_number_of_threads(folder: Path) -> None:
    model = Model(ids_of=lambda _call: [1, 2, 3, 4], moved_to=dataclasses.replace(DEVICE, threads=1))
    assert run(model, folder).threads == 1


def test_early_ends_are_counted_and_a_single_token_has_no_rate(folder: Path) -> None:
    answers = [[1, 2], [1, 2], [3], [1, 2, 3, 4], [1, 2]]
    figures = run(Model(ids_of=lambda call: answers[call]), folder)
    assert figures.completion_tokens == [2, 1, 4]
    assert figures.stopped_early == 2
    assert figures.decode_tok_per_s == Spread(median=203, min=202, max=204)


@pytest.mark.parametrize(
    ("model", "options", "code"),
    [
        (Model(ids_of=lambda call: [1, 2, 3, 4] if call < 4 else [1, 2, 3, 5]), {}, "internal"),  # the repetition
        (Model(ids_of=lambda call: [1, 2, 3, 4] if call else [1, 2, 3]), {}, "internal"),  # the warm-up
        (Model(ids_of=lambda _call: [1, 2, 3, 32]), {}, "internal"),
        (Model(ids_of=lambda _call: [1, 2, -1]), {}, "internal"),
        (Model(ids_of=lambda _call: []), {}, "internal"),
        (Model(ids_of=lambda _call: [1] * 5), {}, "internal"),
        (Model(ids_of=lambda _call: [1, 2], cached_tokens=1), {}, "internal"),
        (Model(ids_of=lambda _call: [1, 2], moved_to=dataclasses.replace(DEVICE, device="webgpu")), {}, "device_lost"),
        (Model(ids_of=lambda _call: [1]), {}, "invalid_request"),
        (Model(ids_of=lambda _call: [1, 2]), {"prompt_tokens": 61}, "invalid_request"),
    ],
)
def test_wrong_outputs_have_no_figures(folder: Path, model: Model, options: dict[str, int], code: str) -> None:
    with pytest.raises(NomoatError) as caught:
        run(model, folder, **options)
    assert caught.value.code == code
