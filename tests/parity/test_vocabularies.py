"""llama.cpp's vocabularies convert from GGUF and give its test vectors in the runtime's tokenizer. Needs Node, PyPI.

Each vocabulary has 46 awkward strings and their ids by llama.cpp, which takes no special tokens from the text and adds
none. A second oracle is the library `tokenizers` on the same converted file, over our own texts.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from nomoat_compiler.checkpoint.gguf_header import read_gguf_header
from nomoat_compiler.checkpoint.gguf_tokenizer import tokenizer_files_from_gguf
from nomoat_compiler.errors import NomoatWarning
from nomoat_compiler.text_check import check_text_files
from tokenizers import Tokenizer

from tests.fixtures.published import LLAMA_CPP, published_folder
from tests.parity import text_part
from tests.parity.nasty_texts import NASTY, random_texts

# Vocabulary -> whose vectors it must give.
VOCABULARIES = {
    name: name
    for name in (
        "llama-spm", "llama-bpe", "qwen2", "qwen35", "gemma-4", "phi-3", "falcon", "mpt", "gpt-2", "starcoder",
        "refact", "command-r", "deepseek-llm", "deepseek-coder", "bert-bge",
    )
} | {"gpt-neox": "mpt"}  # fmt: skip
SEPARATOR = "\n__ggml_vocab_test__\n"


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return text_part.bundle(tmp_path_factory.mktemp("driver"))


def converted(name: str) -> dict[str, bytes]:
    path = published_folder(LLAMA_CPP) / f"ggml-vocab-{name}.gguf"
    with path.open("rb") as file:
        return tokenizer_files_from_gguf(read_gguf_header(file, path.name, path.stat().st_size).metadata)


def vectors(name: str) -> list[tuple[str, list[int]]]:
    texts = (published_folder(LLAMA_CPP) / f"ggml-vocab-{name}.gguf.inp").read_bytes().decode().split(SEPARATOR)
    lines = (published_folder(LLAMA_CPP) / f"ggml-vocab-{name}.gguf.out").read_text().splitlines()
    ids = [[int(word) for word in line.split()] for line in lines]
    # The last string is "" where the file ends with a separator.
    return list(zip(texts, ids, strict=len(texts) == len(ids)))


@pytest.mark.parametrize("name", VOCABULARIES)
def test_vectors_of_llama_cpp(driver: Path, name: str) -> None:
    tokenizer_json = converted(name)["tokenizer.json"].decode()
    expected = vectors(VOCABULARIES[name])
    assert len(expected) >= 46
    library = Tokenizer.from_str(tokenizer_json)
    texts = [text for text, _ in expected] + NASTY
    if name != "bert-bge":  # Its tables of marks and punctuation depend on the library's version of Unicode.
        texts = [*texts, *random_texts(60)]
    without = without_ends(tokenizer_json)
    # Text of a user: what looks like a special token is text, as in llama.cpp without parse_special.
    job: dict[str, Any] = {
        "files": text_part.files(without),
        "encode": [{"text": text, "allowSpecial": True} for text in texts],
        "decode": [ids for _, ids in expected],
    }
    got = text_part.run(driver, job)
    wrong = [(t, e, g) for (t, e), g in zip(expected, got["encoded"], strict=False) if e != g]
    assert not wrong, f"{len(wrong)} of {len(expected)} differ from llama.cpp, first: {wrong[0]}"
    by_library = [library.encode(text, add_special_tokens=False).ids for text in texts]
    wrong = [(t, e, g) for t, e, g in zip(texts, by_library, got["encoded"], strict=True) if e != g]
    assert not wrong, f"{len(wrong)} of {len(texts)} differ from tokenizers, first: {wrong[0]}"
    for (text, ids), decoded in zip(expected, got["decoded"], strict=True):
        assert decoded == library.decode(ids), text
        if name not in LOSSY:
            assert decoded == text


# BERT's tokens keep neither case nor spaces; SentencePiece takes one space off the front again.
LOSSY = {"bert-bge"}


def without_ends(tokenizer_json: str) -> str:
    """The file without its post-processor, as llama.cpp's vectors add nothing."""
    data = json.loads(tokenizer_json)
    data["post_processor"] = None
    return json.dumps(data)


def test_unigram_of_xlm_roberta_equals_the_library(driver: Path) -> None:
    """250,000 pieces and the precompiled normalizer of SentencePiece (nomic-bert-moe, which has no vectors)."""
    files = converted("nomic-bert-moe")
    with warnings.catch_warnings():
        warnings.simplefilter("error", NomoatWarning)
        check_text_files(files)
    tokenizer_json = files["tokenizer.json"].decode()
    library = Tokenizer.from_str(tokenizer_json)
    texts = [*NASTY, *random_texts(60)]
    job = {
        "files": text_part.files(tokenizer_json),
        "encode": [{"text": text, "allowSpecial": True} for text in texts],
    }
    encoded = text_part.run(driver, job)["encoded"]
    wrong = [
        (t, library.encode(t).ids, ids) for t, ids in zip(texts, encoded, strict=True) if ids != library.encode(t).ids
    ]
    assert not wrong, f"{len(wrong)} of {len(texts)}, first: {wrong[0]}"
