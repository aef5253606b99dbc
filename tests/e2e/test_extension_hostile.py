"""Pages that post garbage: a typed error for each request, nothing hangs, nothing leaks, and the engine still answers
the next page. Needs Chromium."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.e2e.extension_browser import ExtensionBrowser, ask, finished
from tests.e2e.local_site import LocalSite
from tests.limits import WAIT_S

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser: ExtensionBrowser, pages: LocalSite) -> Iterator[Page]:
    """The hostile page, which the user has allowed. Afterwards another site must get its answer."""
    for origin in (pages.origin, pages.other_origin):
        browser.command("site.set", origin=origin, topOrigin=origin, decision="allow")
    yield browser.open(f"{pages.origin}/hostile.html")
    other = browser.open(f"{pages.other_origin}/asking.html")
    ask(other, "afterwards", maxTokens=5)
    assert finished(other, "afterwards")["usage"]["completionTokens"] == 5
    browser.wait_until_idle()


def test_listening_everywhere_sees_no_port_and_forging_the_channel_gets_nothing(page: Page) -> None:
    answer = page.evaluate("llm.generate('Hello', { maxTokens: 5 }).usage.then((usage) => usage.completionTokens)")
    assert answer == 5
    # The only event of that name is the page's own forgery, seen by its own listeners; nobody answered it.
    assert set(page.evaluate("seen")) <= {"nomoat:channel"}
    assert page.evaluate("forgedAnswers") == []
    assert (
        page.evaluate("Object.getOwnPropertyNames(window).filter((name) => /nomoat|bridge|chrome_/i.test(name))") == []
    )


def test_patched_built_ins_neither_leak_the_port_nor_break_the_api(page: Page) -> None:
    # The outcome goes into the title, because after the patches Playwright's own evaluation would trip over them too.
    page.evaluate(
        """() => {
          const { stringify } = JSON;
          const { llm, seen } = window;
          setTimeout(() => {
            window.patchEverything();
            const outcome = {};
            let pending = 3;
            const ended = (name, value) => {
              outcome[name] = value;
              pending -= 1;
              if (pending === 0) document.title = stringify({ ...outcome, seen });
            };
            const iterator = llm.generate("Hello", { maxTokens: 5 })[Symbol.asyncIterator]();
            const ask = (name, maxTokens) => {
              const done = (text) => ended(name, typeof text);
              llm.generate("Hello", { maxTokens }).then(done, (error) => ended(name, error.code));
            };
            ask("good", 5);
            ask("bad", -5);
            (async () => ended("iterated", typeof (await iterator.next()).value))();
          });
        }"""
    )
    deadline = time.monotonic() + WAIT_S
    while "{" not in page.title() and time.monotonic() < deadline:
        time.sleep(0.1)
    outcome = json.loads(page.title())
    assert set(outcome.pop("seen")) <= {"nomoat:channel"}  # the page's own forgery
    assert outcome == {"good": "string", "bad": "invalid_request", "iterated": "string"}


def test_garbage_arguments(page: Page) -> None:
    outcomes = page.evaluate(
        """async () => {
          const cyclic = {}; cyclic.self = cyclic;
          const deep = []; let level = deep; for (let i = 0; i < 5000; i++) { level.push([]); level = level[0]; }
          const throwing = { get temperature() { throw new Error("boo"); } };
          const proxy = new Proxy({}, { ownKeys() { throw new Error("boo"); } });
          const liar = { get maxTokens() { return Math.random() < 2 ? "many" : 1; } };
          const sparse = []; sparse.length = 4_000_000_000;
          const cases = [
            [undefined], [null], [Symbol("x")], [1n], [() => {}], [document], [window], [new Proxy([], {})],
            [deep], [sparse],
            [[{ role: "user", content: cyclic }]], [[{ role: "user", content: { toString: () => "x" } }]],
            ["x", cyclic], ["x", throwing], ["x", proxy], ["x", liar], ["x", { signal: "now" }], ["x", { signal: {} }],
            ["x", { partition: "sidepanel" }], ["x", { raw: true }], ["x", { stop: sparse }], ["x", { maxTokens: 1e9 }],
            ["x", { seed: NaN }], ["x", "options"], ["x", { [Symbol.iterator]: 1 }], ["x", { system: 5 }],
            ["x".repeat(1024 * 1024 + 1)], ["é".repeat(600 * 1024)], ["x".repeat(100 * 1024 * 1024)],
            [Array(2000).fill({ role: "user", content: "x" })],
          ];
          const outcomes = [];
          for (const [prompt, options] of cases) {
            const failed = (error) => `${error.name} ${error.code} ${error instanceof Error}`;
            outcomes.push(await llm.generate(prompt, options).then(() => "done", failed));
          }
          return outcomes;
        }"""
    )
    assert outcomes == ["TypeError invalid_request true"] * 30


def test_a_flood_of_requests_is_refused_not_queued(page: Page) -> None:
    codes = page.evaluate(
        """async () => {
          const ask = () => llm.generate("x", { maxTokens: 1 }).then(() => "done", (error) => error.code);
          const codes = await Promise.all(Array.from({ length: 5000 }, ask));
          return [...new Set(codes)].map((code) => [code, codes.filter((other) => other === code).length]);
        }"""
    )
    counts = dict(codes)
    assert set(counts) <= {"done", "not_allowed"}
    assert counts["not_allowed"] > 4000
    assert sum(counts.values()) == 5000


def test_floods_of_messages_and_events_are_ignored(page: Page) -> None:
    text = page.evaluate(
        """async () => {
          const asking = llm.generate("Hello", { maxTokens: 20 });
          for (let i = 0; i < 20_000; i++) {
            window.postMessage({ id: 1, method: "generate", prompt: "x", options: {} }, "*");
            if (i % 100 === 0) {
              const { port1, port2 } = new MessageChannel();
              document.dispatchEvent(new MessageEvent("nomoat:channel", { ports: [port2], cancelable: true }));
              port1.postMessage({ id: i + 1, method: "abort" });
              document.dispatchEvent(new CustomEvent("nomoat:channel", { detail: { id: 1, method: "abort" } }));
            }
          }
          return (await asking.usage).completionTokens;
        }"""
    )
    assert text == 20


def test_aborting_at_once_a_thousand_times(page: Page) -> None:
    outcome = page.evaluate(
        """async () => {
          const names = new Set();
          for (let i = 0; i < 1000; i++) {
            const controller = new AbortController();
            const asking = llm.generate("Hello", { signal: controller.signal });
            controller.abort();
            await asking.catch((error) => names.add(error.name));
          }
          return [...names];
        }"""
    )
    assert outcome == ["AbortError"]


def test_pages_cannot_reach_the_rest_of_the_extension(browser: ExtensionBrowser, page: Page) -> None:
    for path in ("consent.html?id=1", "options.html", "offscreen.html", "page.js", "icon/128.png"):
        loaded = page.evaluate("(url) => fetch(url).then(() => true, () => false)", f"{browser.base}/{path}")
        assert loaded is False, path
    assert page.evaluate("typeof chrome === 'undefined' || chrome.runtime === undefined || !chrome.runtime.connect")
