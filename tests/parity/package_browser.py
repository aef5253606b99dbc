"""Packages in one headless Chromium, for tests that compare what the real runtime computes.

The browser lives in a thread of its own: Playwright's synchronous API allows one instance per thread, and other tests
have theirs in the main thread. Everything below runs nomoat.browser's runner page, so what is tested is what
``nomoat generate`` runs.
"""

from __future__ import annotations

import base64
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from nomoat.browser import Adapter, find_chromium
from nomoat.browser.local_site import local_site
from nomoat.browser.runner import RunnerPage, headless_browser
from nomoat.server import create_app
from nomoat_compiler.program.package import read_manifest

from tests.limits import PROCESS_S, WAIT_S
from tests.patient_browser import patient

GREEDY = {"temperature": 0, "raw": True}


class PackageBrowser:
    """Owns one Chromium with the software adapter, until close()."""

    def __init__(self) -> None:
        self._calls: queue.Queue[tuple[Callable[[Any], Any], Future[Any]] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._browse, daemon=True)
        self._thread.start()

    @contextmanager
    def open(self, package: Path, device: str = "webgpu", threads: int | None = None) -> Iterator[OpenPackage]:
        """The package loaded in a page of its own. Raises NomoatError as the runtime reports it."""
        options = {"device": device} | ({} if threads is None else {"threads": threads})
        stack = ExitStack()
        try:
            page = self.call(lambda browser: self._open_page(browser, package, options, stack))
            yield OpenPackage(self, page)
        finally:
            self.call(lambda _browser: stack.close())

    def call(self, action: Callable[[Any], Any]) -> Any:
        """``action(browser)`` in the browser's thread."""
        future: Future[Any] = Future()
        self._calls.put((action, future))
        return future.result(PROCESS_S)

    def close(self) -> None:
        self._calls.put(None)
        self._thread.join(WAIT_S)

    @staticmethod
    def _open_page(browser: Any, package: Path, options: Mapping[str, Any], stack: ExitStack) -> RunnerPage:
        app = create_app([package])
        base_url = stack.enter_context(local_site(app))
        context = browser.new_context()
        stack.callback(context.close)
        page = RunnerPage(context.new_page(), lambda _phase, _loaded, _total: None)
        page.open(f"{base_url}/runner.html", Adapter.SOFTWARE)
        model_id = next(iter(app.state.packages))
        page.call("load", f"{base_url}/models/{model_id}/", options)
        return page

    def _browse(self) -> None:
        with headless_browser(find_chromium(), Adapter.SOFTWARE) as browser:
            patient(browser)
            while (item := self._calls.get()) is not None:
                action, future = item
                try:
                    future.set_result(action(browser))
                except BaseException as error:
                    future.set_exception(error)


class OpenPackage:
    """One loaded package."""

    def __init__(self, browser: PackageBrowser, page: RunnerPage) -> None:
        self._browser = browser
        self._page = page

    def generate(self, prompt: str | Sequence[Mapping[str, str]], **options: object) -> dict[str, Any]:
        """{text, usage}: the runtime's answer as it is."""
        result: dict[str, Any] = self._call("generate", prompt, options)
        return result

    def logits(
        self, token_ids: Sequence[int], first_position: int = 0, adapter: Sequence[Mapping[str, Any]] = ()
    ) -> np.ndarray:
        """(len(token_ids) - first_position, vocab_size); tokens before first_position go through prefill."""
        return self._browser.call(lambda _browser: decode_logits(self._page, token_ids, first_position, adapter))

    def load_adapter(self, folder: Path, name: str) -> dict[str, Any]:
        """{name, nbytes}; served from another origin than the model."""
        with local_site(create_app([folder])) as base_url:
            package = read_manifest(folder)["id"]
            loaded: dict[str, Any] = self._call("loadAdapter", f"{base_url}/models/{package}/", name)
        return loaded

    def unload_adapter(self, name: str) -> None:
        self._call("unloadAdapter", name)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """float32 (texts, hidden_size)"""
        encoded = self._call("embed", list(texts))["rows"]
        return np.frombuffer(base64.b64decode(encoded), dtype="<f4").reshape(len(texts), -1)

    def tokenize(self, text: str) -> list[int]:
        return list(self._call("tokenize", text))

    def _call(self, function: str, *arguments: object) -> Any:
        return self._browser.call(lambda _browser: self._page.call(function, *arguments))


def decode_logits(
    page: RunnerPage, token_ids: Sequence[int], first_position: int, adapter: Sequence[Mapping[str, Any]] = ()
) -> np.ndarray:
    encoded = page.call("logits", list(token_ids), first_position, [dict(use) for use in adapter])
    rows = len(token_ids) - first_position
    return np.frombuffer(base64.b64decode(encoded), dtype="<f4").reshape(rows, -1)
