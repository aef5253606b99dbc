"""Errors in OpenAI's form: ``{"error": {message, type, param, code}}`` with the status that its clients act on.

Clients retry 408, 409, 429 and 5xx, and give up on the other 4xx: a status says whether the same request may succeed
later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse
from nomoat_compiler.errors import NomoatError

# Status and type of each code; what is not named is the server's fault.
STATUS: dict[str, tuple[int, str]] = {
    "invalid_request": (400, "invalid_request_error"),
    "not_supported": (400, "invalid_request_error"),
    "unsupported": (400, "invalid_request_error"),
    "context_overflow": (400, "invalid_request_error"),
    "not_allowed": (403, "permission_error"),
    "model_not_found": (404, "invalid_request_error"),
    "aborted": (499, "invalid_request_error"),
    "device_lost": (503, "server_error"),
    "out_of_memory": (503, "server_error"),
    "unsupported_device": (503, "server_error"),
}
# Where OpenAI has a name of its own for what happened.
CODES = {"context_overflow": "context_length_exceeded"}


class HttpError(Exception):
    """An answer that no code of the runtime stands for: who may ask, how often, how much."""

    def __init__(
        self, status: int, kind: str, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
        self.headers = dict(headers or {})


def error_body(error: NomoatError) -> dict[str, Any]:
    """The body for ``error``; ``param`` names the field where the runtime said which."""
    kind = STATUS.get(error.code, (500, "server_error"))[1]
    code = CODES.get(error.code, error.code)
    param = error.detail.get("param", error.detail.get("path"))
    return {"error": {"message": error.message, "type": kind, "param": param, "code": code}}


def error_response(error: Exception) -> JSONResponse:
    """The answer for an error of this folder or of the runtime."""
    headers = {"Cache-Control": "no-store"}
    if isinstance(error, HttpError):
        return JSONResponse(error.body, error.status, headers | error.headers)
    assert isinstance(error, NomoatError)
    status = STATUS.get(error.code, (500, "server_error"))[0]
    return JSONResponse(error_body(error), status, headers)


async def handle(_request: Request, error: Exception) -> JSONResponse:
    return error_response(error)
