"""A page gets the model when the user says so, in a window of the extension, and not otherwise. Needs Chromium."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.e2e.conftest import ENDLESS
from tests.e2e.extension_browser import VERY_LONG, ExtensionBrowser, ask, finished, streaming
from tests.e2e.local_site import LocalSite
from tests.packages.packed import packed
from tests.packages.site import Site

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


# As a page would write it; what it leaves is in window.found.
USE_SESSIONS = """async () => {
  const initialPrompts = [{ role: "system", content: "Be kind." }];
  const session = await llm.createSession({ initialPrompts, temperature: 0 });
  const before = session.contextUsage;
  const text = await session.prompt("Who are you?", { maxTokens: 5 });
  const after = session.contextUsage;
  const copy = await session.clone();
  const pieces = [];
  for await (const piece of copy.promptStreaming("And you?", { maxTokens: 5 })) pieces.push(piece);
  const controller = new AbortController();
  const long = session.prompt("A long story", { maxTokens: VERY_LONG, signal: controller.signal });
  for await (const piece of long) { controller.abort(); break; }
  const aborted = await long.then(() => "done", ({ name }) => name);
  const kept = session.contextUsage;
  const decided = await llm.decide("It rains.", [{ id: "wet", prompt: "Is it wet?", type: "boolean" }]);
  const embedded = await llm.embed("x").catch(({ code }) => code);
  session.destroy();
  const over = await session.prompt("Hello?").then(() => "done", ({ name, code }) => [name, code]);
  const grows = before > 0 && after > before && copy.contextUsage > after;
  const window = session.contextWindow === (await llm.models())[0].contextLength;
  const options = Object.keys(decided.wet.probabilities);
  return { grows, text, streamed: pieces.join(""), aborted, kept: kept === after, window, options, embedded, over };
}""".replace("VERY_LONG", str(VERY_LONG))
USE_LANGUAGE_MODEL = """async () => {
  const progress = [];
  const monitor = (m) => m.addEventListener("downloadprogress", ({ loaded }) => progress.push(loaded));
  const model = await LanguageModel.create({ monitor, samplingMode: "most-predictable" });
  const controller = new AbortController();
  const stopped = model.prompt("A long story", { signal: controller.signal });
  controller.abort();
  const aborted = await stopped.then(() => "done", ({ name }) => name);
  const before = model.contextUsage;
  const text = await model.prompt("Hello");
  const grows = model.contextUsage > before;
  model.destroy();
  const over = await model.prompt("Hello?").then(() => "done", ({ name }) => name);
  return { progress, aborted, text, grows, over, kind: model instanceof LanguageModel };
}"""


def click_to(page: Page, script: str) -> None:
    """Runs ``script`` on a real click; ``window.found`` becomes what it makes, or the error's name."""
    page.evaluate(
        f"""() => {{
          window.found = null;
          document.querySelector("#ask").addEventListener("click", (event) => {{
            event.stopImmediatePropagation();
            ({script})().then(
              (made) => (window.found = made),
              ({{ name, message }}) => (window.found = {{ name, message }}),
            );
          }}, {{ capture: true, once: true }});
        }}"""
    )
    page.click("#ask")


def found(page: Page) -> dict[str, Any]:
    page.wait_for_function("window.found !== null")
    made: dict[str, Any] = page.evaluate("window.found")
    return made


def test_sessions_and_decisions(browser: ExtensionBrowser, pages: LocalSite) -> None:
    page = browser.open(f"{pages.origin}/asking.html")
    browser.answer(lambda: click_to(page, USE_SESSIONS), "consent-allow-once")
    made = found(page)
    assert made.get("message") is None
    assert made.pop("text")
    assert made.pop("streamed")
    assert made == {
        "grows": True,
        "aborted": "AbortError",
        "kept": True,
        "window": True,
        "options": ["true", "false"],
        "embedded": "invalid_request",
        "over": ["AbortError", "aborted"],
    }
    browser.wait_until_idle()


def test_a_session_ends_with_its_document(browser: ExtensionBrowser, pages: LocalSite) -> None:
    browser.command("site.set", origin=pages.origin, topOrigin=pages.origin, decision="allow")
    page = browser.open(f"{pages.origin}/asking.html")
    page.evaluate("llm.createSession().then((made) => { window.session = made })")
    prompt = f"void session.prompt('A long story', {{ maxTokens: {VERY_LONG} }}).catch(() => {{}})"
    page.wait_for_function("window.session")
    page.evaluate(prompt)
    browser.wait_for_running(1)
    page.goto("about:blank")
    browser.wait_until_idle()
    page.goto(f"{pages.origin}/asking.html")
    # As many as a site may have: those of the document before are gone.
    made = "Promise.all(Array.from({ length: 4 }, () => llm.createSession())).then((all) => all.length)"
    assert [page.evaluate(made) for _ in range(4)] == [4] * 4
    refused = page.evaluate("llm.createSession().catch(({ name, detail }) => [name, detail.reason])")
    assert refused == ["NotAllowedError", "too_many_sessions"]


