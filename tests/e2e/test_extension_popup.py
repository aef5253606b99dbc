"""The popup of the toolbar button, as the browser opens it over a page: this site's switch, and the way to the chat.
Needs Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.local_site import LocalSite
from tests.e2e.pipe_browser import PipeBrowser

pytestmark = pytest.mark.browser

SWITCH = "document.querySelector('#site-allowed')"


@pytest.fixture
def browser(extension_dir: Path, tmp_path: Path) -> Iterator[PipeBrowser]:
    with PipeBrowser(extension_dir, tmp_path / "profile") as started:
        yield started


def test_switch_and_chat(browser: PipeBrowser, pages: LocalSite) -> None:
    base = browser.url_of(browser.wait_for_target("service_worker", "background.js")).rsplit("/", 1)[0]
    options = browser.open(f"{base}/options.html")
    browser.wait_for(options, "document.querySelector('#models-empty')?.hidden === false")
    page = browser.open(f"{pages.origin}/asking.html")
    assert browser.evaluate(page, "llm.availability()") == "downloadable"

    browser.evaluate(options, "chrome.action.openPopup()")
    popup = browser.attach(browser.wait_for_target("page", "popup.html"))
    browser.wait_for(popup, f"document.querySelector('#site-origin')?.textContent === '{pages.origin}'")
    assert browser.evaluate(popup, f"{SWITCH}.checked") is False
    browser.click(popup, "#site-allowed")
    row = f"document.querySelector('[data-testid=\"site-{pages.origin}\"]')"
    browser.wait_for(options, f"{row}?.dataset.decision === 'allow'")
    # Allowed, and without a model: now the page is told so.
    assert browser.evaluate(page, "llm.availability()") == "unavailable"
    browser.click(popup, "#site-allowed")
    browser.wait_for(options, f"{row}?.dataset.decision === 'deny'")
    assert browser.evaluate(page, "llm.availability()") == "downloadable"

    browser.click(popup, "#open-sidepanel")
    panel = browser.attach(browser.wait_for_target("page", "sidepanel.html"))
    browser.wait_for(panel, "document.querySelector('#status')?.textContent === 'No model yet'")
