"""Browsers without relaxed SIMD run the plain build of the kernels; without any SIMD there is WebGPU or a typed error.
Needs Chromium, whose WebAssembly.validate refuses what the missing browser would."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from nomoat.browser.local_site import local_site
from nomoat.browser.runner import RunnerPage
from nomoat.server import create_app
from playwright.sync_api import Browser, Page, expect

from tests.conftest import PackageOf
from tests.e2e.altered_worker import WITHOUT_RELAXED_SIMD, WITHOUT_SIMD, WITHOUT_WEBGPU, alter_worker
from tests.e2e.devices import needs

pytestmark = pytest.mark.browser
QUESTION = "What comes after four?"
ANSWER = "After four comes five."
GREEDY = {"temperature": 0, "maxTokens": 24}
NO_SIMD = "This browser has no WebAssembly SIMD, which running on the CPU needs."
PageWithout = Callable[..., Page]


@pytest.fixture(autouse=True)
def wasm() -> None:
    needs("wasm")


@pytest.fixture(scope="module")
def site(tiny_package: PackageOf) -> Iterator[str]:
    with local_site(create_app([tiny_package("f32")])) as url:
        yield url


@pytest.fixture
def page_without(chromium: Browser) -> Iterator[PageWithout]:
    """Lines for the worker -> a page whose engines have them."""
    contexts = []

    def open_page(*lines: str) -> Page:
        contexts.append(chromium.new_context())
        alter_worker(contexts[-1], *lines)
        return contexts[-1].new_page()

    yield open_page
    for context in contexts:
        context.close()


def run(page: Page, site: str, device: str) -> tuple[str, list[str], str]:
    """(adapter, kernels that were fetched, text)."""
    kernels: list[str] = []
    page.context.on("request", lambda request: kernels.append(request.url) if ".wasm" in request.url else None)
    runner = RunnerPage(page, lambda _phase, _loaded, _total: None)
    runner.open(f"{site}/runner.html", None)
    runner.call("load", f"{site}/models/tiny_llama-f32/", {"device": device})
    answer = runner.call("generate", QUESTION, GREEDY, False)
    return answer["device"]["adapter"], [url.rsplit("/", 1)[-1] for url in kernels], answer["text"]


def test_without_relaxed_simd_the_plain_build_runs(page_without: PageWithout, site: str) -> None:
    adapter, kernels, text = run(page_without(WITHOUT_RELAXED_SIMD), site, "wasm")
    assert adapter == "wasm, SIMD"
    assert len(kernels) == 1
    assert kernels[0].startswith("plain-threads-")
    # The tiny Llama was trained to know it.
    assert text == ANSWER
    # The lines are what made the difference.
    adapter, kernels, text = run(page_without(), site, "wasm")
    assert adapter == "wasm, relaxed SIMD"
    assert kernels[0].startswith("relaxed-threads-")
    assert text == ANSWER


def test_without_simd_the_software_adapter_is_taken(page_without: PageWithout, site: str) -> None:
    needs("webgpu")
    adapter, kernels, text = run(page_without(WITHOUT_SIMD), site, "auto")
    assert "(software)" in adapter
    assert kernels == []
    assert text == ANSWER


def test_without_simd_and_webgpu_the_playground_says_why(page_without: PageWithout, site: str) -> None:
    page = page_without(WITHOUT_SIMD, WITHOUT_WEBGPU)
    page.goto(site)
    expect(page.get_by_test_id("model-select").locator("option")).to_have_count(1)
    page.get_by_test_id("model-load").click()
    expect(page.get_by_test_id("load")).to_have_attribute("data-state", "error")
    expect(page.get_by_test_id("error-code")).to_have_text("unsupported_device")
    expect(page.get_by_test_id("error")).to_contain_text(NO_SIMD)
