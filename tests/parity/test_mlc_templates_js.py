"""Templates made of MLC's conversation templates render in the runtime as in Jinja2. Needs Node and transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from nomoat_compiler.checkpoint.mlc_conversation import jinja_template, read_conversation

from tests.parity import text_part
from tests.parity.test_templates_js import CONVERSATIONS, SPECIAL_TOKENS, render

ROLES = {"user": "<|user|>", "assistant": "<|assistant|>"}
TEMPLATES: dict[str, dict[str, Any]] = {
    "chatml": {
        "system_template": "<|im_start|>system\n{system_message}<|im_end|>\n", "system_message": "Help.",
        "roles": {"user": "<|im_start|>user", "assistant": "<|im_start|>assistant"}, "seps": ["<|im_end|>\n"],
        "role_content_sep": "\n", "role_empty_sep": "\n",
    },
    "system before the user": {
        "system_template": "[INST] <<SYS>>\n{system_message}\n<</SYS>>\n\n ", "seps": [" ", " </s>"],
        "roles": {"user": "<s>[INST]", "assistant": "[/INST]"}, "role_content_sep": " ", "role_empty_sep": " ",
        "add_role_after_system_message": False,
    },
    "functions": {
        "system_template": "{system_message}", "roles": ROLES, "seps": ["\n", "</s>"], "role_content_sep": ": ",
        "role_templates": {"user": "<<question>> {user_message} <<function>> {function_string}"},
    },
    "escapes": {
        "system_template": "{{ '{%' }} {system_message}\\n\t\"'\r\n#}", "system_message": "it's {{ x }} \\ 日本 🙂",
        "roles": ROLES | {"user": "'u'\\"}, "seps": ["\n", "\\"], "role_templates": {"user": "{% raw %}{user_message}"},
    },
}  # fmt: skip


@pytest.mark.parametrize("name", TEMPLATES)
def test_runtime_renders_like_jinja2(tmp_path: Path, name: str) -> None:
    source = jinja_template(read_conversation(TEMPLATES[name]), prefix="<s>")
    templates = [
        {"source": source, "specialTokens": SPECIAL_TOKENS, "messages": messages} for messages in CONVERSATIONS.values()
    ]
    rendered = text_part.run(text_part.bundle(tmp_path), {"templates": templates})["rendered"]
    assert rendered == [render(source, messages) for messages in CONVERSATIONS.values()]
