"""The tokenizer's part of a package, from a Hugging Face folder.

tokenizer.json is made from the vocabulary's own format where there is none, and copied byte for byte where the files
beside it add nothing to it. The chat template is written both where it was (tokenizer_config.json) and to
chat_template.jinja. In generation_config.json ``eos_token_id`` is always a list, and every id in it stops.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tokenizers

from ..errors import NomoatError
from ..portable import indented_json
from .chat_template_files import DEFAULT_NAME, read_chat_templates, template_entry
from .generation_defaults import usable_generation_config
from .json_file import parse_json_object, read_json_object
from .special_tokens import complete_added_tokens, drop_added_tokens_past, merged_tokenizer_config, token_text
from .stop_tokens import stop_ids_of_files
from .tokenizer_content import tokenizer_json_bytes
from .vocabulary_files import read_vocabulary


def read_tokenizer_folder(folder: Path, config: Mapping[str, Any]) -> dict[str, bytes]:
    """File name to bytes; empty where the folder has no tokenizer."""
    tokenizer_config = merged_tokenizer_config(folder)
    tokenizer_json = read_vocabulary(folder, tokenizer_config)
    if tokenizer_json is None:
        return {}
    content = parse_json_object(tokenizer_json, "tokenizer.json")
    tokenizer = load_tokenizer(tokenizer_json)
    templates = read_chat_templates(folder, tokenizer_config)
    tokenizer_config.pop("chat_template", None)
    vocab_size = vocabulary_size(config)
    changed = complete_added_tokens(content, tokenizer, folder, tokenizer_config)
    if vocab_size is not None:
        content, dropped = drop_added_tokens_past(content, tokenizer, vocab_size)
        changed = changed or dropped
    if changed:
        tokenizer_json = tokenizer_json_bytes(content)
        tokenizer = load_tokenizer(tokenizer_json)
    if vocab_size is not None:
        _check_ends(tokenizer, vocab_size)

    generation_path = folder / "generation_config.json"
    generation = read_json_object(generation_path) if generation_path.is_file() else {}
    eos = token_text(tokenizer_config.get("eos_token"))
    eos_id = None if eos is None else tokenizer.token_to_id(eos)
    added = {token.content: token_id for token_id, token in tokenizer.get_added_tokens_decoder().items()}
    stop_ids = stop_ids_of_files(generation, config, eos_id, added, vocab_size)
    return tokenizer_package_files(tokenizer_json, tokenizer_config, templates, generation, stop_ids)


def tokenizer_package_files(
    tokenizer_json: bytes,
    tokenizer_config: dict[str, Any],
    templates: Mapping[str, str],
    generation: dict[str, Any],
    stop_ids: list[int],
) -> dict[str, bytes]:
    """The four files in their canonical form; generation_config.json always names the stop ids. ``templates`` is name
    to chat template."""
    files = {"tokenizer.json": tokenizer_json}
    if templates:
        tokenizer_config = tokenizer_config | {"chat_template": template_entry(templates)}
    if DEFAULT_NAME in templates:
        files["chat_template.jinja"] = templates[DEFAULT_NAME].encode("utf-8")
    files["tokenizer_config.json"] = canonical_json(tokenizer_config)
    generation = usable_generation_config(generation) | {"eos_token_id": stop_ids}
    files["generation_config.json"] = canonical_json(generation)
    return files


def load_tokenizer(tokenizer_json: bytes) -> tokenizers.Tokenizer:
    """Encodes texts whole and alone, as transformers does unasked: without the file's truncation and padding.

    ``invalid_checkpoint`` where the tokenizers library refuses the file.
    """
    try:
        tokenizer = tokenizers.Tokenizer.from_buffer(tokenizer_json)
    except Exception as error:  # The library raises bare Exception.
        raise NomoatError(
            "invalid_checkpoint", f"tokenizer.json cannot be loaded: {error}.", file="tokenizer.json"
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def canonical_json(value: dict[str, Any]) -> bytes:
    return indented_json(value, 2, sort_keys=True) + b"\n"


def vocabulary_size(config: Mapping[str, Any]) -> int | None:
    """Rows of the embedding, as config.json says; None where it does not."""
    nested = config.get("text_config")
    value = config.get("vocab_size", nested.get("vocab_size") if isinstance(nested, dict) else None)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _check_ends(tokenizer: tokenizers.Tokenizer, vocab_size: int) -> None:
    """What stands around every prompt must have a row in the embedding."""
    for token_id in tokenizer.encode("").ids:
        if token_id >= vocab_size:
            raise NomoatError(
                "invalid_checkpoint",
                f"tokenizer.json puts token {token_id} around every text, and the model has {vocab_size}.",
                token=token_id,
                vocab_size=vocab_size,
            )
