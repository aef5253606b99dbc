"""The tokenizer's files of a Hugging Face folder keep their meaning; stop ids are always a list. Needs nothing."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from nomoat_compiler.checkpoint.tokenizer_files import read_tokenizer_folder
from nomoat_compiler.errors import NomoatError, NomoatWarning
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers


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
        ({"eos_token_id": None}, {"eos_token_id": [2]}, {"eos_token": "</s>"}, [2, 3]),
        (None, {"eos_token_id": 0}, {}, [0, 3]),
        (None, {}, {"eos_token": "</s>"}, [3]),
        (None, {}, {"eos_token": {"__type": "AddedToken", "content": "</s>"}}, [3]),
        (None, {}, {"eos_token": "<|nowhere|>"}, [4, 3]),
        ({"temperature": 0.6}, {}, {}, [3]),
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


@pytest.mark.parametrize("value", ["3", [1, "2"], True, {"id": 3}, 1.5])
def test_stop_ids_of_another_type(tmp_path: Path, value: Any) -> None:
    fails(folder_with(tmp_path, generation_config__json={"eos_token_id": value}), "invalid_checkpoint", "eos_token_id")


@pytest.mark.parametrize("value", [-1, [-1], [3, -1], [3, 99], 99])
def test_stop_ids_that_the_model_does_not_have(tmp_path: Path, value: Any) -> None:
    """-1 alone means none; with or instead of another id it is worth a warning."""
    folder = folder_with(tmp_path, generation_config__json={"eos_token_id": value})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = read_tokenizer_folder(folder, {"vocab_size": 5})
    assert generation_of(made)["eos_token_id"] == [3]  # </s> stops by its text.
    assert [w.category for w in caught] == ([] if value in (-1, [-1]) else [NomoatWarning])


TURNS = ["<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|END_OF_TURN_TOKEN|>", "<end_of_utterance>"]


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("special", [True, False])
def test_the_end_of_a_turn_stops_whatever_is_named_as_eos(tmp_path: Path, turn: str, special: bool) -> None:
    """As for the same model in GGUF: Llama 3's files name <|end_of_text|>, ChatML's <|endoftext|>."""
    eos = {"eos_token_id": 3}
    folder = folder_with(tmp_path, generation_config__json=eos, config__json=eos)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_tokens([AddedToken(turn, special=special, normalized=False)])
    tokenizer.save(str(folder / "tokenizer.json"))
    assert generation_of(read_tokenizer_folder(folder, eos))["eos_token_id"] == [3, 4]


def test_eos_named_in_special_tokens_map_alone_stops(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, special_tokens_map__json={"bos_token": "a", "eos_token": {"content": "b"}})
    made = read_tokenizer_folder(folder, {})
    assert generation_of(made)["eos_token_id"] == [1, 3]
    assert json.loads(made["tokenizer_config.json"]) == {"bos_token": "a", "eos_token": {"content": "b"}}


@pytest.mark.parametrize(
    ("written", "kept", "warned"),
    [
        ({"top_k": -1, "do_sample": True}, {"top_k": 0, "do_sample": True}, False),
        ({"top_k": None}, {"top_k": 0}, False),
        ({"top_k": 0}, {"top_k": 0}, False),
        ({"top_k": 40, "top_p": 0.9, "temperature": 0.6}, {"top_k": 40, "top_p": 0.9, "temperature": 0.6}, False),
        ({"temperature": None, "top_p": None}, {}, False),
        ({"temperature": -1.0}, {}, True),
        ({"temperature": "hot"}, {}, True),
        ({"temperature": True}, {}, True),
        ({"temperature": 1e9}, {}, True),
        ({"top_k": -2}, {}, True),
        ({"top_k": [1]}, {}, True),
        ({"top_p": 1.5}, {}, True),
        ({"top_p": -0.1}, {}, True),
        ({"repetition_penalty": 0}, {}, True),
        ({"repetition_penalty": -1.2, "top_p": 0.5}, {"top_p": 0.5}, True),
        ({"stop_strings": "User:"}, {"stop_strings": ["User:"]}, False),
        ({"stop_strings": ["User:", "\n\n"]}, {"stop_strings": ["User:", "\n\n"]}, False),
        ({"stop_strings": None}, {"stop_strings": []}, False),
        ({"stop_strings": ["", "a", 7, "x" * 257]}, {"stop_strings": ["a"]}, True),
        ({"stop_strings": ["a"] * 101}, {"stop_strings": ["a"] * 100}, True),
        ({"stop_strings": 7}, {"stop_strings": []}, True),
    ],
)
def test_sampling_defaults(tmp_path: Path, written: dict[str, Any], kept: dict[str, Any], warned: bool) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = generation_of(read_tokenizer_folder(folder_with(tmp_path, generation_config__json=written), {}))
    assert made == kept | {"eos_token_id": [3]}
    assert [w.category for w in caught] == ([NomoatWarning] if warned else [])


def test_chat_template_from_either_place_and_the_file_first(tmp_path: Path) -> None:
    inside = {"chat_template": "inside {{ x }}"}
    files = read_tokenizer_folder(folder_with(tmp_path, tokenizer_config__json=inside), {})
    assert files["chat_template.jinja"] == b"inside {{ x }}"
    files = read_tokenizer_folder(folder_with(tmp_path, chat_template__jinja="file \u00e9\n"), {})
    assert files["chat_template.jinja"].decode() == "file \u00e9\n"
    assert json.loads(files["tokenizer_config.json"])["chat_template"] == "file \u00e9\n"


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_line_ends_of_a_template_are_line_feeds(tmp_path: Path, newline: str) -> None:
    """As Jinja2 reads it, wherever the template is."""
    folder = folder_with(tmp_path, tokenizer_config__json={"chat_template": f"a{newline}b{newline}"})
    assert read_tokenizer_folder(folder, {})["chat_template.jinja"] == b"a\nb\n"
    (folder / "chat_template.jinja").write_bytes(f"c{newline}d".encode())
    made = read_tokenizer_folder(folder, {})
    assert made["chat_template.jinja"] == b"c\nd"
    assert json.loads(made["tokenizer_config.json"])["chat_template"] == "c\nd"


def test_additional_chat_templates_are_named_where_there_is_no_default(tmp_path: Path) -> None:
    folder = folder_with(tmp_path)
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "rag.jinja").write_text("r")
    made = read_tokenizer_folder(folder, {})
    assert "chat_template.jinja" not in made
    assert json.loads(made["tokenizer_config.json"])["chat_template"] == [{"name": "rag", "template": "r"}]
    (folder / "chat_template.jinja").write_text("d")
    made = read_tokenizer_folder(folder, {})
    assert made["chat_template.jinja"] == b"d"
    both = [{"name": "default", "template": "d"}, {"name": "rag", "template": "r"}]
    assert json.loads(made["tokenizer_config.json"])["chat_template"] == both


def test_named_chat_templates_give_the_default_one(tmp_path: Path) -> None:
    named = [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]
    files = read_tokenizer_folder(folder_with(tmp_path, tokenizer_config__json={"chat_template": named}), {})
    assert files["chat_template.jinja"] == b"d"
    assert json.loads(files["tokenizer_config.json"])["chat_template"] == named[::-1]
    without = folder_with(tmp_path, tokenizer_config__json={"chat_template": named[:1]})
    assert "chat_template.jinja" not in read_tokenizer_folder(without, {})


def test_no_tokenizer_is_no_error(tmp_path: Path) -> None:
    assert read_tokenizer_folder(tmp_path, {}) == {}


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
