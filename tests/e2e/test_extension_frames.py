"""Pages under a strict policy and embedded pages: the policy and the user decide together. Needs Chromium."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from playwright.sync_api import Frame, Page

from tests.e2e.extension_browser import ExtensionBrowser, ask, finished
from tests.e2e.local_site import LocalSite

pytestmark = pytest.mark.browser


def embed(browser: ExtensionBrowser, top: str, **attributes: str) -> tuple[Page, Frame]:
    """A page of ``top`` with one frame that has these attributes."""
    page = browser.open(f"{top}/embedding.html?{urlencode(attributes)}")
    page.wait_for_function("frames.length === 1")
    frame = next(frame for frame in page.frames if frame is not page.main_frame)
    frame.wait_for_load_state()
    return page, frame


def ask_in_frame(frame: Frame, name: str) -> None:
    frame.evaluate("(name) => { window.nextAsk = { name, prompt: 'Hello', options: { maxTokens: 5 } } }", name)
    frame.click("#ask")


def ended_in_frame(frame: Frame, name: str) -> dict[str, object]:
    frame.wait_for_function("(name) => window.asked[name] && window.asked[name].status !== 'running'", arg=name)
    state: dict[str, object] = frame.evaluate("(name) => ({ ...window.asked[name], controller: undefined })", name)
    return state


def test_works_under_a_strict_content_security_policy(browser: ExtensionBrowser, pages: LocalSite) -> None:
    page = browser.open(f"{pages.origin}/strict/asking.html")
    browser.answer(lambda: ask(page, "first", maxTokens=5), "consent-allow-once")
    assert finished(page, "first")["usage"]["completionTokens"] == 5


def test_a_site_can_forbid_it_for_itself(browser: ExtensionBrowser, pages: LocalSite) -> None:
    page = browser.open(f"{pages.origin}/no-model/asking.html")
    assert page.evaluate("llm.availability()") == "unavailable"
    ask(page, "first")
    assert finished(page, "first")["error"]["code"] == "not_allowed"


def test_cross_origin_frame_without_permission_is_refused(browser: ExtensionBrowser, pages: LocalSite) -> None:
    # Even where the user always allows both sites on their own.
    for origin in (pages.origin, pages.other_origin):
        browser.command("site.set", origin=origin, topOrigin=origin, decision="allow")
    _page, frame = embed(browser, pages.origin, src=f"{pages.other_origin}/asking.html")
    assert frame.evaluate("llm.availability()") == "unavailable"
    ask_in_frame(frame, "first")
    error = ended_in_frame(frame, "first")["error"]
    assert isinstance(error, dict)
    assert error["code"] == "not_allowed"
    assert "permissions policy" in error["message"]


def test_cross_origin_frame_with_permission_is_asked_for_both_sites(
    browser: ExtensionBrowser, pages: LocalSite
) -> None:
    browser.command("site.set", origin=pages.other_origin, topOrigin=pages.other_origin, decision="allow")
    _page, frame = embed(browser, pages.origin, src=f"{pages.other_origin}/asking.html", allow="language-model")
    assert frame.evaluate("llm.availability()") == "downloadable"
    window = browser.consent_window(lambda: ask_in_frame(frame, "first"))
    assert window.get_by_test_id("consent-origin").inner_text() == pages.other_origin
    assert window.locator("#top-origin").inner_text() == pages.origin
    window.get_by_test_id("consent-allow").click()
    assert ended_in_frame(frame, "first")["status"] == "done"
    row = browser.options.get_by_test_id(f"site-{pages.other_origin}-in-{pages.origin}")
    assert "Always allowed" in row.inner_text()
    # The permission is for this pair: the embedding page itself still has none.
    assert {(s["origin"], s["topOrigin"]) for s in browser.snapshot()["sites"]} == {
        (pages.other_origin, pages.other_origin),
        (pages.other_origin, pages.origin),
    }


def test_same_origin_frame_has_the_permission_of_its_page(browser: ExtensionBrowser, pages: LocalSite) -> None:
    browser.command("site.set", origin=pages.origin, topOrigin=pages.origin, decision="allow")
    _page, frame = embed(browser, pages.origin, src=f"{pages.origin}/asking.html")
    ask_in_frame(frame, "first")
    assert ended_in_frame(frame, "first")["status"] == "done"


@pytest.mark.parametrize("sandbox", ["allow-scripts", "allow-scripts allow-popups allow-forms"])
def test_sandboxed_frame_is_refused(browser: ExtensionBrowser, pages: LocalSite, sandbox: str) -> None:
    browser.command("site.set", origin=pages.origin, topOrigin=pages.origin, decision="allow")
    _page, frame = embed(
        browser, pages.origin, src=f"{pages.origin}/asking.html", sandbox=sandbox, allow="language-model *"
    )
    assert frame.evaluate("llm.availability()") == "unavailable"
    ask_in_frame(frame, "first")
    error = ended_in_frame(frame, "first")["error"]
    assert isinstance(error, dict)
    assert (error["name"], error["code"]) == ("NotAllowedError", "not_allowed")


@pytest.mark.parametrize("src", ["data:text/html,<p>data</p>", "about:blank"])
def test_frames_without_an_address(browser: ExtensionBrowser, pages: LocalSite, src: str) -> None:
    """A data: frame has no origin and is refused; an about:blank frame is the page's own."""
    _page, frame = embed(browser, pages.origin, src=src, allow="language-model *")
    expected = "unavailable" if src.startswith("data:") else "downloadable"
    assert frame.evaluate("llm.availability()") == expected


def test_plain_http_pages_are_refused(browser: ExtensionBrowser, pages: LocalSite) -> None:
    """A host that is not the machine itself, over http: an insecure context."""
    page = browser.context.new_page()
    page.route(
        "http://insecure.example/**",
        lambda route: route.fulfill(body="<!doctype html><title>http</title>", content_type="text/html"),
    )
    page.goto("http://insecure.example/")
    assert page.evaluate("llm.availability()") == "unavailable"
    refused = "llm.generate('x').then(() => 'done', ({ code }) => code)"
    assert page.evaluate(refused) == "not_allowed"
