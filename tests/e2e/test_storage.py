"""Packages in the browser's own storage: install, closed page, resume by Range, reload without network, remove.

Needs Chromium, Node and the npm packages.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

import pytest
from nomoat.browser import find_chromium
from playwright.sync_api import BrowserContext, Page, sync_playwright

from tests.limits import PROCESS_S, WAIT_MS, WAIT_S

PAGE = Path(__file__).parent / "storage_page"
Where = Literal["page", "worker"]
BIG = "weights/params_shard_1.bin"
PACKAGE_ID = "tiny-storage"


@dataclass
class Host:
    """A host of one package and of the test's page. It can stall in the middle of a file, and go offline."""

    files: dict[str, bytes]
    static: Path
    stall_after: dict[str, int] = field(default_factory=dict)
    offline: bool = False
    damage: set[str] = field(default_factory=set)
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def start(self) -> ThreadingHTTPServer:
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path.startswith("/package/"):
                    host.serve_package(self, self.path.removeprefix("/package/"))
                    return
                if self.path == "/":
                    host.send(self, 200, b"<!doctype html><script type=module src=/page.js></script>", "text/html")
                    return
                file = host.static / self.path.lstrip("/")
                if file.is_file():
                    host.send(self, 200, file.read_bytes(), "text/javascript")
                else:
                    host.send(self, 404, b"", "text/plain")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
                """Silent."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def serve_package(self, handler: BaseHTTPRequestHandler, path: str) -> None:
        wanted = handler.headers.get("Range")
        self.requests.append((path, wanted))
        if self.offline:
            handler.close_connection = True
            handler.connection.close()
            return
        body = self.files.get(path)
        if body is None:
            self.send(handler, 404, b"", "text/plain")
            return
        if path in self.damage:
            body = bytes([body[0] ^ 1]) + body[1:]
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        part = body[start:]
        handler.send_response(206 if wanted else 200)
        handler.send_header("Content-Length", str(len(part)))
        if wanted:
            handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        handler.end_headers()
        stop = self.stall_after.get(path)
        handler.wfile.write(part if stop is None else part[:stop])
        if stop is not None:
            handler.wfile.flush()
            self.release.wait(WAIT_S)
            handler.close_connection = True

    @staticmethod
    def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, content_type: str) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/package/"

    def ranges(self, path: str) -> list[str | None]:
        return [wanted for requested, wanted in self.requests if requested == path]


def package() -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Files of a package with two shards, and the bytes of its parameters."""
    rng = random.Random(1)
    parameters = {"a": rng.randbytes(70_000), "b": rng.randbytes(30_002), "c": rng.randbytes(6_000_000)}
    shards = [["a", "b"], ["c"]]
    files: dict[str, bytes] = {"program/program.json": b'{"plan": 1}'}
    records = []
    for index, names in enumerate(shards):
        entries, offset = [], 0
        for name in names:
            nbytes = len(parameters[name])
            entries.append(
                {"name": name, "shape": [nbytes // 2], "dtype": "float16", "format": "raw", "nbytes": nbytes}
                | {"byteOffset": offset}
            )
            offset += nbytes
        files[f"weights/params_shard_{index}.bin"] = b"".join(parameters[name] for name in names)
        records.append(
            {"dataPath": f"params_shard_{index}.bin", "format": "raw-shard", "nbytes": offset, "records": entries}
        )
    files["weights/tensor-cache.json"] = json.dumps({"metadata": {}, "records": records}).encode()
    manifest: dict[str, Any] = {
        "format": "nomoat-package",
        "version": 1,
        "id": PACKAGE_ID,
        "name": "Tiny",
        "architecture": "LlamaForCausalLM",
        "quantization": "q0f16",
        "context_length": 16,
        "parameter_count": 100,
        "license": None,
        "provenance": {"source": "made-up", "source_format": "config", "compiler": "0", "tvm": "0"},
        "program": "program/program.json",
        "weights": "weights/tensor-cache.json",
        "tokenizer": dict.fromkeys(["tokenizer", "tokenizer_config", "chat_template", "generation_config"]),
        "files": [
            {"path": path, "nbytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
            for path, body in sorted(files.items())
        ],
    }
    files["nomoat.json"] = json.dumps(manifest).encode()
    return files, parameters


def checksum(data: bytes) -> int:
    total = 0
    for byte in data:
        total = (total * 31 + byte) % 1_000_003
    return total


@pytest.fixture(scope="module")
def static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("storage_page")
    node = shutil.which("node")
    assert node is not None
    subprocess.run([node, PAGE / "bundle.mjs", folder], check=True, timeout=PROCESS_S, cwd=PAGE.parents[2])
    return folder


@pytest.fixture
def host(static: Path) -> Iterator[Host]:
    files, _ = package()
    host = Host(files, static)
    server = host.start()
    yield host
    host.release.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[BrowserContext]:
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=find_chromium(), args=["--no-sandbox"], timeout=WAIT_MS
        )
        context.set_default_timeout(WAIT_MS)
        yield context
        context.close()


def opened(browser: BrowserContext, host: Host) -> Page:
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{host.port}/")
    page.wait_for_function("'callStore' in globalThis")
    return page


def call(page: Page, where: Where, method: str, argument: str = "") -> Any:
    return page.evaluate("([where, method, argument]) => callStore(where, method, argument)", [where, method, argument])


def wait_for_stored(page: Page, path: str, nbytes: int) -> None:
    """Until the file has `nbytes` bytes in the origin private file system."""
    size = """async path => {
        const parts = path.split('/');
        try {
            let folder = await navigator.storage.getDirectory();
            for (const part of parts.slice(0, -1)) folder = await folder.getDirectoryHandle(part);
            return (await (await folder.getFileHandle(parts.at(-1))).getFile()).size;
        } catch { return -1 }
    }"""
    deadline = time.monotonic() + WAIT_S
    while page.evaluate(size, path) < nbytes:
        assert time.monotonic() < deadline, f"{path} did not get {nbytes} bytes"
        page.wait_for_timeout(100)


def whole_weights() -> dict[str, Any]:
    _, parameters = package()
    return {
        "sums": {name: checksum(data) for name, data in parameters.items()},
        "sizes": {name: len(data) for name, data in parameters.items()},
    }


@pytest.mark.browser
def test_a_closed_page_resumes_where_it_was(browser: BrowserContext, host: Host) -> None:
    host.stall_after[BIG] = 2_000_000
    page = opened(browser, host)
    page.evaluate("url => { void callStore('worker', 'install', url) }", host.url)
    wait_for_stored(page, f"nomoat/packages/{PACKAGE_ID}/files/{BIG}", 2_000_000)
    page.close()

    page = opened(browser, host)
    assert call(page, "worker", "installed") == [[PACKAGE_ID, "downloading"]]
    assert call(page, "worker", "weights", PACKAGE_ID)["error"] == "model_not_found"
    host.stall_after.clear()
    host.requests.clear()
    assert call(page, "worker", "install", host.url) == PACKAGE_ID
    assert host.ranges(BIG) == ["bytes=2000000-"]
    assert call(page, "worker", "weights", PACKAGE_ID) == whole_weights()


@pytest.mark.browser
@pytest.mark.parametrize("where", ["worker", "page"])
def test_installed_packages_survive_reload_and_need_no_network(
    browser: BrowserContext, host: Host, where: Where
) -> None:
    page = opened(browser, host)
    assert call(page, where, "install", host.url) == PACKAGE_ID
    page.reload()
    page.wait_for_function("'callStore' in globalThis")
    host.offline = True
    host.requests.clear()
    assert call(page, where, "installed") == [[PACKAGE_ID, "ready"]]
    assert call(page, where, "weights", PACKAGE_ID) == whole_weights()
    assert call(page, where, "program", PACKAGE_ID) == {"plan": 1}
    assert host.requests == []
    assert call(page, where, "remove", PACKAGE_ID) is None
    assert call(page, where, "installed") == []
    assert call(page, where, "weights", PACKAGE_ID)["error"] == "model_not_found"


@pytest.mark.browser
@pytest.mark.parametrize("where", ["worker", "page"])
def test_a_damaged_shard_is_refused_and_fetched_again(browser: BrowserContext, host: Host, where: Where) -> None:
    host.damage.add(BIG)
    page = opened(browser, host)
    assert call(page, where, "install", host.url)["error"] == "integrity"
    assert call(page, where, "installed") == [[PACKAGE_ID, "error"]]
    host.damage.clear()
    assert call(page, where, "install", host.url) == PACKAGE_ID
    assert host.ranges(BIG) == [None, None]
    assert call(page, where, "weights", PACKAGE_ID) == whole_weights()


@pytest.mark.browser
def test_two_pages_install_once(browser: BrowserContext, host: Host) -> None:
    """The origin's locks make the second wait for the first."""
    pages = [opened(browser, host) for _ in range(2)]
    for page in pages:
        page.evaluate("url => { globalThis.done = callStore('worker', 'install', url) }", host.url)
    assert [page.evaluate("globalThis.done") for page in pages] == [PACKAGE_ID, PACKAGE_ID]
    assert host.ranges(BIG) == [None]
    assert [call(page, "worker", "weights", PACKAGE_ID) for page in pages] == [whole_weights()] * 2
