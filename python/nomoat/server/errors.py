"""Errors as answers: JSON {code, message, detail}, whatever went wrong."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from nomoat_compiler.errors import Detail, ErrorCode, NomoatError
from starlette.exceptions import HTTPException


class ApiError(NomoatError):
    """A ``NomoatError`` that knows its HTTP status."""

    def __init__(self, status: int, code: ErrorCode, message: str, **detail: Detail) -> None:
        super().__init__(code, message, **detail)
        self.status = status


def install_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(ApiError)
    def api_error(_request: Request, error: ApiError) -> JSONResponse:
        return JSONResponse(error.to_wire(), status_code=error.status, headers={"Cache-Control": "no-store"})

    @app.exception_handler(HTTPException)
    def http_error(request: Request, error: HTTPException) -> JSONResponse:
        message = f"{request.method} {request.url.path}: {error.detail}. Served here: /, /models, /models/ID/FILE."
        wire = NomoatError("invalid_request", message).to_wire()
        headers = {**(error.headers or {}), "Cache-Control": "no-store"}
        return JSONResponse(wire, status_code=error.status_code, headers=headers)

    @app.exception_handler(Exception)
    def internal_error(request: Request, error: Exception) -> JSONResponse:
        message = f"The server failed on {request.url.path} ({type(error).__name__}). Its log has the cause."
        return JSONResponse(NomoatError("internal", message).to_wire(), status_code=500)
