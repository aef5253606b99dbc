"""A memory in a browser: found as NumPy finds it, kept from one page to the next, shared by two pages, and gone from
storage with its texts and vectors when it is forgotten. Needs Chromium, and torch for a random encoder.

Rules, limits, crashes and broken files are proved without a browser, in runtime/tests/memory.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from nomoat.browser.local_site import local_site
from nomoat.browser.runner import RunnerPage
from nomoat.server import create_app
from nomoat_compiler.errors import NomoatError
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.conftest import PackageOf
from tests.e2e.playground import ask, choose, run_on, wait_for
from tests.e2e.stored_bytes import stored_bytes

pytestmark = pytest.mark.browser
FOLDER = "nomoat/memories"
TEXTS = ["Once upon a time", "the sea", "She said no.", "a swan on the sea", "to the sea and back", "seven"]
SECRET = "the code of the door is 4711"


@dataclass
class Origin:
    """Pages of one origin, whose storage they share, with two encoders."""

    context: BrowserContext
    url: str
    models: list[dict[str, str]]

    def open(self) -> tuple[RunnerPage, Page]:
        page = self.context.new_page()
        runner = RunnerPage(page, lambda _phase, _loaded, _total: None)
        runner.open(f"{self.url}/runner.html", None)
        return runner, page


@pytest.fixture(scope="module")
def origin(chromium: Browser, family_package: Callable[[str, str], Path]) -> Iterator[Origin]:
    app = create_app([family_package("bert", "f32"), family_package("bert", "q8")])
    with local_site(app) as url, chromium.new_context() as context:
        models = [{"url": f"{url}/models/{model_id}/"} for model_id in app.state.packages]
        yield Origin(context, url, models)


def test_the_playground_remembers_and_recalls(
    chromium: Browser, tiny_package: PackageOf, family_package: Callable[[str, str], Path]
) -> None:
    app = create_app([tiny_package("f32"), family_package("bert", "f32")])
    with local_site(app) as url, chromium.new_context() as context:
        page = context.new_page()
        page.goto(url)
        run_on(page, "wasm")
        choose(page, max_tokens="4")
        wait_for(ask(page, "My sister lives in Oslo."), "done")
        assert stored_bytes(page, FOLDER) == {}  # The switch is off at first.
        page.get_by_test_id("memory-on").check()
        wait_for(ask(page, "My sister lives in Oslo."), "done")
        expect(page.get_by_test_id("memory-hint")).to_have_text("1 message is kept.")
        expect(page.get_by_test_id("message-recalled")).to_have_count(0)
        page.get_by_test_id("new-chat").click()
        answer = ask(page, "My sister lives in Oslo!")
        wait_for(answer, "done")
        recalled = answer.get_by_test_id("message-recalled")
        expect(recalled.locator("summary")).to_have_text("Recalled a message")
        recalled.locator("summary").click()
        expect(recalled.locator("li")).to_have_text("My sister lives in Oslo.")
        page.get_by_test_id("memory-forget").click()
        expect(page.get_by_test_id("memory-hint")).to_have_text("0 messages are kept.")
        assert stored_bytes(page, FOLDER) == {}


def vectors(runner: RunnerPage, texts: list[str]) -> npt.NDArray[np.float64]:
    """(texts, hidden_size), of length 1"""
    rows = np.frombuffer(base64.b64decode(runner.call("embed", texts)["rows"]), dtype="<f4").reshape(len(texts), -1)
    wide = rows.astype(np.float64)
    return wide / np.linalg.norm(wide, axis=1, keepdims=True)


def test_a_memory_is_found_kept_shared_and_gone(origin: Origin) -> None:
    runner, page = origin.open()
    assert page.evaluate("crossOriginIsolated")  # so threads may search
    options = {"model": origin.models[0], "name": "test"}

    def call(method: str, *given: Any, runner: RunnerPage = runner) -> Any:
        return runner.call("memory", options, method, *given)["value"]

    assert call("search", "the sea") == []
    assert call("add", TEXTS) == [1, 2, 3, 4, 5, 6]
    assert call("add", {"text": SECRET, "tags": ["secret-tag"]}) == [7]
    runner.call("load", origin.models[0]["url"], {"device": "wasm"})
    rows, query = vectors(runner, [*TEXTS, SECRET]), vectors(runner, ["the sea"])[0]
    expected = rows @ query
    found = call("search", "the sea", {"limit": 7})
    # Numbers are kept with 11 bits.
    np.testing.assert_allclose([each["score"] for each in found], np.sort(expected)[::-1], atol=1e-3)
    np.testing.assert_allclose([expected[each["id"] - 1] for each in found], np.sort(expected)[::-1], atol=1e-3)
    assert found[0]["text"] == "the sea"

    halves = rows[6].astype(np.float32).astype(np.float16).tobytes()
    kept = b"".join(stored_bytes(page, FOLDER).values())
    assert SECRET.encode() in kept and b"secret-tag" in kept and halves in kept

    # Another page of the origin, and both at once.
    second, _ = origin.open()
    assert call("forget", {"tags": ["secret-tag"]}, runner=second) == 1
    kept = b"".join(stored_bytes(page, FOLDER).values())
    assert SECRET.encode() not in kept and b"secret-tag" not in kept and halves not in kept
    assert b"seven" in kept
    assert [each["text"] for each in call("list")] == TEXTS
    page.evaluate(
        """async (options) => {
          const adds = Array.from({ length: 8 }, (_, i) => nomoatRunner.memory(options, "add", `number ${i}`));
          await Promise.all(adds);
        }""",
        options,
    )
    assert call("info", runner=second)["count"] == len(TEXTS) + 8

    # After the page is closed, and with another model.
    page.close()
    third, page = origin.open()
    options = {"model": origin.models[1], "name": "test"}
    with pytest.raises(NomoatError, match="call reembed") as caught:
        call("search", "the sea", runner=third)
    assert caught.value.code == "not_supported"
    assert call("reembed", runner=third) == len(TEXTS) + 8
    assert call("search", "the sea", runner=third)[0]["text"] == "the sea"
    assert [each["name"] for each in third.call("memories")] == ["test"]
    assert call("forget", {"all": True}, runner=third) == len(TEXTS) + 8
    assert stored_bytes(page, FOLDER) == {}
    assert call("list", runner=second) == []
