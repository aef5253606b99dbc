"""A browser of Playwright whose waits end when the tests' do, not after Playwright's own 30 s."""

from __future__ import annotations

from playwright.sync_api import Browser

from tests.limits import WAIT_MS


def patient(browser: Browser) -> Browser:
    """``browser``: from now on, pages in its new contexts wait up to ``WAIT_MS`` where a test names no time."""
    browser.on("context", lambda context: context.set_default_timeout(WAIT_MS))
    return browser
