"""Reads JSON that strangers wrote: bounded in size, standard JSON only, and an object or a list at the top."""

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
    return parse_json_object(_read(path, code, max_bytes), path.name, code)


def read_json_list(
    path: Path, code: ErrorCode = "invalid_checkpoint", max_bytes: int = MAX_JSON_BYTES
) -> list[dict[str, Any]]:
    """The objects of the list in ``path``; errors as of ``read_json_object``."""
    value = _parse(_read(path, code, max_bytes), path.name, code)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise NomoatError(code, f"{path.name} must hold a JSON list of objects.", file=path.name)
    return value


def parse_json_object(data: bytes, name: str, code: ErrorCode = "invalid_checkpoint") -> dict[str, Any]:
    """The object that ``data`` (UTF-8) holds; ``name`` is only for the message."""
    value = _parse(data, name, code)
    if not isinstance(value, dict):
        raise NomoatError(code, f"{name} must hold a JSON object, not {type(value).__name__}.", file=name)
    return value


def _read(path: Path, code: ErrorCode, max_bytes: int) -> bytes:
    try:
        if path.stat().st_size > max_bytes:
            raise NomoatError(code, f"{path.name} is larger than {max_bytes} bytes.", file=path.name)
        return path.read_bytes()
    except OSError as error:
        raise NomoatError(code, f"{path.name} cannot be read: {error.strerror}.", file=path.name) from error


def _parse(data: bytes, name: str, code: ErrorCode) -> Any:
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise NomoatError(code, f"{name} is not valid JSON: {error}.", file=name) from error


def _refuse_constant(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")
