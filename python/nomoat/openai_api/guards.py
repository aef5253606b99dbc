"""Who may ask /v1 and how much at once: checked before a body is read.

A page of any site can send requests to a server on the loopback address, and by DNS rebinding even read the answers.
So the name that the browser used must be one of ours, a page's origin must have been allowed, and the body must be
declared as JSON, which no page can do across origins without asking first.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nomoat.openai_api.errors import HttpError, error_response

PREFIX = "/v1"
MAX_BODY_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class Guards:
    """``hosts``: names of this server beside localhost and its addresses; ``origins``: pages that may ask, "*" for all.

    ``api_key``: what a client must send as bearer token; None: nothing.
    """

    hosts: Sequence[str] = ()
    origins: Sequence[str] = ()
    api_key: str | None = None

    def allows_origin(self, origin: str, own: str) -> bool:
        return origin == own or origin in self.origins or "*" in self.origins


def name_of(host: str) -> str:
    """The name in a Host header: without port, brackets and the final dot, in lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].rstrip(".").lower()


def is_address(name: str) -> bool:
    """Rebinding needs a name: who asks by address asks the machine that it means."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class GuardMiddleware:
    """Refuses what may not ask, and answers preflights; all other paths pass."""

    def __init__(self, app: ASGIApp, guards: Guards) -> None:
        self.app = app
        self.guards = guards

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or not (path == PREFIX or path.startswith(f"{PREFIX}/")):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        origin = request.headers.get("origin")
        # A key may be wrong in a way that only its sender should learn, so who may read the answer is settled first.
        try:
            self.check_host(request)
            self.check_origin(request, origin)
            if request.method == "OPTIONS" and origin is not None:
                await send_preflight(send, origin)
                return
            self.check_key(request)
        except HttpError as error:
            await error_response(error)(scope, receive, send)
            return

        async def send_readable(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                # Packages are for every origin, answers are not.
                del headers["Access-Control-Allow-Origin"]
                if origin is not None:
                    headers["Access-Control-Allow-Origin"] = origin
                    headers["Access-Control-Expose-Headers"] = "Retry-After"
                headers["Vary"] = "Origin"
            await send(message)

        await self.app(scope, receive, send_readable)

    def check_host(self, request: Request) -> None:
        name = name_of(request.headers.get("host", ""))
        if name != "localhost" and not is_address(name) and name not in self.guards.hosts:
            raise HttpError(
                403,
                "permission_error",
                "not_allowed",
                f"This server does not answer to the name {name!r}. Ask it as localhost, or start it with "
                f"--allow-host {name}.",
            )

    def check_origin(self, request: Request, origin: str | None) -> None:
        own = f"{request.url.scheme}://{request.headers.get('host', '')}"
        if origin is not None and not self.guards.allows_origin(origin, own):
            raise HttpError(
                403,
                "permission_error",
                "not_allowed",
                f"Pages of {origin} may not ask this server. Start it with --allow-origin {origin} to let them.",
            )

    def check_key(self, request: Request) -> None:
        key = self.guards.api_key
        if key is None:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), key.encode()):
            raise HttpError(
                401,
                "authentication_error",
                "invalid_api_key",
                "The API key is missing or wrong. Send it as: Authorization: Bearer KEY.",
                {"WWW-Authenticate": "Bearer"},
            )


async def send_preflight(send: Send, origin: str) -> None:
    headers = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": "*, Authorization",
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 204, "headers": raw})
    await send({"type": "http.response.body", "body": b""})


async def read_json(request: Request) -> dict[str, Any]:
    """The body as an object. Raises ``HttpError``: 413 past MAX_BODY_BYTES, 415 for another type, 400 for no object."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        message = f"The body must be application/json, got {kind or 'no content type'}."
        raise HttpError(415, "invalid_request_error", "unsupported_media_type", message)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            message = f"The body must have at most {MAX_BODY_BYTES} bytes."
            raise HttpError(413, "invalid_request_error", "request_too_large", message, {"Connection": "close"})
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HttpError(400, "invalid_request_error", "invalid_request", f"The body is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise HttpError(400, "invalid_request_error", "invalid_request", "The body must be a JSON object.")
    return value
