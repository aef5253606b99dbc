"""A page gets the model when the user says so, in a window of the extension, and not otherwise. Needs Chromium."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import ENDLESS
from tests.e2e.extension_browser import VERY_LONG, ExtensionBrowser, ask, finished, streaming
from tests.e2e.local_site import LocalSite

pytestmark = pytest.mark.browser


def test_object_is_there_before_page_scripts_and_cannot_be_changed(browser: ExtensionBrowser, pages: LocalSite) -> None:
    page = browser.open(f"{pages.origin}/asking.html")
    assert page.evaluate("Object.isFrozen(window.llm)")
    descriptor = page.evaluate("Object.getOwnPropertyDescriptor(window, 'llm')")
    assert (descriptor["configurable"], descriptor["writable"]) == (False, False)
    assert page.evaluate("try { window.llm = 1; window.llm.version } catch (error) { error.name }") == "0.1.0"
    announced = """new Promise((done) => {
      addEventListener("llm:announceProvider", ({ detail: { info, provider } }) => {
        done([info.rdns, provider === window.llm]);
      });
      dispatchEvent(new Event("llm:requestProvider"));
    })"""
    assert page.evaluate(announced) == ["org.nomoat", True]


def test_before_consent_a_page_learns_nothing(browser: ExtensionBrowser, pages: LocalSite) -> None:
    page = browser.open(f"{pages.origin}/asking.html")
    assert page.evaluate("llm.availability()") == "downloadable"
    assert page.evaluate("llm.models().catch(({ name, code }) => [name, code])") == ["NotAllowedError", "not_allowed"]


def test_no_gesture_no_window(browser: ExtensionBrowser, pages: LocalSite) -> None:
    page = browser.open(f"{pages.origin}/asking_on_load.html")
    page.wait_for_selector("body[data-status=failed]")
    error = finished(page, "on load")["error"]
    assert (error["name"], error["code"], error["isError"]) == ("NotAllowedError", "not_allowed", True)
    assert "gesture" in error["message"]
    assert len(browser.context.pages) == 2  # the options page and this one


def test_allow_once_lasts_for_the_document(browser: ExtensionBrowser, pages: LocalSite) -> None:
    page = browser.open(f"{pages.origin}/asking.html")
    browser.answer(lambda: ask(page, "first", maxTokens=5), "consent-allow-once")
    assert finished(page, "first")["usage"]["completionTokens"] == 5
    ask(page, "second", maxTokens=5)
    assert finished(page, "second")["status"] == "done"
    assert browser.snapshot()["sites"] == [{"origin": pages.origin, "topOrigin": pages.origin, "decision": "once"}]
    page.reload()
    browser.answer(lambda: ask(page, "third", maxTokens=5), "consent-deny")
    assert finished(page, "third")["error"]["code"] == "not_allowed"


def test_always_lasts_for_the_origin_only(browser: ExtensionBrowser, pages: LocalSite) -> None:
    page = browser.open(f"{pages.origin}/asking.html")
    browser.answer(lambda: ask(page, "first", maxTokens=5), "consent-allow")
    assert finished(page, "first")["status"] == "done"
    assert page.evaluate("llm.availability()") == "available"
    assert page.evaluate("llm.models().then((models) => models.map(({ id }) => id))") == [ENDLESS]
    # Another document of the origin needs no gesture any more.
    again = browser.open(f"{pages.origin}/asking_on_load.html")
    assert finished(again, "on load")["status"] == "done"
    other = browser.open(f"{pages.other_origin}/asking_on_load.html")
    assert finished(other, "on load")["error"]["code"] == "not_allowed"


def test_the_window_names_the_origin_and_ignores_a_stray_click(browser: ExtensionBrowser, pages: LocalSite) -> None:
    page = browser.open(f"{pages.origin}/asking.html")
    window = browser.consent_window(lambda: ask(page, "first", maxTokens=5))
    assert window.get_by_test_id("consent-origin").inner_text() == pages.origin
    window.evaluate("document.querySelector('#always').disabled = false; document.querySelector('#always').click()")
    assert browser.snapshot()["running"] == [{"origin": pages.origin, "state": "consent"}]
    window.close()
    assert finished(page, "first")["error"]["code"] == "not_allowed"


def test_deny_sticks_until_it_is_forgotten_on_the_options_page(browser: ExtensionBrowser, pages: LocalSite) -> None:
    page = browser.open(f"{pages.origin}/asking.html")
    browser.answer(lambda: ask(page, "first"), "consent-deny")
    assert finished(page, "first")["error"]["code"] == "not_allowed"
    ask(page, "second")
    assert finished(page, "second")["error"]["code"] == "not_allowed"
    row = browser.options.get_by_test_id(f"site-{pages.origin}")
    assert "Denied" in row.inner_text()
    row.get_by_test_id("site-revoke").click()
    row.wait_for(state="detached")
    browser.answer(lambda: ask(page, "third", maxTokens=5), "consent-allow")
    assert finished(page, "third")["status"] == "done"


def test_closing_the_window_denies_once(browser: ExtensionBrowser, pages: LocalSite) -> None:
    page = browser.open(f"{pages.origin}/asking.html")
    browser.consent_window(lambda: ask(page, "first")).close()
    assert finished(page, "first")["error"]["code"] == "not_allowed"
    browser.answer(lambda: ask(page, "second", maxTokens=5), "consent-allow")
    assert finished(page, "second")["status"] == "done"


def test_requests_of_a_page_share_one_window(browser: ExtensionBrowser, pages: LocalSite) -> None:
    page = browser.open(f"{pages.origin}/asking.html")
    window = browser.consent_window(lambda: ask(page, "first", maxTokens=5))
    ask(page, "second", maxTokens=5)
    assert len([p for p in browser.context.pages if "consent" in p.url]) == 1
    window.get_by_test_id("consent-allow-once").click()
    assert finished(page, "first")["status"] == "done"
    assert finished(page, "second")["status"] == "done"


def test_the_window_goes_with_the_page_that_asked(browser: ExtensionBrowser, pages: LocalSite) -> None:
    page = browser.open(f"{pages.origin}/asking.html")
    window = browser.consent_window(lambda: ask(page, "first"))
    with window.expect_event("close"):
        page.close()
    browser.wait_until_idle()


def test_revoking_on_the_options_page_stops_the_site(browser: ExtensionBrowser, pages: LocalSite) -> None:
    page = browser.open(f"{pages.origin}/asking.html")
    browser.answer(lambda: ask(page, "first", maxTokens=VERY_LONG), "consent-allow")
    streaming(page, "first")
    row = browser.options.get_by_test_id(f"site-{pages.origin}")
    row.get_by_test_id("site-revoke").click()
    error = finished(page, "first")["error"]
    assert (error["name"], error["code"]) == ("NotAllowedError", "not_allowed")
    assert "revoked" in error["message"]
    browser.wait_until_idle()
    row.wait_for(state="detached")
    assert page.evaluate("llm.availability()") == "downloadable"
