"""The site that the pages come from: isolated across origins, because WebAssembly threads need that."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import FileResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.bench.side_by_side.install import NODE_MODULES, ONNX_MODELS, OUR_PAGE, PEERS

GGUF_PATH = "/model.gguf"
HEADERS = [
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-embedder-policy", b"require-corp"),
    (b"cross-origin-resource-policy", b"same-origin"),
    # Every load downloads: what a browser keeps of its own accord would favour whoever came last.
    (b"cache-control", b"no-store"),
]


class Isolated:
    """Adds HEADERS to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *HEADERS]}
            await send(message)

        await self.app(scope, receive, send_with_headers)


def peer_site(gguf: Path, package: Path | None) -> Starlette:
    """``/peers`` the pages, ``/onnx`` transformers.js's models, ``/nomoat`` our page and ``/package`` our model."""
    routes: list[Route | Mount] = [
        Route(GGUF_PATH, lambda _request: FileResponse(gguf), methods=["GET", "HEAD"]),
        Mount("/peers/node_modules", StaticFiles(directory=NODE_MODULES, check_dir=False)),
        Mount("/peers", StaticFiles(directory=PEERS)),
        Mount("/onnx", StaticFiles(directory=ONNX_MODELS, check_dir=False)),
        Mount("/nomoat", StaticFiles(directory=OUR_PAGE, html=True, check_dir=False)),
    ]
    if package is not None:
        routes.append(Mount("/package", StaticFiles(directory=package)))
    return Starlette(routes=routes, middleware=[Middleware(Isolated)])
