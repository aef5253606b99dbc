"""The chat template of a Hugging Face folder, from the places where transformers looks for it, in its order."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import NomoatError, NomoatWarning

MAX_TEMPLATE_BYTES = 1 << 20
DEFAULT_NAME = "default"


def read_chat_templates(folder: Path, tokenizer_config: Mapping[str, Any]) -> dict[str, str]:
    """Name to template. Where none is named default, the names are told in a warning: the package can use none."""
    named = _files(folder) or _named(tokenizer_config.get("chat_template"))
    if named and DEFAULT_NAME not in named:
        warnings.warn(
            f"The checkpoint has chat templates named {', '.join(sorted(named))[:300]}, but none named {DEFAULT_NAME}; "
            "the package gets none unless --chat-template chooses one.",
            NomoatWarning,
            stacklevel=2,
        )
    return {name: with_unix_newlines(template) for name, template in named.items()}


def with_unix_newlines(template: str) -> str:
    """Jinja2 splits a template at every kind of line end and joins it with line feeds before it reads it."""
    return re.sub(r"\r\n|\r", "\n", template)


def _files(folder: Path) -> dict[str, str]:
    """chat_template.jinja is the default one, and additional_chat_templates/NAME.jinja the one called NAME."""
    files = {path.stem: path for path in sorted((folder / "additional_chat_templates").glob("*.jinja"))}
    if (folder / "chat_template.jinja").is_file():
        files[DEFAULT_NAME] = folder / "chat_template.jinja"
    return {name: _read(path) for name, path in files.items()}


def _read(path: Path) -> str:
    if path.stat().st_size > MAX_TEMPLATE_BYTES:
        raise NomoatError("invalid_checkpoint", f"{path.name} is larger than {MAX_TEMPLATE_BYTES} bytes.")
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise NomoatError("invalid_checkpoint", f"{path.name} is not UTF-8.", file=path.name) from error


def _named(value: object) -> dict[str, str]:
    """One template, a list of {"name", "template"}, or an object of name to template."""
    if value is None:
        return {}
    if isinstance(value, str):
        return {DEFAULT_NAME: value}
    if isinstance(value, list) and all(isinstance(entry, dict) for entry in value):
        value = {entry.get("name"): entry.get("template") for entry in value}
    if isinstance(value, dict) and all(isinstance(k, str) and isinstance(v, str) for k, v in value.items()):
        return value
    raise NomoatError(
        "invalid_checkpoint",
        "chat_template in tokenizer_config.json is neither text nor a list of named templates.",
    )
