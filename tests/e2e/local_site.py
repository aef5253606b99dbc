"""A small HTTP server for tests: the pages of tests/e2e/pages, and package folders, with what each test needs to know.

One server is two origins (127.0.0.1 and localhost), which browsers keep apart as two sites.
"""

from __future__ import annotations

import mimetypes
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

PAGES = Path(__file__).parent / "pages"
STRICT_CSP = "default-src 'none'; script-src 'self'; base-uri 'none'; require-trusted-types-for 'script'"


class LocalSite:
    """Serves ``folder`` on a free port. Below /strict/ the same files come with a strict Content-Security-Policy,
    below /no-model/ with a Permissions-Policy that denies language models."""

    def __init__(self, folder: Path, *, for_all_origins: bool = False) -> None:
        self.requested: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = self.path.split("?")[0]
                site.requested.append(path)
                headers = {"Cache-Control": "no-store"}
                if for_all_origins:
                    headers |= {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
                if path.startswith("/strict/"):
                    path = path.removeprefix("/strict")
                    headers["Content-Security-Policy"] = STRICT_CSP
                if path.startswith("/no-model/"):
                    path = path.removeprefix("/no-model")
                    headers["Permissions-Policy"] = "language-model=()"
                file = folder / path.lstrip("/")
                found = file.is_file()
                body = file.read_bytes() if found else b"not found"
                headers["Content-Type"] = mimetypes.guess_type(path)[0] or "application/octet-stream"
                headers["Content-Length"] = str(len(body))
                self.send_response(200 if found else 404)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                """Silent: what was requested is in ``requested``."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def other_origin(self) -> str:
        """The same files as another site."""
        return f"http://localhost:{self.port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
