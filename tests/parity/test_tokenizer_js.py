"""The runtime's tokenizer gives the ids and texts of the Python package `tokenizers`. Needs Node and npm packages."""

import random
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nomoat_compiler.checkpoint.open import open_checkpoint
from tokenizers import Tokenizer

from tests.fixtures import small_tokenizers
from tests.parity import text_part
from tests.parity.nasty_texts import NASTY, long_texts, random_texts

SMALL: dict[str, Callable[[], Tokenizer]] = {
    "llama3": lambda: small_tokenizers.byte_level("llama3"),
    "smollm": lambda: small_tokenizers.byte_level("smollm"),
    "llama2": lambda: small_tokenizers.sentencepiece("llama2"),
    "metaspace": lambda: small_tokenizers.sentencepiece("metaspace"),
    "first": lambda: small_tokenizers.sentencepiece("first", fuse_unk=False),
    "unigram": lambda: small_tokenizers.unigram("bytes"),
    "unigram without bytes": lambda: small_tokenizers.unigram("unknown"),
    "wordpiece": small_tokenizers.wordpiece,
}


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return text_part.bundle(tmp_path_factory.mktemp("driver"))


@pytest.fixture(scope="module", params=[*SMALL, "smollm2"])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    if request.param != "smollm2":
        return SMALL[request.param]()
    gguf: Path = request.getfixturevalue("smollm2_gguf")
    checkpoint = open_checkpoint(gguf, with_weights=False)
    return Tokenizer.from_str(checkpoint.tokenizer_files()["tokenizer.json"].decode())


def encode(driver: Path, tokenizer: Tokenizer, texts: list[str], allow_special: bool) -> list[list[int]]:
    job: dict[str, Any] = {
        "files": text_part.files(tokenizer.to_str()),
        "encode": [{"text": text, "allowSpecial": allow_special} for text in texts],
    }
    encoded: list[list[int]] = text_part.run(driver, job)["encoded"]
    return encoded


@pytest.mark.parametrize("allow_special", [True, False])
def test_encodes_like_python(driver: Path, tokenizer: Tokenizer, allow_special: bool) -> None:
    texts = [*NASTY, *random_texts(400)]
    if "BertNormalizer" in tokenizer.to_str():  # The library's tables for it are those of an old Unicode.
        old = unicodedata.ucd_3_2_0
        texts = ["".join(c for c in text if old.category(c) == unicodedata.category(c) != "Cn") for text in texts]
    tokenizer.encode_special_tokens = not allow_special
    expected = [tokenizer.encode(text).ids for text in texts]
    tokenizer.encode_special_tokens = False
    got = encode(driver, tokenizer, texts, allow_special)
    wrong = [(text, e, g) for text, e, g in zip(texts, expected, got, strict=True) if e != g]
    assert not wrong, f"{len(wrong)} of {len(texts)}, first: {wrong[0]}"


def test_encodes_200_kb(driver: Path, tokenizer: Tokenizer) -> None:
    """Eight texts, long enough for a quadratic step to take as long as a hang."""
    texts = long_texts()
    got = encode(driver, tokenizer, list(texts.values()), True)
    for name, ids in zip(texts, got, strict=True):
        assert ids == tokenizer.encode(texts[name]).ids, name


def test_lone_surrogates_are_replacement_characters(driver: Path, tokenizer: Tokenizer) -> None:
    texts = ["a\ud83dz", "\udc00", "ok \ud800\ud800 \udfff end"]
    clean = [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts]
    assert clean[0] == "a\ufffdz"
    assert encode(driver, tokenizer, texts, True) == [tokenizer.encode(text).ids for text in clean]


def test_decodes_like_python_at_once_and_streamed(driver: Path, tokenizer: Tokenizer) -> None:
    """Ids of real texts cut anywhere, and random ids: half characters, invalid UTF-8, special tokens, unknown ids."""
    rng = random.Random(13)
    size = tokenizer.get_vocab_size()
    sequences = [tokenizer.encode(text).ids for text in [*NASTY, *random_texts(100)]]
    sequences += [ids[: rng.randint(0, len(ids))] for ids in sequences]
    sequences += [ids[rng.randint(0, len(ids)) :] for ids in sequences]
    sequences += [[rng.randrange(size + 3) for _ in range(rng.randint(0, 40))] for _ in range(400)]
    sequences += [[rng.randrange(min(size, 300)) for _ in range(rng.randint(0, 40))] for _ in range(400)]
    job = {"files": text_part.files(tokenizer.to_str()), "decode": sequences}
    got = text_part.run(driver, job)["decoded"]
    expected = [tokenizer.decode(ids, skip_special_tokens=True) for ids in sequences]
    wrong = [(ids, e, g) for ids, e, g in zip(sequences, expected, got, strict=True) if e != g]
    assert not wrong, f"{len(wrong)} of {len(sequences)}, first: {wrong[0]}"
