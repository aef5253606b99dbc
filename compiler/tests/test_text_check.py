"""What compile finds by running the runtime's text part. Needs text_part.js, which `make setup` builds."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest
import tokenizers
from nomoat_compiler.chat_templates import built_in_templates
from nomoat_compiler.checkpoint.tokenizer_files import read_tokenizer_folder
from nomoat_compiler.errors import NomoatError, NomoatWarning
from nomoat_compiler.text_check import CONVERSATIONS, TEXT_PART, check_text_files, jinja_reference

TINY_LLAMA = Path(__file__).parents[2] / "tests" / "fixtures" / "tiny_llama"


@pytest.fixture
def files() -> dict[str, bytes]:
    assert TEXT_PART.is_file(), "npm run build:check -w runtime builds the text part."
    return read_tokenizer_folder(TINY_LLAMA, json.loads((TINY_LLAMA / "config.json").read_text()))


def told(files: dict[str, bytes]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", NomoatWarning)
        check_text_files(files)
    return [str(warning.message) for warning in caught]


def refusal(files: dict[str, bytes]) -> str:
    with pytest.raises(NomoatError) as caught:
        check_text_files(files)
    assert caught.value.code == "unsupported"
    return caught.value.message


def test_a_sound_package_says_nothing(files: dict[str, bytes]) -> None:
    assert told(files) == []


@pytest.mark.parametrize("name", built_in_templates())
def test_built_in_templates_say_nothing(files: dict[str, bytes], name: str) -> None:
    assert told(files | {"chat_template.jinja": built_in_templates()[name].read_bytes()}) == []


def test_files_without_a_tokenizer_or_a_template(files: dict[str, bytes]) -> None:
    assert told({}) == []
    del files["chat_template.jinja"]
    config = json.loads(files["tokenizer_config.json"])
    del config["chat_template"]
    assert told(files | {"tokenizer_config.json": json.dumps(config).encode()}) == []


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{% for %}", "must be Jinja"),
        ("{{ 'a'|pprint }}", "there is no filter pprint"),
        ("{% autoescape true %}{{ messages[0].content }}{% endautoescape %}", "autoescape"),
        ("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", "more work than"),
    ],
)
def test_a_template_that_the_runtime_cannot_render(files: dict[str, bytes], template: str, message: str) -> None:
    assert message in refusal(files | {"chat_template.jinja": template.encode()})


def test_a_template_that_refuses_every_conversation(files: dict[str, bytes]) -> None:
    (message,) = told(files | {"chat_template.jinja": b"{{ raise_exception('never') }}"})
    assert "none of 5" in message and "never" in message


def test_a_template_that_refuses_some_conversations_is_sound(files: dict[str, bytes]) -> None:
    template = (
        b"{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        b"{% for m in messages %}{{ m.content }}{% endfor %}"
    )
    assert told(files | {"chat_template.jinja": template}) == []


def test_a_template_that_leaves_messages_out(files: dict[str, bytes]) -> None:
    messages = told(files | {"chat_template.jinja": b"{{ messages[-1].content }}"})
    assert all("leaves out message 1" in message for message in messages)
    assert [message.split(":")[0] for message in messages] == [
        f"The runtime refuses {name}" for name in ("a system message", "several turns", "other scripts")
    ]


def test_a_different_rendering_is_told_with_its_place(files: dict[str, bytes]) -> None:
    """A choice by chance is the one thing in which two right renderings differ."""
    template = b"{{ messages[-1].content }} then {{ range(100000)|random }}"
    messages = told(files | {"chat_template.jinja": template})
    assert len(messages) == len(CONVERSATIONS)
    assert "one question" in messages[0] and "then" in messages[0]


def test_a_tokenizer_that_the_runtime_refuses(files: dict[str, bytes]) -> None:
    tokenizer = json.loads(files["tokenizer.json"])
    tokenizer["model"] = {"type": "WordLevel", "vocab": {"a": 0, "b": 1}, "unk_token": "a"}
    tokenizer["added_tokens"] = []
    data = json.dumps(tokenizer).encode()
    tokenizers.Tokenizer.from_buffer(data)
    assert "A browser would refuse this package" in refusal(files | {"tokenizer.json": data})


def test_a_generation_config_that_the_runtime_refuses(files: dict[str, bytes]) -> None:
    message = refusal(files | {"generation_config.json": b'{"eos_token_id": [2], "temperature": "hot"}'})
    assert "temperature" in message


def test_a_missing_text_part_is_told(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("nomoat_compiler.text_check.TEXT_PART", tmp_path / "text_part.js")
    (message,) = told(files)
    assert "make setup" in message


def test_the_reference_is_transformers() -> None:
    """The same text as transformers' own rendering, for all that it configures."""
    render = pytest.importorskip("transformers.utils.chat_template_utils").render_jinja_template
    source = (
        "  {% for m in messages %}\n{% generation %}{{ m|tojson(indent=2) }}{% endgeneration %}"
        "{% continue %}{% endfor %}"
        "\n{{ bos_token }}{{ {'b': 'é<', 'a': 1}|tojson(sort_keys=true) }}{{ strftime_now('%Y') }}{{ tools }}"
    )
    for messages in CONVERSATIONS.values():
        (expected,), _ = render([messages], chat_template=source, add_generation_prompt=True, bos_token="<s>")
        assert jinja_reference.render(source, messages, {"bos_token": "<s>"}) == expected
    assert jinja_reference.render("{{ raise_exception('x') }}", [], {}) is None
