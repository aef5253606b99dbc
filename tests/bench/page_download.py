"""How much code a page that uses the runtime downloads: built by Vite, run in Chromium, counted at the server.

    python -m tests.bench.page_download PACKAGE_FOLDER

Prints JSON. The page loads the package and generates, so lazy chunks count where they are needed, and only there.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from nomoat.browser import Adapter, find_chromium
from nomoat.browser.local_site import local_site
from nomoat.browser.runner import headless_browser
from nomoat.server import create_app
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.limits import PROCESS_S

ROOT = Path(__file__).parents[2]
PAGE = Path(__file__).parent / "smallest_page"
LIMIT_BYTES = 95_000  # of JavaScript
KERNELS_LIMIT_BYTES = 200_000  # of WebAssembly: the kernels of the CPU, where they are used


class Recorder:
    """Notes the paths that were asked for."""

    def __init__(self, app: ASGIApp, requested: set[str]) -> None:
        self.app = app
        self.requested = requested

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.requested.add(scope["path"])
        await self.app(scope, receive, send)


def page_download(package: Path) -> dict[str, Any]:
    """{"gzip_bytes", "limit_bytes", "kernels_gzip_bytes", "kernels_limit_bytes", "files": {name: gzip bytes}, "text"}.

    gzip at level 9, as static hosts do. The browser has no GPU, so the page runs on the CPU.
    """
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder)
        command = ["npx", "vite", "build", str(PAGE), "--outDir", str(built), "--emptyOutDir", "--logLevel", "error"]
        subprocess.run(command, cwd=ROOT, check=True, timeout=PROCESS_S)
        requested: set[str] = set()
        packages = create_app([package])
        page_site = Starlette(
            routes=[Mount("/", StaticFiles(directory=built, html=True))],
            middleware=[Middleware(Recorder, requested=requested)],
        )
        with (
            local_site(packages) as server,
            local_site(page_site) as site,
            headless_browser(find_chromium(), Adapter.SOFTWARE) as browser,
        ):
            page = browser.new_page()
            page.goto(site)
            model_id = next(iter(packages.state.packages))
            text = page.evaluate("(url) => window.answer(url, 'Hello')", f"{server}/models/{model_id}/")
        scripts = sorted(path for path in requested if path.endswith((".js", ".wasm")))
        files = {path.rsplit("/", 1)[-1]: len(gzip.compress((built / path[1:]).read_bytes(), 9)) for path in scripts}
    kernels = sum(nbytes for name, nbytes in files.items() if name.endswith(".wasm"))
    return {
        "gzip_bytes": sum(files.values()) - kernels,
        "limit_bytes": LIMIT_BYTES,
        "kernels_gzip_bytes": kernels,
        "kernels_limit_bytes": KERNELS_LIMIT_BYTES,
        "files": files,
        "text": text,
    }


if __name__ == "__main__":
    print(json.dumps(page_download(Path(sys.argv[1])), indent=2))
