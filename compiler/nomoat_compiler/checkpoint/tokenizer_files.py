"""The tokenizer's part of a package, from a Hugging Face folder.

tokenizer.json is copied byte for byte. The chat template is written both where it was (tokenizer_config.json) and to
chat_template.jinja. In generation_config.json ``eos_token_id`` is always a list, and every id in it stops.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tokenizers

from ..errors import NomoatError
from .json_file import parse_json_object, read_json_object

MAX_TOKENIZER_BYTES = 64 << 20
MAX_TEMPLATE_BYTES = 1 << 20


def read_tokenizer_folder(folder: Path, config: Mapping[str, Any]) -> dict[str, bytes]:
    """File name to bytes; empty where the folder has no tokenizer. ``unsupported`` for tokenizer.model alone."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        if (folder / "tokenizer.model").is_file():
            raise NomoatError(
                "unsupported",
                "The folder has tokenizer.model (SentencePiece) but no tokenizer.json. Write one with transformers: "
                "AutoTokenizer.from_pretrained(folder).save_pretrained(folder).",
                file="tokenizer.model",
            )
        return {}
    read_json_object(path, max_bytes=MAX_TOKENIZER_BYTES)
    tokenizer_json = path.read_bytes()
    tokenizer = load_tokenizer(tokenizer_json)
    config_path = folder / "tokenizer_config.json"
    tokenizer_config = read_json_object(config_path, max_bytes=MAX_TOKENIZER_BYTES) if config_path.is_file() else {}
    template = _chat_template(folder, tokenizer_config)
    generation_path = folder / "generation_config.json"
    generation = read_json_object(generation_path) if generation_path.is_file() else {}
    stop_ids = _stop_ids(generation, config, tokenizer_config, tokenizer)
    return tokenizer_package_files(tokenizer_json, tokenizer_config, template, generation, stop_ids)


def tokenizer_package_files(
    tokenizer_json: bytes,
    tokenizer_config: dict[str, Any],
    template: str | None,
    generation: dict[str, Any],
    stop_ids: list[int],
) -> dict[str, bytes]:
    """The four files in their canonical form; generation_config.json always names the stop ids."""
    files = {"tokenizer.json": tokenizer_json}
    tokenizer_config = {key: value for key, value in tokenizer_config.items() if key != "chat_template"}
    if template is not None:
        tokenizer_config["chat_template"] = template
        files["chat_template.jinja"] = template.encode("utf-8")
    files["tokenizer_config.json"] = canonical_json(tokenizer_config)
    files["generation_config.json"] = canonical_json(generation | {"eos_token_id": stop_ids})
    return files


def load_tokenizer(tokenizer_json: bytes) -> tokenizers.Tokenizer:
    """``invalid_checkpoint`` where the tokenizers library refuses the file."""
    parse_json_object(tokenizer_json, "tokenizer.json")
    try:
        return tokenizers.Tokenizer.from_buffer(tokenizer_json)
    except Exception as error:  # The library raises bare Exception.
        raise NomoatError(
            "invalid_checkpoint", f"tokenizer.json cannot be loaded: {error}.", file="tokenizer.json"
        ) from error


def canonical_json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode("utf-8")


def token_text(value: object) -> str | None:
    """A token in tokenizer_config.json is its text, or an object with the text in ``content``."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else None


def _chat_template(folder: Path, tokenizer_config: Mapping[str, Any]) -> str | None:
    """chat_template.jinja where it is there (as transformers prefers it), else the one in tokenizer_config.json."""
    path = folder / "chat_template.jinja"
    if path.is_file():
        data = path.read_bytes()
        if len(data) > MAX_TEMPLATE_BYTES:
            raise NomoatError("invalid_checkpoint", f"{path.name} is larger than {MAX_TEMPLATE_BYTES} bytes.")
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise NomoatError("invalid_checkpoint", f"{path.name} is not UTF-8.", file=path.name) from error
    template = tokenizer_config.get("chat_template")
    if isinstance(template, list):  # [{"name": "default", "template": ...}, {"name": "tool_use", ...}]
        named = {entry.get("name"): entry.get("template") for entry in template if isinstance(entry, dict)}
        template = named.get("default")
    if template is not None and not isinstance(template, str):
        raise NomoatError("invalid_checkpoint", "chat_template in tokenizer_config.json is neither text nor a list.")
    return template


def _stop_ids(
    generation: Mapping[str, Any],
    config: Mapping[str, Any],
    tokenizer_config: Mapping[str, Any],
    tokenizer: tokenizers.Tokenizer,
) -> list[int]:
    """The first of generation_config.json, config.json and the tokenizer's eos_token that names one, as a list."""
    for name, source in (("generation_config.json", generation), ("config.json", config)):
        value = source.get("eos_token_id")
        if value is None:
            continue
        ids = value if isinstance(value, list) else [value]
        if not all(isinstance(i, int) and not isinstance(i, bool) and i >= 0 for i in ids):
            raise NomoatError(
                "invalid_checkpoint", f"eos_token_id in {name} is {value!r}; a token id or a list of them is needed."
            )
        return list(dict.fromkeys(ids))
    text = token_text(tokenizer_config.get("eos_token"))
    token_id = tokenizer.token_to_id(text) if text is not None else None
    return [] if token_id is None else [token_id]
