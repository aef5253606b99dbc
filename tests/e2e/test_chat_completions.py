"""What a request gets beside its text, in a browser, on the tiny Llama: log probabilities are those of whole rows of
logits, whatever the sampler does with them, a bias moves the next token, and several choices are those of their seeds.
Needs Chromium.

The shapes and the errors of chat.completions are proved without a browser, in runtime/tests/chat; over HTTP with
OpenAI's client in test_serve_api.py.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from nomoat.browser.runner import RunnerPage
from playwright.sync_api import Browser

from tests.conftest import PackageOf
from tests.e2e.devices import on_each_device
from tests.e2e.tiny_runner import tiny_runner

pytestmark = pytest.mark.browser
CHAT = [{"role": "user", "content": "What comes after four?"}]
GREEDY = {"temperature": 0, "repetitionPenalty": 1, "maxTokens": 6}
# Of log probabilities: after prefill and decode the same row is summed in other pieces, and wasm rounds keys and values
# to 8 bits.
TOLERANCE = 0.05
NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def page(chromium: Browser, tiny_package: PackageOf, device: str) -> Iterator[RunnerPage]:
    """The runner page with the tiny Llama on the device."""
    with tiny_runner(chromium, tiny_package("f32"), device) as page:
        yield page


@on_each_device
def test_log_probabilities_are_the_models_and_a_bias_moves_the_sampler_alone(page: RunnerPage) -> None:
    plain = page.call("generate", CHAT, {**GREEDY, "logprobs": True, "topLogprobs": 3})["usage"]
    first = plain["generatedIds"][0]
    biased = page.call("generate", CHAT, {**GREEDY, "logprobs": True, "logitBias": {str(first): -100}})["usage"]
    assert first not in biased["generatedIds"]
    for usage in (plain, biased):
        rows = log_softmax(page, usage["promptIds"], usage["generatedIds"])
        got = [entry["logprob"] for entry in usage["logprobs"]]
        written = usage["generatedIds"][: len(got)]  # a token that ends the answer has no text, and no entry
        np.testing.assert_allclose(got, rows[range(len(got)), written], atol=TOLERANCE)
    rows = log_softmax(page, plain["promptIds"], plain["generatedIds"])
    for entry, row in zip(plain["logprobs"], rows, strict=False):
        top = [each["logprob"] for each in entry["top_logprobs"]]
        np.testing.assert_allclose(top, np.sort(row)[::-1][:3], atol=TOLERANCE)


@on_each_device
def test_choices_are_the_answers_of_seeds_that_follow_each_other(page: RunnerPage) -> None:
    asked = {"messages": CHAT, "temperature": 1, "seed": 5, "max_completion_tokens": 8}
    several = complete(page, {**asked, "n": 3})
    single = [complete(page, {**asked, "seed": 5 + i})["choices"][0]["message"] for i in range(3)]
    assert [choice["message"] for choice in several["choices"]] == single


def complete(page: RunnerPage, request: dict[str, Any]) -> dict[str, Any]:
    completion: dict[str, Any] = page.call("request", next(NUMBERS), "chat", request)
    return completion


def log_softmax(page: RunnerPage, prompt: Sequence[int], generated: Sequence[int]) -> npt.NDArray[np.float64]:
    """Of the logits before each generated token: (generated, vocab_size)."""
    ids = [*prompt, *generated[:-1]]
    raw = base64.b64decode(page.call("logits", ids, len(prompt) - 1))
    rows = np.frombuffer(raw, np.float32).reshape(len(generated), -1).astype(np.float64)
    rows -= rows.max(axis=1, keepdims=True)
    return rows - np.log(np.exp(rows).sum(axis=1, keepdims=True))
