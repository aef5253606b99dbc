"""An MLC conversation template renders in Jinja what mlc-llm renders. Needs Jinja2.

Oracle: ``as_prompt`` below, mlc-llm's rules written down from their description. The templates are rendered with the
environment that transformers uses.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mlc_folders import CHATML, chat_config, records, stacks, write
from nomoat_compiler.checkpoint.mlc_conversation import jinja_template, read_conversation
from nomoat_compiler.checkpoint.open import open_checkpoint
from nomoat_compiler.errors import NomoatError
from tiny_checkpoints import bytes_to_unicode, config, weights
from transformers.utils.chat_template_utils import _compile_jinja_template

Message = dict[str, Any]
TEMPLATES: dict[str, dict[str, Any]] = {
    "chatml": CHATML,
    "llama-3": {
        "system_template": "<|start_header_id|>system<|end_header_id|>\n\n{system_message}<|eot_id|>",
        "system_message": "You are a helpful, respectful and honest assistant.",
        "roles": {"user": "<|start_header_id|>user", "assistant": "<|start_header_id|>assistant", "tool": "<|x|>"},
        "seps": ["<|eot_id|>"], "role_content_sep": "<|end_header_id|>\n\n", "role_empty_sep": "<|end_header_id|>\n\n",
        "stop_token_ids": [2, 3], "system_prefix_token_ids": [1],
    },
    "llama-2": {
        "system_template": "[INST] <<SYS>>\n{system_message}\n<</SYS>>\n\n ", "system_message": "",
        "roles": {"user": "<s>[INST]", "assistant": "[/INST]", "tool": "[INST]"}, "seps": [" ", " </s>"],
        "role_content_sep": " ", "role_empty_sep": " ", "add_role_after_system_message": False,
    },
    "mistral, system before the user": {
        "system_template": "[INST] {system_message}", "system_message": "Always assist with care.",
        "roles": {"user": "[INST]", "assistant": "[/INST]"}, "seps": [" "], "role_content_sep": " ",
        "role_empty_sep": "", "add_role_after_system_message": False,
    },
    "no system": {
        "system_template": "{system_message}", "roles": {"user": "Human", "assistant": "Bot"}, "seps": ["\n\n"],
        "role_content_sep": ": ", "role_empty_sep": ":", "add_role_after_system_message": False,
    },
    "gorilla": {
        "system_template": "{system_message}", "system_message": "A chat.",
        "roles": {"user": "USER", "assistant": "ASSISTANT", "tool": "USER"},
        "role_templates": {"user": "<<question>> {user_message} <<function>> {function_string}"},
        "seps": ["\n", "</s>"], "role_content_sep": ": ", "role_empty_sep": ":",
    },
    "functions in the system, twice": {
        "system_template": "Old {function_string} new {function_string}. {system_message} {system_message}",
        "system_message": "S", "roles": {"user": "U", "assistant": "A"}, "seps": ["|"], "role_content_sep": ">",
    },
    "characters that Jinja and Python escape": {
        "system_template": "{{ '{%' }} {system_message}\\n\t\"'\r\n#}", "system_message": "it's {{ x }} \\ 日本",
        "roles": {"user": "'u'\\", "assistant": "\"a\"{# no comment #}"}, "seps": ["\n", "\\"],
        "role_templates": {"user": "{% raw %}{user_message}{user_message}"}, "role_content_sep": "\n",
    },
}  # fmt: skip
USER, ANSWER = {"role": "user", "content": "hi 'there'\n {{ }}"}, {"role": "assistant", "content": "yes {user_message}"}
SYSTEM = {"role": "system", "content": "Be brief."}
PARTS = {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": " two"}]}
CONVERSATIONS: dict[str, list[Message]] = {
    "one turn": [USER],
    "system": [SYSTEM, USER],
    "empty system": [{"role": "system", "content": ""}, USER],
    "two systems, the second late": [SYSTEM, USER, {"role": "system", "content": "Be long."}, ANSWER, USER],
    "three turns": [SYSTEM, USER, ANSWER, USER, ANSWER, USER],
    "parts": [PARTS, ANSWER, PARTS],
    "an answer without content": [USER, {"role": "assistant", "content": None}, USER],
    "empty content": [{"role": "user", "content": ""}, {"role": "assistant", "content": ""}, USER],
    "tool": [USER, ANSWER, {"role": "tool", "content": "42"}],
}
TOOLS = [
    {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}},
    {"type": "function", "function": {"name": "g", "description": None, "parameters": {"a": [1, True, "x"]}}},
]


def as_prompt(template: dict[str, Any], messages: list[Message], tools: list[Any] | None) -> str:
    """What mlc-llm's engine makes of a request, as text; the ids of system_prefix_token_ids stand before it."""
    system = template.get("system_message") or ""
    turns: list[tuple[str, Any]] = []
    for message in messages:
        if message["role"] == "system":
            system = message["content"]
        else:
            turns.append((message["role"], message["content"]))
    turns.append(("assistant", None))
    seps = template["seps"] if len(template["seps"]) == 2 else template["seps"] * 2
    role_templates = {role: "{" + role + "_message}" for role in ("user", "assistant", "tool")}
    role_templates |= template.get("role_templates") or {}
    roles, content_sep = template["roles"], template.get("role_content_sep", "")
    prompt = system = template["system_template"].replace("{system_message}", system)
    for i, (role, content) in enumerate(turns):
        if content is None:
            prompt += roles[role] + template.get("role_empty_sep", "")
            continue
        if template.get("add_role_after_system_message", True) or system == "" or i > 0:
            prompt += roles[role] + content_sep
        for text in [content] if isinstance(content, str) else [item["text"] for item in content]:
            prompt += role_templates[role].replace("{" + role + "_message}", text)
        prompt += seps[role == "assistant"]
    functions = "" if tools is None else json.dumps([_function(tool["function"]) for tool in tools])
    return functions.join(prompt.rsplit("{function_string}", 1)).replace("{function_string}", "")


