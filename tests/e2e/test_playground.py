"""The playground without the extension: list, load, chat, stop, settings, errors, hostile answers. Needs Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nomoat.browser.local_site import local_site
from nomoat.server import create_app
from playwright.sync_api import Browser, Page, expect

from tests.conftest import PackageOf
from tests.e2e.conftest import ENDLESS
from tests.e2e.devices import SHOWN, on_each_device
from tests.e2e.playground import ask, choose, run_on, wait_for

pytestmark = pytest.mark.browser
VERY_LONG = "12000"
QUESTION = "What is the capital of France?"
HOSTILE_MARKDOWN = """
# Fine
<img src="https://leak.invalid/a.png" onerror="window.hacked = 1"> ![x](https://leak.invalid/b.png)

[click](javascript:window.hacked=3) [ok](https://example.com/)

<script>window.hacked = 2</script>
<iframe src="https://leak.invalid/"></iframe><style>body { display: none }</style><form action="/"><input></form>
"""


@pytest.fixture(scope="module")
def site(tiny_package: PackageOf, endless_package: Path) -> Iterator[str]:
    with local_site(create_app([tiny_package("f32"), endless_package])) as url:
        yield url


@pytest.fixture
def page(chromium: Browser, site: str, device: str) -> Iterator[Page]:
    context = chromium.new_context()
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(error.message))
    page.goto(site)
    expect(page.get_by_test_id("model-select").locator("option")).to_have_count(2)
    run_on(page, device)
    yield page
    context.close()
    assert problems == []


def test_page_is_isolated_and_lists_the_models(page: Page) -> None:
    assert page.evaluate("crossOriginIsolated") is True
    assert page.get_by_test_id("model-select").locator("option").all_text_contents() == [
        "tiny_llama (f32)",
        "endless (f32)",
    ]
    expect(page.get_by_test_id("model-facts")).to_contain_text("512 tokens")
    expect(page.get_by_test_id("engine-page")).to_be_checked()
    expect(page.get_by_test_id("engine-extension")).to_be_disabled()
    expect(page.get_by_test_id("engine-hint")).to_contain_text("not installed")
    assert (
        page.locator("button, input, select, textarea, summary").count()
        == page.locator(":is(button, input, select, textarea, summary)[data-testid]").count()
    )


@on_each_device
def test_loads_answers_and_shows_the_figures(page: Page, device: str) -> None:
    page.get_by_test_id("model-load").click()
    expect(page.get_by_test_id("load")).to_have_attribute("data-state", "ready")
    expect(page.get_by_test_id("device-info")).to_contain_text(SHOWN[device])
    choose(page, temperature="0", max_tokens="12")
    first = ask(page, QUESTION)
    wait_for(first, "done")
    expect(first.locator(".body")).not_to_be_empty()
    expect(page.get_by_test_id("stats")).to_contain_text("first after")
    second = ask(page, QUESTION)
    wait_for(second, "done")
    expect(page.get_by_test_id("message-user")).to_have_count(2)


@on_each_device
def test_a_question_loads_the_model_and_greedy_answers_repeat(page: Page) -> None:
    choose(page, temperature="0", max_tokens="12")
    first = ask(page, QUESTION)
    wait_for(first, "done")
    text = first.locator(".body").text_content()
    page.get_by_test_id("new-chat").click()
    expect(page.get_by_test_id("message-assistant")).to_have_count(0)
    again = ask(page, QUESTION)
    wait_for(again, "done")
    assert again.locator(".body").text_content() == text


@on_each_device
def test_stop_keeps_what_was_said_and_the_next_question_works(page: Page) -> None:
    page.get_by_test_id("model-select").select_option(ENDLESS)
    choose(page, max_tokens=VERY_LONG)
    answer = ask(page, QUESTION)
    wait_for(answer, "streaming")
    page.get_by_test_id("stop").click()
    wait_for(answer, "aborted")
    expect(page.get_by_test_id("send")).to_be_visible()
    choose(page, max_tokens="5")
    wait_for(ask(page, "And of Italy?"), "done")
    expect(page.get_by_test_id("error")).to_be_hidden()


def test_the_choice_of_a_device_is_kept(page: Page, site: str) -> None:
    choice = page.get_by_test_id("device-select")
    for kept in ("wasm", "webgpu", "auto"):
        choice.select_option(kept)
        page.goto(site)
        expect(choice).to_have_value(kept)
    # What another version has stored may be no choice here.
    page.evaluate("localStorage.setItem('nomoat.device', 'quantum')")
    page.goto(site)
    expect(choice).to_have_value("auto")


@on_each_device
def test_another_device_loads_the_model_again(page: Page, device: str) -> None:
    page.get_by_test_id("model-load").click()
    expect(page.get_by_test_id("model-load")).to_have_text("Loaded")
    run_on(page, "auto")
    expect(page.get_by_test_id("model-load")).to_have_text("Load model")
    run_on(page, device)
    expect(page.get_by_test_id("model-load")).to_have_text("Loaded")


def test_new_chat_while_answering(page: Page) -> None:
    page.get_by_test_id("model-select").select_option(ENDLESS)
    choose(page, max_tokens=VERY_LONG)
    wait_for(ask(page, QUESTION), "streaming")
    page.get_by_test_id("new-chat").click()
    expect(page.get_by_test_id("empty")).to_be_visible()
    choose(page, max_tokens="5")
    wait_for(ask(page, QUESTION), "done")
    expect(page.get_by_test_id("message-user")).to_have_count(1)


def test_an_answer_cut_by_max_tokens_says_so(page: Page) -> None:
    page.get_by_test_id("model-select").select_option(ENDLESS)
    choose(page, temperature="0", max_tokens="7")
    answer = ask(page, QUESTION)
    wait_for(answer, "done")
    expect(answer.get_by_test_id("message-note")).to_contain_text("7 tokens")
    expect(answer.get_by_test_id("message-note")).to_contain_text("cut at max tokens")


def test_a_bad_setting_is_an_error_with_its_code(page: Page) -> None:
    choose(page, top_p="7")
    wait_for(ask(page, QUESTION), "error")
    expect(page.get_by_test_id("error-code")).to_have_text("invalid_request")
    page.get_by_test_id("error-close").click()
    expect(page.get_by_test_id("error")).to_be_hidden()
    page.get_by_test_id("settings-reset").click()
    choose(page, max_tokens="4")
    wait_for(ask(page, QUESTION), "done")


def test_a_broken_download_is_an_error_and_can_be_repeated(page: Page) -> None:
    page.context.route("**/weights/*.bin", lambda route: route.fulfill(status=500, body="broken"))
    page.get_by_test_id("model-load").click()
    expect(page.get_by_test_id("load")).to_have_attribute("data-state", "error")
    expect(page.get_by_test_id("error-code")).to_have_text("network")
    page.context.unroute("**/weights/*.bin")
    page.get_by_test_id("model-load").click()
    expect(page.get_by_test_id("load")).to_have_attribute("data-state", "ready")
    expect(page.get_by_test_id("error")).to_be_hidden()


def test_what_a_model_writes_cannot_run_load_or_send(chromium: Browser, site: str) -> None:
    """window.llm is played by this test, so that the answer can be anything."""
    context = chromium.new_context()
    page = context.new_page()
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.add_init_script(
        f"""window.llm = {{
          version: "test",
          availability: async () => "available",
          generate: () => ({{
            async *[Symbol.asyncIterator]() {{ yield {HOSTILE_MARKDOWN!r}; }},
            usage: Promise.resolve({{ completionTokens: 2, decodeTokPerS: 1, ttftMs: 1, finishReason: "stop" }}),
          }}),
        }}"""
    )
    page.goto(site)
    page.get_by_test_id("engine-extension").check(force=True)
    answer = ask(page, "anything")
    wait_for(answer, "done")
    body = answer.locator(".body")
    expect(body.locator("h1")).to_have_text("Fine")
    assert body.locator("img, script, iframe, style, form, input").count() == 0
    links = body.locator("a[href]")
    assert links.evaluate_all("(all) => all.map((a) => a.href)") == ["https://example.com/"]
    assert links.first.get_attribute("rel") == "noopener noreferrer nofollow"
    assert page.evaluate("window.hacked") is None
    assert not any("leak.invalid" in url for url in requested)
    context.close()


def test_an_encoder_says_that_it_embeds(chromium: Browser, family_package: Callable[[str, str], Path]) -> None:
    with local_site(create_app([family_package("bert", "f32")])) as url, chromium.new_context() as context:
        page = context.new_page()
        page.goto(url)
        run_on(page, "wasm")
        page.get_by_test_id("model-load").click()
        expect(page.get_by_test_id("load")).to_have_attribute("data-state", "ready")
        expect(page.get_by_test_id("load-status")).to_contain_text("embeds texts and does not chat")
        wait_for(ask(page, QUESTION), "error")
        expect(page.get_by_test_id("error-code")).to_have_text("invalid_request")
        expect(page.get_by_test_id("error-message")).to_contain_text("call embed")
