"""Streaming from the extension: pieces come as they are made, every way to end a request stops the computing, and pages
share the model. Needs Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.e2e.devices import on_each_device
from tests.e2e.extension_browser import VERY_LONG, ExtensionBrowser, ask, finished, streaming
from tests.e2e.local_site import LocalSite

pytestmark = [pytest.mark.browser, on_each_device]


@pytest.fixture
def page(browser: ExtensionBrowser, pages: LocalSite) -> Page:
    """A page that the user always allows."""
    browser.command("site.set", origin=pages.origin, topOrigin=pages.origin, decision="allow")
    return browser.open(f"{pages.origin}/asking.html")


def test_pieces_make_up_the_text(page: Page) -> None:
    ask(page, "first", maxTokens=60, temperature=0)
    state = finished(page, "first")
    assert state["status"] == "done"
    # A fast device computes many tokens between two pieces.
    assert len(state["pieces"]) > 1
    assert "".join(state["pieces"]) == state["text"]
    assert state["usage"]["completionTokens"] == 60
    assert state["usage"]["finishReason"] == "length"


def test_same_answer_from_messages_and_for_the_same_seed(page: Page) -> None:
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Who are you?"}]
    ask(page, "string", "Who are you?", system="Be kind.", maxTokens=20, seed=7, temperature=1)
    ask(page, "messages", messages, maxTokens=20, seed=7, temperature=1)
    assert finished(page, "string")["text"] == finished(page, "messages")["text"]


def test_chat_completions_say_the_same_whole_and_streamed(page: Page) -> None:
    whole, streamed, generated, finish_reason = page.evaluate(
        """async () => {
          const request = { messages: [{ role: "user", content: "Who are you?" }], temperature: 0 };
          const { create } = llm.chat.completions;
          const { choices } = await create({ ...request, max_completion_tokens: 12 });
          let text = "";
          for await (const chunk of create({ ...request, max_tokens: 12, stream: true }))
            text += chunk.choices[0].delta.content ?? "";
          const generated = await llm.generate(request.messages, { temperature: 0, maxTokens: 12 });
          return [choices[0].message.content, text, generated, choices[0].finish_reason];
        }"""
    )
    assert whole == streamed == generated != ""
    assert finish_reason == "length"


def test_chat_completions_refuse_and_abort_as_generate_does(browser: ExtensionBrowser, page: Page) -> None:
    codes = page.evaluate(
        """async () => {
          const messages = [{ role: "user", content: "Tell me a story" }];
          const { create } = llm.chat.completions;
          const codeOf = (promise) => promise.then(() => "done", (error) => error.code);
          const long = { messages, max_completion_tokens: 8000, stream: true };
          for await (const chunk of create(long)) if (chunk.choices[0].delta.content) break;
          const stop = new AbortController();
          const stream = await create(long, { signal: stop.signal });
          stop.abort();
          const rest = (async () => { for await (const _ of stream); })();
          return [
            await codeOf(rest.catch((error) => { throw { code: error.name }; })),
            await codeOf(create({ messages, audio: {} })),
            await codeOf(create({ messages, model: "absent" })),
            await codeOf(create({ messages, partition: "x" })),
          ];
        }"""
    )
    assert codes == ["AbortError", "not_supported", "model_not_found", "invalid_request"]
    browser.wait_until_idle()


def test_abort_signal_stops_the_computing(browser: ExtensionBrowser, page: Page) -> None:
    ask(page, "first", maxTokens=VERY_LONG)
    streaming(page, "first")
    page.evaluate("asked.first.controller.abort()")
    assert finished(page, "first")["error"]["name"] == "AbortError"
    browser.wait_until_idle()
    ask(page, "second", maxTokens=5)
    assert finished(page, "second")["status"] == "done"


def test_an_abort_has_the_reason_that_the_page_gave(page: Page) -> None:
    ask(page, "first", maxTokens=VERY_LONG)
    streaming(page, "first")
    page.evaluate("asked.first.controller.abort(new RangeError('enough'))")
    assert finished(page, "first")["error"]["message"] == "enough"


def test_leaving_the_loop_stops_the_computing(browser: ExtensionBrowser, page: Page) -> None:
    ask(page, "first", maxTokens=VERY_LONG, break_after=2)
    assert finished(page, "first")["error"]["code"] == "aborted"
    browser.wait_until_idle()


def test_the_user_stops_it_in_the_popup(browser: ExtensionBrowser, page: Page) -> None:
    ask(page, "first", maxTokens=VERY_LONG)
    streaming(page, "first")
    popup = browser.open(f"{browser.base}/popup.html")
    popup.get_by_test_id("popup-stop").click()
    error = finished(page, "first")["error"]
    assert (error["name"], error["code"]) == ("AbortError", "aborted")
    browser.wait_until_idle()


def test_closing_the_page_stops_the_computing(browser: ExtensionBrowser, page: Page) -> None:
    ask(page, "first", maxTokens=VERY_LONG)
    streaming(page, "first")
    page.close()
    browser.wait_until_idle()


def test_leaving_the_page_stops_the_computing_and_coming_back_works(
    browser: ExtensionBrowser, page: Page, pages: LocalSite
) -> None:
    ask(page, "first", maxTokens=VERY_LONG)
    streaming(page, "first")
    page.goto(f"{pages.origin}/embedding.html")
    browser.wait_until_idle()
    page.go_back()
    ask(page, "second", maxTokens=5)
    assert finished(page, "second")["status"] == "done"


def test_two_sites_at_once_both_stream(browser: ExtensionBrowser, page: Page, pages: LocalSite) -> None:
    browser.command("site.set", origin=pages.other_origin, topOrigin=pages.other_origin, decision="allow")
    other = browser.open(f"{pages.other_origin}/asking.html")
    ask(page, "long", maxTokens=VERY_LONG)
    streaming(page, "long")
    # The second site does not wait for the first to end.
    ask(other, "short", maxTokens=20)
    assert finished(other, "short")["usage"]["completionTokens"] == 20
    assert page.evaluate("asked.long.status") == "running"
    page.evaluate("asked.long.controller.abort()")
    browser.wait_until_idle()


def test_one_site_cannot_run_many_at_once(page: Page) -> None:
    for name in "abcd":
        ask(page, name, maxTokens=VERY_LONG)
    ask(page, "e", maxTokens=5)
    error = finished(page, "e")["error"]
    assert error["code"] == "not_allowed"
    assert error["detail"] == {"reason": "too_many_requests", "limit": 4}
    page.evaluate("for (const name of 'abcd') asked[name].controller.abort()")


def test_engine_errors_arrive_typed(page: Page) -> None:
    ask(page, "too long", "word " * 20_000)
    error = finished(page, "too long")["error"]
    assert (error["name"], error["code"], error["isError"]) == ("QuotaExceededError", "context_overflow", True)
    ask(page, "next", maxTokens=5)
    assert finished(page, "next")["status"] == "done"
