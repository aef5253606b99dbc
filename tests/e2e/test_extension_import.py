"""GGUF files become models on the options page: by link, by file, paused and gone on with, refused before any weight.
Needs Chromium."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from nomoat.browser.local_site import local_site
from playwright.sync_api import expect
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from tests.e2e.extension_browser import ExtensionBrowser
from tests.fixtures.gguf_checkpoint import WIDE, write_gguf
from tests.fixtures.variants import random_tensors, variant_config

pytestmark = pytest.mark.browser

MODEL = "tiny-q4"
DROP = """([name, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name));
  document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
}"""


# The importer reads chunks of this size, two ahead.
CHUNK_BYTES = 4 << 20


class Hub:
    """Files with ranges and an ETag. While ``open`` is false only a file's first chunk comes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.open = True
        self.furthest = 0
        self._files = StaticFiles(directory=folder)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ranges = dict(scope["headers"]).get(b"range", b"bytes=0-").decode()
        start = int(ranges.removeprefix("bytes=").partition("-")[0])
        self.furthest = max(self.furthest, start)
        answer: Response | StaticFiles = self._files
        if not self.open and start >= CHUNK_BYTES:
            answer = PlainTextResponse("later", 503)
        await answer(scope, receive, send)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub")
    config = variant_config("base") | WIDE | {"intermediate_size": 8192}
    write_gguf(folder / "tiny.Q4_K.gguf", config, random_tensors(config, 0), "Q4_K")
    other = folder / "other.F16.gguf"
    write_gguf(other, config, random_tensors(config, 0), "F16")
    start, _, rest = other.read_bytes().partition(b"llama")
    other.write_bytes(start + b"mamba" + rest)
    return folder


@pytest.fixture(scope="module")
def hub(files: Path) -> Iterator[tuple[Hub, str]]:
    made = Hub(files)
    cors = Middleware(CORSMiddleware, allow_origins=["*"], allow_headers=["*"], expose_headers=["*"])
    with local_site(Starlette(routes=[Mount("/", made)], middleware=[cors])) as origin:
        yield made, origin


def row(browser: ExtensionBrowser, model_id: str, state: str) -> None:
    browser.options.wait_for_selector(f'[data-testid="model-{model_id}"][data-state="{state}"]')


def remove(browser: ExtensionBrowser, model_id: str) -> None:
    shown = browser.options.get_by_test_id(f"model-{model_id}")
    shown.get_by_test_id("model-remove").click()
    shown.get_by_test_id("model-remove-confirm").click()
    shown.wait_for(state="detached")


def paste(browser: ExtensionBrowser, url: str) -> None:
    browser.options.get_by_test_id("model-url").fill(url)
    browser.options.get_by_test_id("model-url").press("Enter")


def test_a_refused_file_is_refused_before_its_weights(empty_browser: ExtensionBrowser, hub: tuple[Hub, str]) -> None:
    made, origin = hub
    made.furthest = 0
    paste(empty_browser, f"{origin}/other.F16.gguf")
    row(empty_browser, "other.F16.gguf", "error")
    shown = empty_browser.options.get_by_test_id("model-other.F16.gguf")
    expect(shown.get_by_test_id("model-error-detail")).to_contain_text("unknown_architecture")
    # The header, and what is read ahead while it is looked at.
    assert made.furthest <= 2 * CHUNK_BYTES < (made.folder / "other.F16.gguf").stat().st_size // 2
    remove(empty_browser, "other.F16.gguf")


def test_a_link_becomes_a_model_that_answers(empty_browser: ExtensionBrowser, hub: tuple[Hub, str]) -> None:
    _, origin = hub
    empty_browser.run_on("wasm")
    paste(empty_browser, f"{origin}/tiny.Q4_K.gguf")
    row(empty_browser, MODEL, "ready")
    panel = empty_browser.open(f"{empty_browser.base}/sidepanel.html")
    panel.get_by_role("textbox").fill("Hello")
    panel.get_by_role("textbox").press("Enter")
    # A model of random weights may go on for long: closing the panel stops it.
    expect(panel.get_by_test_id("chat-answer")).not_to_be_empty()
    expect(panel.locator(".error:visible")).to_have_count(0)
    panel.close()
    remove(empty_browser, MODEL)


def test_an_import_is_paused_and_gone_on_with(empty_browser: ExtensionBrowser, hub: tuple[Hub, str]) -> None:
    made, origin = hub
    made.open = False
    paste(empty_browser, f"{origin}/tiny.Q4_K.gguf")
    row(empty_browser, MODEL, "downloading")
    shown = empty_browser.options.get_by_test_id(f"model-{MODEL}")
    # What it is, and its license, is there before its weights.
    expect(shown).to_contain_text("license: not stated")
    shown.get_by_test_id("model-pause").click()
    row(empty_browser, MODEL, "error")
    expect(shown.get_by_test_id("model-error")).to_contain_text("paused")
    made.open = True
    shown.get_by_test_id("model-resume").click()
    row(empty_browser, MODEL, "ready")
    remove(empty_browser, MODEL)


def test_a_dropped_file_becomes_a_model(empty_browser: ExtensionBrowser, files: Path) -> None:
    data = base64.b64encode((files / "tiny.Q4_K.gguf").read_bytes()).decode()
    empty_browser.options.evaluate(DROP, ["tiny.Q4_K.gguf", data])
    row(empty_browser, MODEL, "ready")
    remove(empty_browser, MODEL)
    # The same through the field, which is what the keyboard reaches.
    empty_browser.options.get_by_test_id("model-file").set_input_files(files / "tiny.Q4_K.gguf")
    row(empty_browser, MODEL, "ready")
    remove(empty_browser, MODEL)
    empty_browser.options.evaluate(DROP, ["notes.txt", data])
    expect(empty_browser.options.get_by_test_id("model-add-error")).to_contain_text(".gguf")
