"""Sessions and decisions in a browser, on the tiny Llama: a session answers as the whole chat would, and a decision is
the choice of whole rows of logits. Needs Chromium.

Rules and errors are proved without a browser, in runtime/tests/sessions and runtime/tests/language_model.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from nomoat.browser.runner import RunnerPage
from playwright.sync_api import Browser

from tests.conftest import PackageOf
from tests.e2e.tiny_runner import tiny_runner

pytestmark = pytest.mark.browser
GREEDY = {"temperature": 0, "maxTokens": 8, "repetitionPenalty": 1}
# Of log-probabilities: a row after a fork is computed in other pieces than one after a whole prefill, and wasm rounds
# keys and values to 8 bits.
TOLERANCE = 0.05


@pytest.fixture(scope="module")
def page(chromium: Browser, tiny_package: PackageOf, device: str) -> Iterator[RunnerPage]:
    """The runner page with the tiny Llama on the device."""
    with tiny_runner(chromium, tiny_package("f32"), device) as page:
        yield page


def test_a_session_answers_as_the_whole_chat_would(page: RunnerPage) -> None:
    chat: list[dict[str, str]] = [{"role": "user", "content": "What comes after four?"}]
    session = page.call("createSession", GREEDY)
    assert session["contextUsage"] == 0
    first = page.call("promptSession", session["index"], chat[0]["content"])
    assert first["text"] == page.call("generate", chat, GREEDY)["text"]
    chat += [{"role": "assistant", "content": first["text"]}, {"role": "user", "content": "And after that?"}]
    clone = page.call("cloneSession", session["index"])
    expected = page.call("generate", chat, {**GREEDY, "partition": "alone"})
    added = page.call("measureSession", session["index"], chat[2]["content"])
    assert added == len(expected["usage"]["promptIds"]) - clone["contextUsage"]
    for index in (session["index"], clone["index"]):
        again = page.call("promptSession", index, chat[2]["content"])
        assert again["text"] == expected["text"]
        assert again["usage"]["promptIds"] == expected["usage"]["promptIds"]
        assert again["usage"]["cachedTokens"] >= first["usage"]["promptTokens"] - 1


def test_a_decision_is_that_of_whole_rows_of_logits(page: RunnerPage) -> None:
    options = ["five", "six", "seven hundred", "a dog"]
    text, prompt = "Four and one more.", "What is that?"
    question = {"id": "q", "prompt": prompt, "type": "choice", "options": options}
    decision = page.call("decide", text, [question])["decisions"]["q"]
    sums = option_sums(page, text, prompt, options) - option_sums(page, "N/A", prompt, options)
    weights = np.exp(sums - sums.max())
    expected = weights / weights.sum()
    got = np.array([decision["probabilities"][option] for option in options])
    np.testing.assert_allclose(np.log(got), np.log(expected), atol=2 * TOLERANCE)
    assert decision["label"] == options[int(expected.argmax())]
    assert decision["confidence"] == max(got)


def option_sums(page: RunnerPage, text: str, prompt: str, options: Sequence[str]) -> npt.NDArray[np.float64]:
    """Sum of log P(token | all before it) over the tokens of each option, by teacher forcing: (options)."""
    content = f"{text}\n\n{prompt}\nAnswer with one of: {', '.join(options)}."
    answer: dict[str, Any] = page.call("generate", content, {**GREEDY, "maxTokens": 1})
    before = answer["usage"]["promptIds"]
    sums = []
    for option in options:
        ids = page.call("tokenize", option)
        rows = np.frombuffer(
            base64.b64decode(page.call("logits", [*before, *ids[:-1]], len(before) - 1)), dtype="<f4"
        ).reshape(len(ids), -1)
        logits = rows.astype(np.float64)
        normalizer = np.log(np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=1)) + logits.max(axis=1)
        sums.append(float(sum(logits[i, token] - normalizer[i] for i, token in enumerate(ids))))
    return np.array(sums)
