"""A site for pages that use the packages: files of several folders, with the headers that a test asks for.

The first part of a path is the name of what a response's headers are: /CONFIGURATION/PATH. So one server has the same
files under each policy, and a worker gets its own policy from the response of its script, as in life.
"""

from __future__ import annotations

import mimetypes
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

ISOLATED = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}


class Site:
    """``mounts``: first part of a path below the configuration -> folder. ``headers``: configuration -> headers."""

    def __init__(self, mounts: dict[str, Path], headers: dict[str, dict[str, str]]) -> None:
        self.mounts = mounts
        self.headers = headers
        self.requested: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = self.path.split("?")[0]
                site.requested.append(path)
                configuration, _, rest = path.removeprefix("/").partition("/")
                file = site.file(rest)
                body = file.read_bytes() if file else b"not found"
                self.send_response(200 if file else 404)
                kind = (
                    "text/javascript"
                    if file and file.suffix in (".js", ".mjs")
                    else mimetypes.guess_type(file or "")[0]
                )
                self.send_header("Content-Type", kind or "application/octet-stream")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-store")
                for name, value in site.headers.get(configuration, {}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                """Silent: what was requested is in ``requested``."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def file(self, path: str) -> Path | None:
        mount, _, rest = path.partition("/")
        if mount not in self.mounts or ".." in rest.split("/"):
            return None
        file = self.mounts[mount] / rest
        file = file / "index.html" if file.is_dir() else file
        return file if file.is_file() else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
