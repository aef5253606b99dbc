"""The tokenizer's part of a package, from an MLC folder: its tokenizer files, and what mlc-chat-config.json says.

MLC builds prompts from ``conv_template``, whatever template tokenizer_config.json has, so that one is what counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tokenizers

from ..errors import NomoatError
from .chat_template_files import DEFAULT_NAME, named_templates
from .mlc_conversation import jinja_template, read_conversation
from .tokenizer_files import load_tokenizer, read_tokenizer_folder, tokenizer_package_files

# mlc-chat-config.json -> generation_config.json, where MLC's neutral value is not what a file says.
SAMPLING = ("temperature", "top_p", "repetition_penalty")


def tokenizer_files_of_mlc(folder: Path, mlc: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, bytes]:
    """File name to bytes; errors: those of the tokenizer's files, and ``invalid_checkpoint`` for ``conv_template``."""
    files = read_tokenizer_folder(folder, config)
    if "tokenizer.json" not in files:
        return files
    tokenizer_config = json.loads(files["tokenizer_config.json"])
    generation = json.loads(files["generation_config.json"])
    stop_ids = list(generation.get("eos_token_id") or [])
    templates = named_templates(tokenizer_config.pop("chat_template", None))
    generation |= {name: mlc[name] for name in SAMPLING if isinstance(mlc.get(name), int | float)}
    if mlc.get("conv_template") is not None:
        conversation = read_conversation(mlc["conv_template"])
        tokenizer = load_tokenizer(files["tokenizer.json"])
        prefix = "".join(_token(tokenizer, token_id) for token_id in conversation.system_prefix_token_ids)
        templates = {DEFAULT_NAME: jinja_template(conversation, prefix)}
        # A stop string that is one token stops as its id; the runtime ends at the others as mlc-llm does.
        ids = [token_id for text in conversation.stop_strings if (token_id := tokenizer.token_to_id(text)) is not None]
        stop_ids = list(dict.fromkeys([*stop_ids, *conversation.stop_token_ids, *ids]))
        if conversation.stop_strings:
            generation["stop_strings"] = list(conversation.stop_strings)
    return tokenizer_package_files(files["tokenizer.json"], tokenizer_config, templates, generation, stop_ids)


def _token(tokenizer: tokenizers.Tokenizer, token_id: int) -> str:
    token: str | None = tokenizer.id_to_token(token_id) if token_id >= 0 else None
    if token is None:
        raise NomoatError(
            "invalid_checkpoint",
            f"mlc-chat-config.json: conv_template begins with token {token_id}, which tokenizer.json does not have.",
            token=token_id,
        )
    return token
