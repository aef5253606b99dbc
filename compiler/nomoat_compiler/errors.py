"""The one error class of the Python side and its closed list of codes.

The codes that the browser can also meet are those of ``runtime/src/internal/errors.ts``; the last three can only
happen while compiling. The message says what failed, what was found, what was expected and what to do.
"""

from __future__ import annotations

from typing import Literal, get_args

ErrorCode = Literal[
    "unsupported_device",
    "out_of_memory",
    "device_lost",
    "numeric_error",
    "invalid_package",
    "integrity",
    "network",
    "storage_quota",
    "context_overflow",
    "invalid_request",
    "not_supported",
    "aborted",
    "not_allowed",
    "model_not_found",
    "internal",
    "unknown_architecture",
    "invalid_checkpoint",
    "unsupported",
]
ERROR_CODES: tuple[str, ...] = get_args(ErrorCode)
Detail = str | int | float | bool | None


class NomoatError(Exception):
    """A failure with a ``code`` from the closed list, a message for people and a machine-readable ``detail``."""

    def __init__(self, code: ErrorCode, message: str, **detail: Detail) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.detail = detail

    def to_wire(self) -> dict[str, object]:
        """The form in which the error crosses HTTP and ``--json``: {code, message, detail}."""
        return {"code": self.code, "message": self.message, "detail": self.detail}


class NomoatWarning(UserWarning):
    """What a compile put right or left out, and why; the package works, but not all of the checkpoint is in it."""