def _function(tool: dict[str, Any]) -> dict[str, Any]:
    return {key: tool[key] for key in ("description", "name", "parameters")}


@pytest.mark.parametrize("tools", [None, TOOLS], ids=["without tools", "tools"])
@pytest.mark.parametrize("conversation", CONVERSATIONS)
@pytest.mark.parametrize("name", TEMPLATES)
def test_prompt_is_the_same(name: str, conversation: str, tools: list[Any] | None) -> None:
    template, messages = TEMPLATES[name], CONVERSATIONS[conversation]
    if any(message["role"] not in {"system", *template["roles"]} for message in messages):
        pytest.skip("mlc-llm refuses a role that the template does not name")
    jinja = _compile_jinja_template(jinja_template(read_conversation(template), prefix=""))
    rendered = jinja.render(messages=messages, tools=tools, add_generation_prompt=True)
    assert rendered == as_prompt(template, messages, tools)


def test_a_role_that_is_not_named_is_refused() -> None:
    jinja = _compile_jinja_template(jinja_template(read_conversation(TEMPLATES["chatml"]), prefix=""))
    with pytest.raises(Exception, match="role tool is not supported"):
        jinja.render(messages=CONVERSATIONS["tool"], add_generation_prompt=True)


def test_without_generation_prompt_the_answer_is_not_opened() -> None:
    jinja = _compile_jinja_template(jinja_template(read_conversation(TEMPLATES["chatml"]), prefix="<s>"))
    rendered = jinja.render(messages=[SYSTEM, {"role": "user", "content": "hi"}], add_generation_prompt=False)
    assert rendered == "<s><|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n"


BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


def write_tokenizer(folder: Path, vocab_size: int) -> None:
    tokens = ["<unk>", "<s>", "</s>", "<|im_end|>", *bytes_to_unicode().values()]
    tokens += [f"<unused{i}>" for i in range(vocab_size - len(tokens))]
    added = [
        {"id": i, "content": tokens[i], "special": True, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False}
        for i in range(4)
    ]  # fmt: skip
    model = {"type": "BPE", "vocab": {token: i for i, token in enumerate(tokens)}, "merges": []}
    tokenizer = {"version": "1.0", "added_tokens": added, "pre_tokenizer": BYTE_LEVEL, "model": model}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    tokenizer_config = {"chat_template": "{{ 'the one of the original' }}", "eos_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config))


def test_package_gets_the_template_and_what_stops(tmp_path: Path) -> None:
    """conv_template wins over tokenizer_config.json's, its prefix ids come first, stop strings that are tokens stop."""
    model = config(num_hidden_layers=1)
    conversation = CHATML | {
        "system_prefix_token_ids": [1],
        "stop_token_ids": [2],
        "stop_str": ["<|im_end|>", "\n\nUser"],
    }
    folder = write(
        tmp_path / "m",
        chat_config(model, "q0f16", conv_template=conversation),
        records(stacks(weights(model)), "q0f16"),
    )
    write_tokenizer(folder, model["vocab_size"])
    files = open_checkpoint(folder).tokenizer_files()
    template = files["chat_template.jinja"].decode()
    assert json.loads(files["tokenizer_config.json"])["chat_template"] == template
    rendered = _compile_jinja_template(template).render(messages=[USER], add_generation_prompt=True)
    assert rendered == "<s>" + as_prompt(conversation, [USER], None)
    generation = json.loads(files["generation_config.json"])
    assert (generation["eos_token_id"], generation["temperature"], generation["top_p"]) == ([2, 3], 0.6, 0.9)
    assert generation["stop_strings"] == ["<|im_end|>", "\n\nUser"]


def test_without_conv_template_the_named_templates_stay(tmp_path: Path) -> None:
    model = config(num_hidden_layers=1)
    chat = chat_config(model, "q0f16", conv_template=None)
    folder = write(tmp_path / "m", chat, records(stacks(weights(model)), "q0f16"))
    write_tokenizer(folder, model["vocab_size"])
    named = [{"name": "a", "template": "A"}, {"name": "b", "template": "B"}]
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": named, "eos_token": "</s>"}))
    files = open_checkpoint(folder).tokenizer_files()
    assert json.loads(files["tokenizer_config.json"])["chat_template"] == named
    assert "chat_template.jinja" not in files


@pytest.mark.parametrize(
    "change",
    [
        {"roles": None}, {"roles": {"user": "u"}}, {"roles": {"user": 3, "assistant": "a"}}, {"seps": []},
        {"seps": ["a", "b", "c"]}, {"seps": "\n"}, {"seps": [3]}, {"system_template": 3}, {"stop_token_ids": ["2"]},
        {"stop_token_ids": [True]}, {"role_templates": []}, {"system_prefix_token_ids": 1}, {"role_empty_sep": ["x"]},
        {"system_message": "x" * (1 << 17)},
    ],
    ids=str,
)  # fmt: skip
def test_templates_that_are_none(change: dict[str, Any]) -> None:
    for value in (CHATML | change, [], "chatml"):
        with pytest.raises(NomoatError) as caught:
            read_conversation(value)
        assert caught.value.code == "invalid_checkpoint"