USE_TASKS = """async () => {
  const questions = [{ id: "kind", prompt: "Which?", type: "choice", options: ["spam", "ham"] }];
  const decider = await DecisionModel.create({ questions });
  const { kind } = await decider.decide("Buy now");
  const same = (await llm.decide("Buy now", questions)).kind;
  const classifier = await Classifier.create({ labels: ["spam", "ham"] });
  const summarizer = await Summarizer.create({ type: "tldr" });
  const controller = new AbortController();
  const stopped = summarizer.summarize("A long story", { signal: controller.signal });
  controller.abort();
  const embedded = await SemanticEmbedder.create().catch(({ name }) => name);
  const detector = await LanguageDetector.create();
  const [{ detectedLanguage }] = await detector.detect("Wo ist der Bahnhof, und wann fährt der nächste Zug?");
  const label = await classifier.classify("Buy now");
  for (const each of [decider, classifier, summarizer]) each.destroy();
  return {
    sum: kind.probabilities.spam + kind.probabilities.ham,
    same: JSON.stringify(kind) === JSON.stringify(same),
    label: ["spam", "ham"].includes(label),
    aborted: await stopped.then(() => "done", ({ name }) => name),
    over: await classifier.classify("x").then(() => "done", ({ name }) => name),
    embedded,
    detectedLanguage,
  };
}"""
TASKS = ["Summarizer", "Writer", "Rewriter", "Proofreader", "LanguageDetector", "Classifier", "DecisionModel"]
TASKS += ["SemanticEmbedder"]
# This browser has some of its own that say "unavailable", a moment later, and a Translator that does not.
OURS = f"""{TASKS}.filter((name) => name in window && !String(window[name]).includes("[native code]"))"""


def test_tasks(browser: ExtensionBrowser, pages: LocalSite) -> None:
    """They are there where the person has switched them on, and nowhere else."""
    page = browser.open(f"{pages.origin}/asking.html")
    assert page.evaluate(OURS) == []
    browser.command("site.set", origin=pages.origin, topOrigin=pages.origin, decision="allow")
    browser.permit(f"{pages.origin.rpartition(':')[0]}/*")
    switch = browser.options.get_by_test_id(f"site-{pages.origin}").get_by_test_id("site-tasks")
    switch.click()
    wait_for_tasks(browser, [pages.origin])
    page.reload()
    page.wait_for_function(f"({OURS}).length === {len(TASKS)}")
    click_to(page, USE_TASKS)
    made = found(page)
    assert made.get("message") is None
    assert made.pop("sum") == pytest.approx(1)
    assert made == {
        "same": True,
        "label": True,
        "aborted": "AbortError",
        "over": "AbortError",
        "embedded": "NotSupportedError",  # the model writes text
        "detectedLanguage": "de",
    }
    other = browser.open(f"{pages.other_origin}/asking.html")
    assert other.evaluate(OURS) == []
    switch.click()
    wait_for_tasks(browser, [])
    page.reload()
    assert page.evaluate(OURS) == []


def wait_for_tasks(browser: ExtensionBrowser, origins: list[str]) -> None:
    """Until their script is registered for these sites."""
    registered = "chrome.scripting.getRegisteredContentScripts().then((all) => all.flatMap(({ matches }) => matches))"
    matches = [f"{origin}/*" for origin in origins]
    browser.options.wait_for_function(
        f"{registered}.then((all) => JSON.stringify(all) === {json.dumps(json.dumps(matches, separators=(',', ':')))})"
    )


def test_language_model(browser: ExtensionBrowser, pages: LocalSite) -> None:
    page = browser.context.new_page()
    # What a page gets without a gesture, which scripts of a test have. This browser has a class of its own that says
    # "unavailable", a moment later.
    refused = "LanguageModel.create().catch(({ name }) => name)"
    page.add_init_script(
        f"""addEventListener("load", async () => {{
          const isOwn = () => String(window.LanguageModel).includes("[native code]");
          while (isOwn()) await new Promise((done) => setTimeout(done, 9));
          window.quiet = await {refused};
        }})"""
    )
    page.goto(f"{pages.origin}/asking.html")
    page.wait_for_function("window.quiet")
    assert page.evaluate("window.quiet") == "NotAllowedError"
    assert page.evaluate("LanguageModel.availability()") == "downloadable"
    browser.answer(lambda: click_to(page, "() => LanguageModel.create()"), "consent-deny")
    assert found(page)["name"] == "NotAllowedError"
    browser.command("site.revoke", origin=pages.origin, topOrigin=pages.origin)
    browser.answer(lambda: click_to(page, USE_LANGUAGE_MODEL), "consent-allow")
    made = found(page)
    assert made.get("message") is None
    assert made.pop("text")
    assert (made["progress"][0], made["progress"][-1]) == (0, 1)
    assert {key: made[key] for key in ("aborted", "grows", "over", "kind")} == {
        "aborted": "AbortError",
        "grows": True,
        "over": "AbortError",
        "kind": True,
    }
    # The person's switch.
    browser.options.get_by_test_id(f"site-{pages.origin}").get_by_test_id("site-language-model").click()
    page.wait_for_function("LanguageModel.availability().then((a) => a === 'unavailable')")
    assert page.evaluate(refused) == "NotSupportedError"
    assert page.evaluate("llm.availability()") == "available"
    browser.command("site.languageModel", origin=pages.origin, on=True)
    assert page.evaluate("LanguageModel.availability()") == "available"


def test_the_client_finds_the_extension_and_fetches_no_engine(browser: ExtensionBrowser, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(
        """<!doctype html><button id="ask">Ask</button><script type="module">
          import { findProviders, getLLM } from "../node_modules/@nomoat/client/index.js";
          Object.assign(window, { findProviders, getLLM });
        </script>"""
    )
    with Site({"page": tmp_path, "node_modules": packed().node_modules}, {}) as site:
        page = browser.open(f"{site.origin}/plain/page/")
        page.wait_for_function("() => window.getLLM !== undefined")
        assert page.evaluate("findProviders().map(({ info }) => info.rdns)") == ["org.nomoat"]
        use = """async () => {
          const llm = await getLLM({ model: "/not/asked/" });
          return { same: llm === window.llm, text: await llm.generate("Tell me a story", { maxTokens: 5 }) };
        }"""
        browser.answer(lambda: click_to(page, use), "consent-allow-once")
        made = found(page)
        assert made["same"] is True and made["text"]
        assert [path for path in site.requested if "/runtime/" in path or "/asked/" in path] == []
