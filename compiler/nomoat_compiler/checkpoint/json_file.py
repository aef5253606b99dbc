"""Reads JSON that strangers wrote: bounded in size, standard JSON only, and an object at the top."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import ErrorCode, NomoatError

MAX_JSON_BYTES = 256 << 20


def read_json_object(
    path: Path, code: ErrorCode = "invalid_checkpoint", max_bytes: int = MAX_JSON_BYTES
) -> dict[str, Any]:
    """The object in ``path``; ``code`` where it is missing, too big, not JSON or not an object."""
    try:
        if path.stat().st_size > max_bytes:
            raise NomoatError(code, f"{path.name} is larger than {max_bytes} bytes.", file=path.name)
        return parse_json_object(path.read_bytes(), path.name, code)
    except OSError as error:
        raise NomoatError(code, f"{path.name} cannot be read: {error.strerror}.", file=path.name) from error


def parse_json_object(data: bytes, name: str, code: ErrorCode = "invalid_checkpoint") -> dict[str, Any]:
    """The object that ``data`` (UTF-8) holds; ``name`` is only for the message."""
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise NomoatError(code, f"{name} is not valid JSON: {error}.", file=name) from error
    if not isinstance(value, dict):
        raise NomoatError(code, f"{name} must hold a JSON object, not {type(value).__name__}.", file=name)
    return value


def _refuse_constant(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")
