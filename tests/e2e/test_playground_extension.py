"""The playground and the demo page with the real extension: the switch, consent, streaming. Needs Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from nomoat.browser.local_site import local_site
from nomoat.demo.__main__ import ordinary_site
from nomoat.server import create_app
from playwright.sync_api import expect

from tests.e2e.extension_browser import ExtensionBrowser
from tests.e2e.playground import ask, choose, wait_for

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server_without_models() -> Iterator[str]:
    with local_site(create_app([])) as url:
        yield url


@pytest.fixture(scope="module")
def plain_site() -> Iterator[str]:
    with local_site(ordinary_site()) as url:
        yield url


def test_the_playground_answers_through_the_extension(browser: ExtensionBrowser, server_without_models: str) -> None:
    page = browser.open(server_without_models)
    expect(page.get_by_test_id("engine-hint")).to_contain_text("The extension is there")
    page.get_by_test_id("engine-extension").check(force=True)
    expect(page.get_by_test_id("model-select")).to_be_hidden()
    choose(page, max_tokens="8", temperature="0")
    page.get_by_test_id("prompt").fill("Tell me a story")
    browser.answer(page.get_by_test_id("send").click, "consent-allow-once")
    answer = page.get_by_test_id("message-assistant")
    wait_for(answer, "done")
    expect(answer.get_by_test_id("message-note")).to_contain_text("8 tokens")


def test_a_refusal_is_shown_with_its_code(browser: ExtensionBrowser, server_without_models: str) -> None:
    page = browser.open(server_without_models)
    page.get_by_test_id("engine-extension").check(force=True)
    page.get_by_test_id("prompt").fill("Tell me a story")
    browser.answer(page.get_by_test_id("send").click, "consent-deny")
    wait_for(page.get_by_test_id("message-assistant"), "error")
    expect(page.get_by_test_id("error-code")).to_have_text("not_allowed")


def test_the_page_engine_says_what_to_start_where_there_is_no_model(
    browser: ExtensionBrowser, server_without_models: str
) -> None:
    page = browser.open(server_without_models)
    expect(page.get_by_test_id("model-load")).to_be_disabled()
    wait_for(ask(page, "Hello"), "error")
    expect(page.get_by_test_id("error-code")).to_have_text("model_not_found")


def test_the_demo_page_on_a_plain_origin(browser: ExtensionBrowser, plain_site: str) -> None:
    page = browser.open(f"{plain_site}/demo.html")
    assert page.evaluate("crossOriginIsolated") is False
    page.get_by_test_id("demo-max-tokens").fill("6")
    browser.answer(page.get_by_test_id("demo-ask").click, "consent-allow-once")
    answer = page.get_by_test_id("demo-answer")
    expect(answer).to_have_attribute("data-state", "done")
    expect(answer).not_to_be_empty()
    expect(page.get_by_test_id("demo-status")).to_contain_text("6 tokens")
