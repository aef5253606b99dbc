"""Runs kernels in a page of headless Chromium with SwiftShader.

The browser lives in a thread of its own, because Playwright's synchronous API allows one instance per thread and other
tests have theirs in the main thread.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from nomoat.browser.chromium import Adapter, find_chromium, launch_arguments

from tests.parity.kernel_host import CALL_TIMEOUT_S, RUNNER, WebGpuError


@dataclass
class _Request:
    action: Callable[[Any], Any]
    future: Future[Any]


class KernelPage:
    """A KernelHost that owns the browser, its page and the small HTTP server beside it."""

    def __init__(self) -> None:
        self._input = b""
        self._output = b""
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._requests: queue.Queue[_Request | None] = queue.Queue()
        self._thread = threading.Thread(target=self._browse, daemon=True)
        self._thread.start()

    @cached_property
    def adapter(self) -> dict[str, Any]:
        return dict(self._call(lambda page: page.evaluate("kernelPage.describe()")))

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def run(self, job: dict[str, Any], arrays: bytes) -> bytes:
        with self._lock:
            self._input, self._output = arrays, b""
            self._call(lambda page: page.evaluate("job => kernelPage.run(job)", job))
            return self._output

    def close(self) -> None:
        self._requests.put(None)
        self._thread.join(timeout=20)
        self._server.shutdown()
        self._server.server_close()

    def _call(self, action: Callable[[Any], Any]) -> Any:
        if not self.alive:
            raise WebGpuError("the browser thread has ended")
        future: Future[Any] = Future()
        self._requests.put(_Request(action, future))
        return future.result(timeout=CALL_TIMEOUT_S)

    def _browse(self) -> None:
        from playwright.sync_api import sync_playwright

        page: Any = None
        failure: Exception | None = None
        with sync_playwright() as playwright:
            try:
                browser = playwright.chromium.launch(
                    executable_path=find_chromium(), args=launch_arguments(Adapter.SOFTWARE)
                )
                page = browser.new_page()
                page.goto(f"http://127.0.0.1:{self._server.server_port}/page.html")
                page.wait_for_function("globalThis.kernelPage !== undefined")
            except Exception as error:
                failure = error
            while (request := self._requests.get()) is not None:
                try:
                    if failure is not None:
                        raise failure
                    request.future.set_result(request.action(page))
                except Exception as error:
                    request.future.set_exception(WebGpuError(str(error)))

    def _handler(owner) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.lstrip("/")
                if name == "input":
                    self._send(owner._input, "application/octet-stream")
                elif name in ("page.html", "page.js", "kernels.js"):
                    content_type = "text/html" if name.endswith("html") else "text/javascript"
                    self._send((RUNNER / name).read_bytes(), content_type)
                else:
                    self.send_error(404)

            def do_POST(self) -> None:
                owner._output = self.rfile.read(int(self.headers["Content-Length"]))
                self._send(b"", "text/plain")

            def _send(self, body: bytes, content_type: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Silent: a line per array would bury pytest's report."""

        return Handler
