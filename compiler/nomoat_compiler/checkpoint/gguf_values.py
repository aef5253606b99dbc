"""Typed reads of GGUF metadata: a key holds what is expected of it, or the file is ``invalid_checkpoint``."""

from __future__ import annotations

import math
from typing import Any

from ..errors import NomoatError
from ..portable import number_kind, number_list

MAX_INTEGER = (1 << 31) - 1


def text(metadata: dict[str, Any], key: str, default: str | None = None) -> str | None:
    value = metadata.get(key, default)
    if value is not None and not isinstance(value, str):
        raise _wrong(key, value, "text")
    return value


def flag(metadata: dict[str, Any], key: str, default: bool) -> bool:
    value = metadata.get(key, default)
    if not isinstance(value, bool):
        raise _wrong(key, value, "true or false")
    return value


def integer(metadata: dict[str, Any], key: str, default: int | None = None, minimum: int = 1) -> int:
    """A count; some keys may be an array with one entry per layer, which must then all be equal."""
    value = metadata.get(key, default)
    if number_kind(value) is not None:
        values = set(number_list(value))
        value = values.pop() if len(values) == 1 else None
        if value is None:
            raise NomoatError("unsupported", f"{key} differs between layers, which Llama does not have.", key=key)
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= MAX_INTEGER:
        raise _wrong(key, value, f"an integer of at least {minimum}")
    return value


def number(metadata: dict[str, Any], key: str, default: float | None = None) -> float:
    """A positive number."""
    value = metadata.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        raise _wrong(key, value, "a positive number")
    return float(value)


def _wrong(key: str, value: object, expected: str) -> NomoatError:
    return NomoatError(
        "invalid_checkpoint", f"The GGUF metadata {key} is {str(value)[:100]!r}; {expected} is needed.", key=key
    )
