"""Every page that starts an engine of ours is cross-origin isolated: without it wasm has one thread. Needs Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from nomoat.browser import Adapter, find_chromium
from nomoat.browser.local_site import local_site
from nomoat.browser.runner import headless_browser
from nomoat.server import create_app
from playwright.sync_api import Browser

from tests.e2e.pipe_browser import PipeBrowser
from tests.patient_browser import patient

pytestmark = pytest.mark.browser

# The worker is what runs the engine, and it inherits from whoever starts it.
SHARED_MEMORY = "crossOriginIsolated && new SharedArrayBuffer(8).byteLength === 8"
SHARED_WITH_A_WORKER = """() => new Promise((done) => {
  const source = "postMessage(crossOriginIsolated && typeof SharedArrayBuffer === 'function')";
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  worker.onmessage = ({ data }) => done(data);
  worker.onerror = () => done("the worker did not start");
})"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with headless_browser(find_chromium(), Adapter.AUTO) as browser:
        yield patient(browser)


@pytest.mark.parametrize("path", ["", "runner.html"])
def test_pages_of_our_server(chromium: Browser, path: str) -> None:
    with local_site(create_app([])) as url:
        page = chromium.new_page()
        page.goto(f"{url}/{path}")
        assert page.evaluate(SHARED_MEMORY) is True
        assert page.evaluate(SHARED_WITH_A_WORKER) is True
        page.close()


def test_offscreen_document_of_the_extension(extension_dir: Path, tmp_path: Path) -> None:
    with PipeBrowser(extension_dir, tmp_path / "profile") as browser:
        base = browser.url_of(browser.wait_for_target("service_worker", "background.js")).rsplit("/", 1)[0]
        # A page of the extension makes the offscreen document exist.
        browser.open(f"{base}/options.html")
        offscreen = browser.attach(browser.wait_for_target("background_page", f"{base}/offscreen.html"))
        # The target is there before its document is: until then the empty one answers, which is not isolated.
        browser.wait_for(offscreen, "location.pathname === '/offscreen.html' && document.readyState === 'complete'")
        assert browser.evaluate(offscreen, SHARED_MEMORY) is True
