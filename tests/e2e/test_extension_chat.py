"""The extension's own pages: the chat in the side panel streams and stops, the popup says what goes on, and nothing of
them comes from elsewhere. Needs Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.devices import SHOWN, on_each_device
from tests.e2e.extension_browser import ExtensionBrowser

pytestmark = [pytest.mark.browser, on_each_device]


@pytest.fixture
def chat(browser: ExtensionBrowser) -> Page:
    return browser.open(f"{browser.base}/sidepanel.html")


def test_answers_stream_and_can_be_stopped(browser: ExtensionBrowser, chat: Page) -> None:
    chat.get_by_test_id("chat-prompt").fill("Tell me a story")
    chat.get_by_test_id("chat-send").click()
    answer = chat.get_by_test_id("chat-answer")
    expect(answer).not_to_be_empty()
    assert answer.get_attribute("data-streaming") is not None
    popup = browser.open(f"{browser.base}/popup.html")
    expect(popup.locator("#running")).to_contain_text("Side panel")
    popup.close()
    chat.get_by_test_id("chat-stop").click()
    expect(answer).to_contain_text("Stopped.")
    browser.wait_until_idle()
    # The conversation goes on.
    chat.get_by_test_id("chat-prompt").fill("And then?")
    chat.get_by_test_id("chat-prompt").press("Enter")
    expect(answer.nth(1)).not_to_be_empty()
    assert chat.get_by_test_id("chat-user").all_inner_texts() == ["Tell me a story", "And then?"]
    chat.get_by_test_id("chat-new").click()
    expect(chat.get_by_test_id("chat-user")).to_have_count(0)
    browser.wait_until_idle()


def test_closing_the_panel_stops_the_computing(browser: ExtensionBrowser, chat: Page) -> None:
    chat.get_by_test_id("chat-prompt").fill("Tell me a story")
    chat.get_by_test_id("chat-send").click()
    expect(chat.get_by_test_id("chat-answer")).not_to_be_empty()
    chat.close()
    browser.wait_until_idle()


def test_the_default_model_and_its_device_are_shown(browser: ExtensionBrowser, chat: Page, device: str) -> None:
    expect(chat.get_by_test_id("chat-model")).to_have_text("endless")
    chat.get_by_test_id("chat-prompt").fill("Hello")
    chat.get_by_test_id("chat-send").click()
    expect(chat.get_by_test_id("chat-status")).to_contain_text(SHOWN[device])
    chat.get_by_test_id("chat-stop").click()
    # However long the adapter's name is, the panel scrolls in one direction only.
    chat.set_viewport_size({"width": 320, "height": 600})
    assert chat.evaluate("document.documentElement.scrollWidth") == 320
    popup = browser.open(f"{browser.base}/popup.html")
    expect(popup.get_by_test_id("popup-model")).to_contain_text(SHOWN[device])
    expect(browser.options.get_by_test_id("model-device")).to_contain_text(SHOWN[device])


def test_nothing_of_an_extension_page_comes_from_elsewhere(browser: ExtensionBrowser, chat: Page) -> None:
    """The policy of the pages: no eval, no inline script, no image from a host, which could carry text away."""
    blocked = chat.evaluate(
        """async () => {
          const image = await new Promise((done) => {
            const element = new Image();
            element.onload = () => done("loaded");
            element.onerror = () => done("blocked");
            element.src = "http://127.0.0.1:9/x.png?secret";
          });
          let evaluated = "evaluated";
          try { new Function("return 1")(); } catch { evaluated = "blocked"; }
          return [image, evaluated, crossOriginIsolated];
        }"""
    )
    assert blocked == ["blocked", "blocked", True]
