"""Chromium with the built extension in it, and the few things that tests do with it again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nomoat.browser.chromium import Adapter, find_chromium, launch_arguments
from playwright.sync_api import BrowserContext, Page, sync_playwright

from tests.limits import WAIT_MS, WAIT_S

# Nearly as much as a page may ask for. On every device this takes far longer than it takes to stop it.
VERY_LONG = 8000
SNAPSHOT = """() => new Promise((done) => {
  const port = chrome.runtime.connect({ name: "admin" });
  port.onMessage.addListener(({ snapshot }) => {
    if (!snapshot) return;
    port.disconnect();
    done(snapshot);
  });
})"""
COMMAND = """([method, params]) => new Promise((done) => {
  const port = chrome.runtime.connect({ name: "admin" });
  port.onMessage.addListener((answer) => {
    if (answer.id !== 1) return;
    port.disconnect();
    done(answer);
  });
  port.postMessage({ id: 1, method, params });
})"""


class ExtensionBrowser:
    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        worker = context.service_workers[0] if context.service_workers else context.wait_for_event("serviceworker")
        self.base = worker.url.rsplit("/", 1)[0]
        self.options = self.open(f"{self.base}/options.html")
        # Drawn from the first snapshot: the offscreen document is up.
        self.options.wait_for_selector("#models-empty:not([hidden]), #models > li")

    def open(self, url: str) -> Page:
        page = self.context.new_page()
        page.goto(url)
        return page

    def install(self, url: str, model_id: str) -> None:
        self.options.get_by_test_id("model-url").fill(url)
        self.options.get_by_test_id("model-add").click()
        self.options.wait_for_selector(f'[data-testid="model-{model_id}"][data-state="ready"]')

    def run_on(self, device: str) -> None:
        """From the next request on."""
        assert self.command("settings.set", device=device) == {"id": 1, "result": None}

    def consent_window(self, act: Callable[[], object]) -> Page:
        """The consent window that ``act`` opens."""
        with self.context.expect_page() as opened:
            act()
        window = opened.value
        window.wait_for_selector("#question:not([hidden])")
        return window

    def answer(self, act: Callable[[], object], test_id: str) -> None:
        """Answers the consent window that ``act`` opens: consent-allow-once, consent-allow or consent-deny."""
        window = self.consent_window(act)
        with window.expect_event("close"):
            window.get_by_test_id(test_id).click()

    def snapshot(self) -> dict[str, Any]:
        """What the offscreen document tells the extension's own pages: models, sites, running requests."""
        found: dict[str, Any] = self.options.evaluate(SNAPSHOT)
        return found

    def command(self, method: str, **params: object) -> dict[str, Any]:
        answered: dict[str, Any] = self.options.evaluate(COMMAND, [method, params])
        return answered

    def permit(self, pattern: str) -> None:
        """Gives the extension a host, as the person does in the browser's own dialog, which no test can click."""
        page = self.open("chrome://extensions/")
        grant = "([id, pattern]) => chrome.developerPrivate.addHostPermission(id, pattern)"
        page.evaluate(grant, [self.base.rpartition("/")[2], pattern])
        page.close()

    def wait_until_idle(self) -> None:
        """Until no request runs. A request is over when the engine has stopped computing it, not before."""
        deadline = time.monotonic() + WAIT_S
        while (running := self.snapshot()["running"]) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert running == []

    def wait_for_running(self, count: int) -> None:
        """Until so many requests compute."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            if [row["state"] for row in self.snapshot()["running"]] == ["generating"] * count:
                return
            time.sleep(0.05)
        raise AssertionError(f"{count} requests should be running: {self.snapshot()['running']}")

    def forget_sites(self) -> None:
        """As on the first day: no site allowed or denied, nothing running, no page open."""
        for page in self.context.pages:
            if page is not self.options:
                page.close()
        for site in self.snapshot()["sites"]:
            self.command("site.revoke", origin=site["origin"], topOrigin=site["topOrigin"])
        self.wait_until_idle()


@contextmanager
def open_extension(extension: Path, profile: Path) -> Iterator[ExtensionBrowser]:
    """Chromium on the software adapter with ``extension``; what it stores is kept in ``profile``."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=find_chromium(),
            headless=True,
            args=[
                *launch_arguments(Adapter.SOFTWARE),
                f"--disable-extensions-except={extension}",
                f"--load-extension={extension}",
            ],
            timeout=WAIT_MS,
        )
        context.set_default_timeout(WAIT_MS)
        try:
            yield ExtensionBrowser(context)
        finally:
            context.close()


def ask(page: Page, name: str, prompt: object = "Tell me a story", **options: object) -> None:
    """Asks by a real click on the page asking.html; ``state`` tells what becomes of it."""
    break_after = options.pop("break_after", None)
    question: dict[str, object] = {"name": name, "prompt": prompt, "options": options}
    if break_after is not None:
        question["breakAfter"] = break_after
    page.evaluate("(question) => { window.nextAsk = question }", question)
    page.click("#ask")


def finished(page: Page, name: str) -> dict[str, Any]:
    """The recorded request when it has ended."""
    page.wait_for_function("(name) => window.asked[name] && window.asked[name].status !== 'running'", arg=name)
    ended: dict[str, Any] = page.evaluate("(name) => ({ ...window.asked[name], controller: undefined })", name)
    return ended


def streaming(page: Page, name: str) -> None:
    """Waits until the first piece has come."""
    page.wait_for_function("(name) => window.asked[name] && window.asked[name].pieces.length > 0", arg=name)
