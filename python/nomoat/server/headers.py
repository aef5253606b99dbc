"""Headers that every answer carries: who may read it (CORS, CORP) and in what kind of page it runs (COOP, COEP).

Packages are for every origin: an extension or a site elsewhere downloads them from here. Pages are cross-origin
isolated, which SharedArrayBuffer and exact timers need.
"""

from __future__ import annotations

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

READABLE_HEADERS = ["Accept-Ranges", "Content-Length", "Content-Range", "ETag"]
ALWAYS = {"Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff"}
FOR_MODELS = {"Cross-Origin-Resource-Policy": "cross-origin"}
FOR_PAGES = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Headers:
    """Adds the headers to each response. Not Starlette's BaseHTTPMiddleware, which would buffer the file streams."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path: str = scope["path"]
        extra = ALWAYS | (FOR_MODELS if path == "/models" or path.startswith("/models/") else FOR_PAGES)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in extra.items():
                    headers[name] = value
            await send(message)

        await self.app(scope, receive, send_with_headers)


def install_headers(app: FastAPI) -> None:
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "HEAD"],
        allow_headers=["Range", "If-Range", "If-None-Match"],
        expose_headers=READABLE_HEADERS,
        max_age=86400,
        # A public page may reach a server on the loopback address: what is offered is public to every origin.
        allow_private_network=True,
    )
    app.add_middleware(Headers)
