"""The browser's GPU process dies while a page of the extension streams: the stream goes on on the CPU. Needs Chromium;
WebGPU is its software adapter, which says that it is a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.altered_worker import GPU_IN_DISGUISE, altered_extension
from tests.e2e.conftest import ENDLESS
from tests.e2e.devices import needs
from tests.e2e.extension_browser import ask, finished, open_extension
from tests.e2e.local_site import LocalSite

pytestmark = pytest.mark.browser
TOKENS = 200
# Of the text, before the GPU is lost.
CHARACTERS_BEFORE = 40


def test_a_page_notices_nothing(extension_dir: Path, pages: LocalSite, models: LocalSite, tmp_path: Path) -> None:
    needs("webgpu")
    needs("wasm")
    extension = altered_extension(extension_dir, tmp_path / "extension", GPU_IN_DISGUISE)
    with open_extension(extension, tmp_path / "profile") as browser:
        browser.install(f"{models.origin}/{ENDLESS}/", ENDLESS)
        browser.run_on("auto")
        browser.command("site.set", origin=pages.origin, topOrigin=pages.origin, decision="allow")
        page = browser.open(f"{pages.origin}/asking.html")
        ask(page, "first", maxTokens=TOKENS, temperature=0)
        page.wait_for_function("(length) => asked.first?.pieces.join('').length >= length", arg=CHARACTERS_BEFORE)
        before = page.evaluate("asked.first.pieces.join('')")
        assert browser.snapshot()["loaded"]["device"]["device"] == "webgpu"
        browser.context.new_cdp_session(page).send("Browser.crashGpuProcess")
        state = finished(page, "first")
        assert state["status"] == "done"
        assert (state["usage"]["completionTokens"], state["usage"]["device"]) == (TOKENS, "wasm")
        assert state["text"] == "".join(state["pieces"])
        assert len(before) < len(state["text"])
        assert state["text"].startswith(before)
        assert browser.snapshot()["loaded"]["device"]["device"] == "wasm"
        ask(page, "second", maxTokens=5, temperature=0)
        assert finished(page, "second")["usage"]["completionTokens"] == 5
