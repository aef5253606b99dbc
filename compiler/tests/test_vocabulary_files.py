"""Vocabularies of other formats: small ones made here convert, hostile ones are refused. Needs nothing."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

import pytest
from nomoat_compiler.checkpoint.tokenizer_files import read_tokenizer_folder
from nomoat_compiler.errors import NomoatError
from tokenizers import Tokenizer


def varint(value: int) -> bytes:
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def message(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def piece(text: str, score: float = 0.0, kind: int | None = None) -> bytes:
    inner = message(1, text.encode()) + varint(2 << 3 | 5) + struct.pack("<f", score)
    return message(1, inner + (b"" if kind is None else varint(3 << 3) + varint(kind)))


BYTES = b"".join(piece(f"<0x{byte:02X}>", kind=6) for byte in range(256))
SPECIAL = piece("<unk>", kind=2) + piece("<s>", kind=3) + piece("</s>", kind=3)
WORDS = piece("a", -1) + piece("b", -2) + piece("▁", -3) + piece("ab", -4) + piece("▁ab", -5)
TRAINER = message(2, varint(3 << 3) + varint(2) + varint(35 << 3) + varint(1))
PLAIN = message(3, varint(4 << 3) + varint(0))
MODEL = SPECIAL + BYTES + WORDS + TRAINER + PLAIN


def converted(folder: Path, name: str, data: bytes, config: dict[str, Any] | None = None) -> Tokenizer:
    (folder / name).write_bytes(data)
    if config is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return Tokenizer.from_buffer(read_tokenizer_folder(folder, {})["tokenizer.json"])


@pytest.mark.parametrize("add", [True, False])
def test_sentencepiece(tmp_path: Path, add: bool) -> None:
    tokenizer = converted(tmp_path, "tokenizer.model", MODEL, {"add_bos_token": add})
    ids = tokenizer.encode("ab é</s>").ids
    assert ids == [1] * add + [263, 261, 3 + 0xC3, 3 + 0xA9, 2]
    assert tokenizer.decode(ids) == "ab é"


RANKS = [bytes([byte]) for byte in range(256)] + [b"ab", b"abc"]


def tiktoken_file(tokens: list[bytes] = RANKS) -> bytes:
    return b"".join(base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate(tokens))


def test_tiktoken_with_special_tokens_of_the_config(tmp_path: Path) -> None:
    special = {"content": "<|bos|>", "special": True, "normalized": False}
    config = {"added_tokens_decoder": {"260": special}, "bos_token": "<|bos|>", "add_bos_token": True}
    tokenizer = converted(tmp_path, "tokenizer.model", tiktoken_file(), config)
    assert tokenizer.encode("abc ab<|reserved_token_258|>").ids == [260, 257, 32, 256, 258]


def test_tekken_special_tokens_of_the_file(tmp_path: Path) -> None:
    vocab = [{"rank": i, "token_bytes": base64.b64encode(t).decode()} for i, t in enumerate([*RANKS, b"unused"])]
    config = {"pattern": r"\w+|\W", "default_vocab_size": 263, "default_num_special_tokens": 5}
    named = [{"rank": 1, "token_str": "<s>"}, {"rank": 3, "token_str": "[X]"}]
    data = json.dumps({"config": config, "vocab": vocab, "special_tokens": named}).encode()
    tokenizer = converted(tmp_path, "tekken.json", data)
    assert tokenizer.encode("abc[X]").ids == [1, 262, 3]
    assert (tokenizer.get_vocab_size(), tokenizer.id_to_token(4)) == (263, "<SPECIAL_4>")


HOSTILE: dict[str, tuple[str, bytes]] = {
    "empty": ("tokenizer.model", b""),
    "not a model": ("tokenizer.model", b"\n\x05hello"),
    "text": ("tokenizer.model", b"hello world\n"),
    "cut off": ("tokenizer.model", MODEL[:-3]),
    "a length past the end": ("tokenizer.model", MODEL + varint(1 << 3 | 2) + varint(1 << 60)),
    "an endless varint": ("tokenizer.model", MODEL + b"\xff" * 20),
    "a group": ("tokenizer.model", MODEL + varint(9 << 3 | 3)),
    "a piece twice": ("tokenizer.model", MODEL + piece("ab")),
    "a piece without text": ("tokenizer.model", MODEL + message(1, b"")),
    "a piece of no type": ("tokenizer.model", MODEL + piece("x", kind=9)),
    "a score that is none": ("tokenizer.model", MODEL + piece("x", float("nan"))),
    "not UTF-8": ("tokenizer.model", MODEL + message(1, message(1, b"\xff"))),
    "an unknown piece that is not there": ("tokenizer.model", MODEL + message(2, varint(40 << 3) + varint(9999))),
    "tiktoken without every byte": ("tokenizer.model", tiktoken_file(RANKS[1:])),
    "tiktoken with a token twice": ("x.tiktoken", tiktoken_file([*RANKS, b"ab"])),
    "tiktoken with a rank twice": ("x.tiktoken", tiktoken_file() + b"YWJj 3\n"),
    "tiktoken with a word": ("x.tiktoken", tiktoken_file() + b"hello\n"),
    "tiktoken with no base64": ("x.tiktoken", tiktoken_file() + b"!!!! 258\n"),
    "tiktoken with a huge rank": ("x.tiktoken", tiktoken_file() + b"eHl6 999999999\n"),
    "tekken without a vocabulary": ("tekken.json", b'{"config": {"pattern": "a"}}'),
    "tekken without a pattern": ("tekken.json", b'{"config": {}, "vocab": []}'),
    "tekken with a huge size": ("tekken.json", b'{"config": {"pattern": "a", "default_vocab_size": 1e9}, "vocab": []}'),
    "tekken with an empty vocabulary": ("tekken.json", b'{"config": {"pattern": "a"}, "vocab": []}'),
    "tekken with a number": ("tekken.json", b'{"config": {"pattern": "a"}, "vocab": [7]}'),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_vocabularies(tmp_path: Path, name: str) -> None:
    file, data = HOSTILE[name]
    (tmp_path / file).write_bytes(data)
    with pytest.raises(NomoatError) as caught:
        read_tokenizer_folder(tmp_path, {})
    assert caught.value.code == "invalid_checkpoint"


def test_word_models_are_not_supported(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_bytes(SPECIAL + WORDS + message(2, varint(3 << 3) + varint(3)))
    with pytest.raises(NomoatError, match="neither a BPE nor a Unigram"):
        read_tokenizer_folder(tmp_path, {})
