"""The service worker may die at any time: a stream goes on without it, and what needs it wakes it. Needs Chromium."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import ENDLESS
from tests.e2e.devices import on_each_device
from tests.e2e.extension_browser import COMMAND
from tests.e2e.local_site import LocalSite
from tests.e2e.pipe_browser import PipeBrowser

pytestmark = [pytest.mark.browser, on_each_device]

WORKER = "background.js"
# Enough that the answer is still being written when the service worker has been stopped.
LONG = {"webgpu": 300, "wasm": 6000}


class Session:
    """A browser with the model and one site that is always allowed."""

    def __init__(self, browser: PipeBrowser, pages: LocalSite, models: LocalSite, device: str) -> None:
        self.browser = browser
        self.answer_tokens = LONG[device]
        self.base = browser.url_of(browser.wait_for_target("service_worker", WORKER)).rsplit("/", 1)[0]
        self.options = browser.open(f"{self.base}/options.html")
        # Drawn from the first snapshot: the offscreen document is up.
        browser.wait_for(self.options, "document.querySelector('#models-empty')?.hidden === false")
        self.command("settings.set", device=device)
        self.command("model.install", url=f"{models.origin}/{ENDLESS}/")
        self.command("site.set", origin=pages.origin, topOrigin=pages.origin, decision="allow")
        self.page = browser.open(f"{pages.origin}/asking.html")

    def command(self, method: str, **params: object) -> None:
        answer = self.browser.evaluate(self.options, f"({COMMAND})({json.dumps([method, params])})")
        assert "error" not in answer, answer

    def stop_worker(self) -> None:
        """Stops it if it runs; a message may start a new one at any time after."""
        for worker in self.browser.targets("service_worker", WORKER):
            self.browser.call("Target.closeTarget", targetId=worker)
            self.browser.wait_until_gone(worker)


@pytest.fixture(scope="module")
def session(
    extension_dir: Path, pages: LocalSite, models: LocalSite, device: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Session]:
    with PipeBrowser(extension_dir, tmp_path_factory.mktemp("profile")) as browser:
        yield Session(browser, pages, models, device)


def test_a_stream_goes_on_when_the_service_worker_is_stopped(session: Session) -> None:
    browser, page = session.browser, session.page
    question = {"name": "long", "prompt": "Tell me a story", "options": {"maxTokens": session.answer_tokens}}
    browser.evaluate(page, f"void ask({json.dumps(question)})")
    browser.wait_for(page, "asked.long.pieces.length > 0")
    session.stop_worker()
    pieces = browser.evaluate(page, "asked.long.status === 'running' ? asked.long.pieces.length : -1")
    assert pieces > 0, "the stream ended before the service worker was stopped"
    assert browser.targets("service_worker", WORKER) == []
    browser.wait_for(page, "asked.long.status !== 'running'")
    assert browser.evaluate(page, "asked.long.usage.completionTokens") == session.answer_tokens


def test_a_new_page_wakes_it_and_is_asked_for_consent(session: Session, pages: LocalSite) -> None:
    browser = session.browser
    other = browser.open(f"{pages.other_origin}/asking.html")
    session.stop_worker()
    question = {"name": "woken", "prompt": "Hello", "options": {"maxTokens": 5}}
    browser.evaluate(other, f"void ask({json.dumps(question)})", gesture=True)
    window = browser.attach(browser.wait_for_target("page", "consent.html"))
    browser.wait_for(window, "document.querySelector('#question')?.hidden === false")
    # Dead again while the user thinks about it.
    session.stop_worker()
    browser.wait_for(window, "document.querySelector('#always')?.disabled === false")
    browser.click(window, "#always")
    browser.wait_for(other, "asked.woken.status !== 'running'")
    assert browser.evaluate(other, "asked.woken.status") == "done"


def test_what_was_decided_is_stored_though_it_was_dead(session: Session, pages: LocalSite) -> None:
    expected = sorted([pages.origin, pages.other_origin])
    stored = """chrome.storage.local.get('permissions').then(({ permissions }) =>
        permissions.filter((p) => p.decision === 'allow').map((p) => p.origin).sort().join())"""
    # The write wakes the service worker, so it may come after the answer.
    session.browser.wait_for(session.options, f"{stored}.then((origins) => origins === '{','.join(expected)}')")
