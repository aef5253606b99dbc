"""The tokenizer's files of a Hugging Face folder keep their meaning; stop ids are always a list. Needs nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from nomoat_compiler.checkpoint.tokenizer_files import read_tokenizer_folder
from nomoat_compiler.errors import NomoatError
from tokenizers import Tokenizer, models, pre_tokenizers


def folder_with(tmp_path: Path, **files: Any) -> Path:
    tokenizer = Tokenizer(models.BPE({"a": 0, "b": 1, "ab": 2, "</s>": 3}, [("a", "b")]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["</s>"])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    for name, value in files.items():
        path = tmp_path / name.replace("__", ".")
        path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return tmp_path


def generation_of(files: dict[str, bytes]) -> dict[str, Any]:
    return json.loads(files["generation_config.json"])


def test_tokenizer_json_is_copied_byte_for_byte(tmp_path: Path) -> None:
    folder = folder_with(tmp_path)
    files = read_tokenizer_folder(folder, {})
    assert files["tokenizer.json"] == (folder / "tokenizer.json").read_bytes()
    assert files.keys() == {"tokenizer.json", "tokenizer_config.json", "generation_config.json"}


@pytest.mark.parametrize(
    ("generation", "config", "tokenizer_config", "stop_ids"),
    [
        ({"eos_token_id": 3}, {"eos_token_id": 1}, {}, [3]),
        ({"eos_token_id": [3, 1, 3]}, {}, {}, [3, 1]),
        ({"eos_token_id": None}, {"eos_token_id": [2]}, {"eos_token": "</s>"}, [2]),
        (None, {"eos_token_id": 0}, {}, [0]),
        (None, {}, {"eos_token": "</s>"}, [3]),
        (None, {}, {"eos_token": {"__type": "AddedToken", "content": "</s>"}}, [3]),
        (None, {}, {"eos_token": "<|nowhere|>"}, []),
        ({"temperature": 0.6}, {}, {}, []),
    ],
)
def test_stop_ids(
    tmp_path: Path,
    generation: dict[str, Any] | None,
    config: dict[str, Any],
    tokenizer_config: dict[str, Any],
    stop_ids: list[int],
) -> None:
    extra = {} if generation is None else {"generation_config__json": generation}
    files = read_tokenizer_folder(folder_with(tmp_path, tokenizer_config__json=tokenizer_config, **extra), config)
    assert generation_of(files) == {**(generation or {}), "eos_token_id": stop_ids}


@pytest.mark.parametrize("value", ["3", -1, [1, "2"], True, {"id": 3}, 1.5])
def test_stop_ids_of_another_type(tmp_path: Path, value: Any) -> None:
    fails(folder_with(tmp_path, generation_config__json={"eos_token_id": value}), "invalid_checkpoint", "eos_token_id")


def test_chat_template_from_either_place_and_the_file_first(tmp_path: Path) -> None:
    inside = {"chat_template": "inside {{ x }}"}
    files = read_tokenizer_folder(folder_with(tmp_path, tokenizer_config__json=inside), {})
    assert files["chat_template.jinja"] == b"inside {{ x }}"
    files = read_tokenizer_folder(folder_with(tmp_path, chat_template__jinja="file \u00e9\n"), {})
    assert files["chat_template.jinja"].decode() == "file \u00e9\n"
    assert json.loads(files["tokenizer_config.json"])["chat_template"] == "file \u00e9\n"


def test_named_chat_templates_give_the_default_one(tmp_path: Path) -> None:
    named = [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]
    files = read_tokenizer_folder(folder_with(tmp_path, tokenizer_config__json={"chat_template": named}), {})
    assert files["chat_template.jinja"] == b"d"
    without = folder_with(tmp_path, tokenizer_config__json={"chat_template": named[:1]})
    assert "chat_template.jinja" not in read_tokenizer_folder(without, {})


def test_no_tokenizer_is_no_error_but_sentencepiece_alone_is(tmp_path: Path) -> None:
    assert read_tokenizer_folder(tmp_path, {}) == {}
    (tmp_path / "tokenizer.model").write_bytes(b"\n")
    fails(tmp_path, "unsupported", "save_pretrained")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"model": {"type": "Rune"}}', "{" * 5000, "\x00"])
def test_broken_tokenizer_json(tmp_path: Path, text: str) -> None:
    (tmp_path / "tokenizer.json").write_text(text)
    fails(tmp_path, "invalid_checkpoint", "tokenizer.json")


def test_broken_neighbours(tmp_path: Path) -> None:
    fails(folder_with(tmp_path, tokenizer_config__json="["), "invalid_checkpoint", "tokenizer_config.json")
    (tmp_path / "tokenizer_config.json").write_text('{"chat_template": 7}')
    fails(tmp_path, "invalid_checkpoint", "chat_template")
    (tmp_path / "tokenizer_config.json").unlink()
    (tmp_path / "chat_template.jinja").write_bytes(b"\xff\xfe")
    fails(tmp_path, "invalid_checkpoint", "UTF-8")


def fails(folder: Path, code: str, said: str) -> None:
    with pytest.raises(NomoatError) as caught:
        read_tokenizer_folder(folder, {})
    assert caught.value.code == code
    assert said in caught.value.message
