"""The chat templates of a Hugging Face folder, from the places where transformers looks for them, in its order.

A package has the one named default as chat_template.jinja. In tokenizer_config.json stand all of them, as transformers
reads it: --chat-template chooses among those, and the runtime names them where it misses a default one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import NomoatError

MAX_TEMPLATE_BYTES = 1 << 20
DEFAULT_NAME = "default"


def read_chat_templates(folder: Path, tokenizer_config: Mapping[str, Any]) -> dict[str, str]:
    """Name to template."""
    named = _files(folder) or named_templates(tokenizer_config.get("chat_template"))
    return {name: with_unix_newlines(template) for name, template in named.items()}


def named_templates(value: object) -> dict[str, str]:
    """``chat_template`` of tokenizer_config.json: one template, a list of {"name", "template"}, or an object of name
    to template."""
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


def template_entry(templates: Mapping[str, str]) -> str | list[dict[str, str]]:
    """``chat_template`` of tokenizer_config.json that names these."""
    if list(templates) == [DEFAULT_NAME]:
        return templates[DEFAULT_NAME]
    return [{"name": name, "template": template} for name, template in sorted(templates.items())]


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
