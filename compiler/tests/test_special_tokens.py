"""tokenizer.json completed from its neighbours gives the tokens and ids of transformers. Needs transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from nasty_texts import TEXTS
from nomoat_compiler.checkpoint.special_tokens import serialized_added_tokens
from nomoat_compiler.checkpoint.tokenizer_files import read_tokenizer_folder
from nomoat_compiler.errors import NomoatError, NomoatWarning
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer

PLAIN = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
CHATML = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
BASE = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|endoftext|>", "eos_token": "<|im_end|>"}
CHAT = "<|im_start|>user\nHi <tool> [PAD]<|im_end|> \n <|im_start|> assistant\n<think> x </think> <a>b <tool>  <b>"


def byte_level(size: int = 300, metaspace: bool = False) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace() if metaspace else pre_tokenizers.ByteLevel(False)
    tokenizer.decoder = decoders.Metaspace() if metaspace else decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=CHATML,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*TEXTS, CHAT], trainer)
    return tokenizer


def token(content: str, **flags: bool) -> dict[str, Any]:
    return {"content": content} | PLAIN | flags


def write(
    folder: Path, files: dict[str, Any], *, listed: list[dict[str, Any]] | None = None, without: tuple[str, ...] = ()
) -> Path:
    """A folder whose tokenizer.json lists `listed` besides the ChatML tokens, of which `without` are not listed."""
    content = json.loads(byte_level().to_str())
    content["added_tokens"] = [t for t in content["added_tokens"] if t["content"] not in without] + (listed or [])
    (folder / "tokenizer.json").write_text(json.dumps(content))
    for name, value in ({"tokenizer_config.json": BASE, "config.json": {"model_type": "llama"}} | files).items():
        (folder / name).write_text(json.dumps(value))
    return folder


def config(**more: Any) -> dict[str, Any]:
    return {"tokenizer_config.json": BASE | more}


START_OF_CONFIG = {str(i): token(text) for i, text in enumerate(CHATML)}
INSTANCES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing to complete": ({}, {}),
    "eos in the vocabulary, not added": ({}, {"without": ("<|im_end|>",)}),
    "bos and eos not added": ({}, {"without": ("<|im_end|>", "<|endoftext|>")}),
    "additional names one of the vocabulary": (
        config(additional_special_tokens=["<|im_start|>"]), {"without": ("<|im_start|>",)},
    ),
    "additional names a new one": (config(additional_special_tokens=["<tool>", "<|im_start|>"]), {}),
    "additional as objects": (
        config(additional_special_tokens=[token("<tool>", lstrip=True) | {"__type": "AddedToken"}]), {},
    ),
    "extra_special_tokens, a list": (config(extra_special_tokens=["<tool>"]), {}),
    "extra_special_tokens, by name": (config(extra_special_tokens={"tool_token": "<tool>", "b_token": "<b>"}), {}),
    "a key of its own": (config(image_token="<tool>", boi_token="<a>"), {}),
    "a key of its own, flags in the decoder": (
        config(image_token="<tool>", added_tokens_decoder=START_OF_CONFIG | {"300": token("<tool>", rstrip=True)}), {},
    ),
    "new pad": (config(pad_token="[PAD]"), {}),
    "new pad as an object": (config(pad_token=token("[PAD]", rstrip=True) | {"__type": "AddedToken"}), {}),
    "pad only in the padding section": ({}, {}),
    "decoder only": (config(added_tokens_decoder={"300": token("<tool>")}), {}),
    "decoder, an ordinary one": (
        config(added_tokens_decoder={"300": token("<tool>", special=False, normalized=True), "301": token("<a>")}), {},
    ),
    "decoder out of order": (config(added_tokens_decoder={"301": token("<a>"), "300": token("<tool>")}), {}),
    "decoder makes it special": (
        config(added_tokens_decoder=START_OF_CONFIG), {"listed": [], "without": ("<|im_start|>", "<|im_end|>")},
    ),
    "decoder makes it ordinary": (
        config(added_tokens_decoder=START_OF_CONFIG | {"1": token("<|im_start|>", special=False)}), {},
    ),
    "decoder strips": (
        config(added_tokens_decoder={k: v | {"lstrip": True, "rstrip": True} for k, v in START_OF_CONFIG.items()}), {},
    ),
    "named, and ordinary in tokenizer.json": (
        config(pad_token="<tool>"), {"listed": [{"id": 300} | token("<tool>", special=False)]},
    ),
    "named, with flags in tokenizer.json": (
        config(pad_token="<tool>"), {"listed": [{"id": 300} | token("<tool>", lstrip=True, single_word=True)]},
    ),
    "additional, with flags in tokenizer.json": (
        config(additional_special_tokens=["<tool>"]), {"listed": [{"id": 300} | token("<tool>", lstrip=True)]},
    ),
    "added_tokens.json": ({"added_tokens.json": {"<tool>": 300, "<a>": 301}}, {}),
    "added_tokens.json, one of them named": (
        {"added_tokens.json": {"<a>": 301, "<tool>": 300}} | config(additional_special_tokens=["<a>"]), {},
    ),
    "added_tokens.json beside a decoder": (
        {"added_tokens.json": {"<tool>": 300}} | config(added_tokens_decoder=START_OF_CONFIG), {},
    ),
    "special_tokens_map.json alone": (
        {
            "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast"},
            "special_tokens_map.json": {
                "bos_token": "<|im_start|>", "eos_token": token("<|im_end|>"), "pad_token": "<a>",
            },
        },
        {"without": ("<|im_start|>", "<|im_end|>")},
    ),
    "special_tokens_map.json overrides": (
        config(pad_token="<a>")
        | {"special_tokens_map.json": {"pad_token": "<b>", "additional_special_tokens": ["<a>"]}},
        {},
    ),
    "special_tokens_map.json beside a decoder": (
        config(added_tokens_decoder=START_OF_CONFIG) | {"special_tokens_map.json": {"pad_token": "<b>"}}, {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", INSTANCES)
def test_completed_as_transformers_completes_it(tmp_path: Path, name: str) -> None:
    files, how = INSTANCES[name]
    folder = write(tmp_path, files, **how)
    if name.startswith("pad only"):
        padded = byte_level()
        padded.enable_padding(pad_id=0, pad_token="<tool>")
        padded.save(str(folder / "tokenizer.json"))
    expected = AutoTokenizer.from_pretrained(folder)
    got = Tokenizer.from_buffer(read_tokenizer_folder(folder, {})["tokenizer.json"])
    added = serialized_added_tokens(expected.backend_tokenizer)
    if name == "decoder makes it ordinary":  # The library says so and goes on to hide it: what it does counts.
        added[1]["special"] = True
    assert serialized_added_tokens(got) == added
    for text in [*TEXTS, CHAT, f" {CHAT} "]:
        got.no_padding()
        ids = got.encode(text).ids
        assert ids == expected(text)["input_ids"], text[:60]
        assert got.decode(ids) == expected.decode(ids, skip_special_tokens=True)


def test_a_file_that_nothing_completes_is_kept_byte_for_byte(tmp_path: Path) -> None:
    folder = write(tmp_path, config(added_tokens_decoder=START_OF_CONFIG))
    assert read_tokenizer_folder(folder, {})["tokenizer.json"] == (folder / "tokenizer.json").read_bytes()


CLASHES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "an id of the vocabulary": ({}, {"listed": [{"id": 50} | token("<clash>")]}),
    "a text of the vocabulary with another id": ({}, {"listed": [{"id": 300} | token("a")]}),
    "a gap": ({}, {"listed": [{"id": 310} | token("<clash>")]}),
    "two texts, one id": ({}, {"listed": [{"id": 300} | token("<clash>"), {"id": 300} | token("<b>")]}),
    "the decoder's id is of the vocabulary": (config(added_tokens_decoder={"50": token("<clash>")}), {}),
    "the decoder's id is of another added token": (
        config(added_tokens_decoder={"300": token("<clash>")}), {"listed": [{"id": 300} | token("<b>")]},
    ),
    "the decoder leaves a gap": (config(added_tokens_decoder={"305": token("<clash>")}), {}),
    "added_tokens.json leaves a gap": ({"added_tokens.json": {"<clash>": 305}}, {}),
    "added_tokens.json against tokenizer.json": (
        {"added_tokens.json": {"<clash>": 300}},
        {"listed": [{"id": 300} | token("<b>"), {"id": 301} | token("<clash>")]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CLASHES)
def test_ids_that_clash_are_refused(tmp_path: Path, name: str) -> None:
    files, how = CLASHES[name]
    with pytest.raises(NomoatError) as caught:
        read_tokenizer_folder(write(tmp_path, files, **how), {})
    assert caught.value.code == "invalid_checkpoint"
    assert "the id" in caught.value.message


BROKEN: dict[str, dict[str, Any]] = {
    "decoder is a list": config(added_tokens_decoder=[]),
    "decoder's key": config(added_tokens_decoder={"x": token("a")}),
    "decoder's token": config(added_tokens_decoder={"300": "a"}),
    "an empty text": config(additional_special_tokens=[""]),
    "a text of a megabyte": config(additional_special_tokens=["x" * 1_000_000]),
    "a number": config(pad_token=7),
    "added_tokens.json": {"added_tokens.json": {"<a>": "many"}},
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_neighbours_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(NomoatError) as caught:
        read_tokenizer_folder(write(tmp_path, BROKEN[name]), {})
    assert caught.value.code == "invalid_checkpoint"


@pytest.mark.parametrize(
    ("files", "listed"),
    [
        (config(pad_token="[PAD]"), []),
        (config(added_tokens_decoder={"300": token("[PAD]"), "301": token("<b>")}), []),
        ({}, [{"id": 300} | token("[PAD]")]),
    ],
)
def test_added_tokens_past_the_embedding_are_dropped_with_a_warning(
    tmp_path: Path, files: dict[str, Any], listed: list[dict[str, Any]]
) -> None:
    folder = write(tmp_path, files, listed=listed)
    with pytest.warns(NomoatWarning, match=r"\[PAD\]"):
        made = read_tokenizer_folder(folder, {"vocab_size": 300})
    got = Tokenizer.from_buffer(made["tokenizer.json"])
    assert got.get_vocab_size() == 300
    assert [t["id"] for t in serialized_added_tokens(got)] == [0, 1, 2]


def test_a_vocabulary_past_the_embedding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NomoatError, match="The tokenizer has 300 tokens and the model 299"):
        read_tokenizer_folder(write(tmp_path, {}), {"vocab_size": 299})
