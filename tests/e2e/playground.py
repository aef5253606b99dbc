"""The playground as a test uses it: served by our server, driven by its data-testids."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect


def ask(page: Page, prompt: str) -> Locator:
    """Sends ``prompt`` and gives the message that the answer goes into."""
    answers = page.get_by_test_id("message-assistant")
    count = answers.count()
    page.get_by_test_id("prompt").fill(prompt)
    page.get_by_test_id("send").click()
    return answers.nth(count)


def wait_for(answer: Locator, state: str) -> None:
    expect(answer).to_have_attribute("data-state", state)


def run_on(page: Page, device: str) -> None:
    """From the next load on."""
    page.get_by_test_id("device-select").select_option(device)


def choose(page: Page, **settings: str) -> None:
    """Fills the sampling form: choose(page, temperature="0", max_tokens="20")."""
    if page.get_by_test_id("settings").get_attribute("open") is None:
        page.get_by_test_id("settings-toggle").click()
    for name, value in settings.items():
        page.get_by_test_id(f"setting-{name.replace('_', '-')}").fill(value)
