"""tokenizer.model and tiktoken files convert to what transformers makes of them, tekken.json to what tiktoken gives.

Needs Node, sentencepiece with protobuf, tiktoken, and the packages whose files are read.
"""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from nomoat_compiler.checkpoint.special_tokens import serialized_added_tokens
from nomoat_compiler.checkpoint.tokenizer_files import read_tokenizer_folder
from tokenizers import Tokenizer

from tests.fixtures.published import LLAMA3, MISTRAL_COMMON, QWEN3, published_folder
from tests.parity import text_part
from tests.parity.nasty_texts import NASTY, random_texts

TEXTS = [*NASTY, *random_texts(40), " <s> hi</s>x[INST] y [/INST]"]


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return text_part.bundle(tmp_path_factory.mktemp("driver"))


def folder_of(tmp_path: Path, vocabulary: Path | bytes, name: str, config: dict[str, Any] | None) -> Path:
    if isinstance(vocabulary, bytes):
        (tmp_path / name).write_bytes(vocabulary)
    else:
        shutil.copy(vocabulary, tmp_path / name)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    if config is not None:
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    return tmp_path


def runs_like(driver: Path, got: str, expected: Tokenizer, add_special_tokens: bool = True) -> None:
    """The runtime's ids of the converted file are those of the oracle, and so are the library's."""
    job = {
        "files": text_part.files(got),
        "encode": [{"text": text, "allowSpecial": True} for text in TEXTS],
    }
    encoded = text_part.run(driver, job)["encoded"]
    library = Tokenizer.from_str(got)
    for text, ids in zip(TEXTS, encoded, strict=True):
        right = expected.encode(text, add_special_tokens=add_special_tokens).ids
        assert library.encode(text).ids == right, text
        assert ids == right, text
        assert library.decode(right) == expected.decode(right), text


LLAMA: dict[str, dict[str, Any] | None] = {
    "no config": None,
    "LlamaTokenizer": {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "add_eos_token": False},
    "LlamaTokenizer, legacy": {"tokenizer_class": "LlamaTokenizer", "legacy": True},
    "another class": {"tokenizer_class": "PreTrainedTokenizerFast", "add_bos_token": True, "bos_token": "<s>"},
    "another class, not legacy": {"tokenizer_class": "PreTrainedTokenizerFast", "legacy": False},
}


@pytest.mark.parametrize("config", LLAMA)
@pytest.mark.parametrize("model", ["tokenizer.model.v1", "mistral_instruct_tokenizer_240323.model.v3"])
def test_sentencepiece_bpe(driver: Path, tmp_path: Path, model: str, config: str) -> None:
    pytest.importorskip("sentencepiece")
    pytest.importorskip("google.protobuf")
    from transformers import AutoTokenizer

    folder = folder_of(tmp_path, published_folder(MISTRAL_COMMON) / model, "tokenizer.model", LLAMA[config])
    expected = AutoTokenizer.from_pretrained(folder)
    files = read_tokenizer_folder(folder, {})
    got = files["tokenizer.json"].decode()
    backend = expected.backend_tokenizer
    assert serialized_added_tokens(Tokenizer.from_str(got)) == serialized_added_tokens(backend)
    runs_like(driver, got, backend)
    named = json.loads(files["tokenizer_config.json"])
    assert (named["bos_token"], named["eos_token"]) == ("<s>", "</s>")


def test_sentencepiece_unigram_and_user_defined_pieces(driver: Path, tmp_path: Path) -> None:
    """Trained here by the sentencepiece package, with its default normalizer, user-defined pieces and byte fallback."""
    sentencepiece = pytest.importorskip("sentencepiece")
    pytest.importorskip("google.protobuf")
    from transformers import AutoTokenizer

    from tests.fixtures.small_tokenizers import corpus

    for kind in ("unigram", "bpe"):
        folder = tmp_path / kind
        folder.mkdir()
        (folder / "corpus.txt").write_text("\n".join(corpus(3)))
        sentencepiece.SentencePieceTrainer.train(
            input=str(folder / "corpus.txt"), model_prefix=str(folder / "m"), vocab_size=600, model_type=kind,
            byte_fallback=True, user_defined_symbols=["<sep>", "▁▁"], minloglevel=2,
        )  # fmt: skip
        (folder / "m.model").rename(folder / "tokenizer.model")
        (folder / "config.json").write_text('{"model_type": "llama"}')
        expected = AutoTokenizer.from_pretrained(folder)
        got = read_tokenizer_folder(folder, {})["tokenizer.json"].decode()
        runs_like(driver, got, expected.backend_tokenizer)


def ranks_file(tokenizer_json: Path) -> tuple[bytes, dict[str, Any]]:
    """tokenizer.json of a byte-level family written as a tiktoken file; and its added tokens as a config has them."""
    data = json.loads(tokenizer_json.read_bytes())
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    rest = iter(range(0x100, 0x200))
    byte_of = {chr(b if b in printable else next(rest)): b for b in range(256)}
    lines = [
        base64.b64encode(bytes(byte_of[c] for c in token)) + b" %d" % i
        for token, i in sorted(data["model"]["vocab"].items(), key=lambda item: item[1])
    ]
    decoder = {str(t["id"]): {k: v for k, v in t.items() if k != "id"} for t in data["added_tokens"]}
    return b"\n".join(lines) + b"\n", decoder


def test_tiktoken_of_llama_3(driver: Path, tmp_path: Path) -> None:
    """Llama 3's tokenizer.model is a tiktoken file: its tokenizer.json is the oracle, and transformers' reading."""
    original = published_folder(LLAMA3) / "tokenizer.json"
    ranks, decoder = ranks_file(original)
    config = {"added_tokens_decoder": decoder, "tokenizer_class": "PreTrainedTokenizerFast"}
    config |= {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>", "add_bos_token": True}
    folder = folder_of(tmp_path, ranks, "tokenizer.model", config)
    got = read_tokenizer_folder(folder, {})["tokenizer.json"].decode()
    runs_like(driver, got, Tokenizer.from_file(str(original)))
    assert json.loads(got)["model"]["merges"][:1000] == [
        merge if isinstance(merge, list) else merge.split(" ")
        for merge in json.loads(original.read_bytes())["model"]["merges"][:1000]
    ]


def test_tiktoken_of_qwen(driver: Path, tmp_path: Path) -> None:
    """Qwen 1's qwen.tiktoken has the ranks of the later tokenizer.json, and the same tokens up to <|im_end|>."""
    original = published_folder(QWEN3) / "tokenizer.json"
    ranks, _ = ranks_file(original)
    folder = folder_of(tmp_path, ranks, "qwen.tiktoken", {"tokenizer_class": "QWenTokenizer"})
    files = read_tokenizer_folder(folder, {})
    got = Tokenizer.from_buffer(files["tokenizer.json"])
    expected = Tokenizer.from_file(str(original))
    for text in TEXTS:
        if "<think>" not in text and "<repo_name>" not in text:  # Later versions added these.
            assert got.encode(text).ids == expected.encode(text).ids, text
    assert json.loads(files["generation_config.json"])["eos_token_id"] == [151643, 151645]


@pytest.mark.parametrize("name", ["tekken_240718.json", "tekken_240911.json"])
def test_tekken(driver: Path, tmp_path: Path, name: str) -> None:
    """Mistral's own library encodes by tiktoken with the file's pattern and ranks, its special tokens before them."""
    tiktoken = pytest.importorskip("tiktoken")
    path = published_folder(MISTRAL_COMMON) / name
    data = json.loads(path.read_bytes())
    special = data["config"]["default_num_special_tokens"]
    ranks = {
        base64.b64decode(entry["token_bytes"]): entry["rank"]
        for entry in data["vocab"][: data["config"]["default_vocab_size"] - special]
    }
    oracle = tiktoken.Encoding(name, pat_str=data["config"]["pattern"], mergeable_ranks=ranks, special_tokens={})
    folder = folder_of(tmp_path, path, "tekken.json", {"tokenizer_class": "PreTrainedTokenizerFast"})
    got = read_tokenizer_folder(folder, {})["tokenizer.json"].decode()
    expected = [[i + special for i in oracle.encode(text, disallowed_special=())] for text in TEXTS]
    job = {
        "files": text_part.files(got),
        "encode": [{"text": text, "allowSpecial": False} for text in TEXTS],
        "decode": expected,
    }
    made = text_part.run(driver, job)
    for text, right, ids, decoded in zip(TEXTS, expected, made["encoded"], made["decoded"], strict=True):
        assert ids == right, text
        assert decoded == text
    added = Tokenizer.from_str(got).get_added_tokens_decoder()
    assert [added[i].content for i in (0, 1, 2, 3, 17, 999)] == [
        "<unk>", "<s>", "</s>", "[INST]", "[SYSTEM_PROMPT]", "<SPECIAL_999>",
    ]  # fmt: skip


def test_tekken_alone_begins_with_bos(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, published_folder(MISTRAL_COMMON) / "tekken_240911.json", "tekken.json", None)
    files = read_tokenizer_folder(folder, {"vocab_size": 131_072})
    tokenizer = Tokenizer.from_buffer(files["tokenizer.json"])
    assert tokenizer.get_vocab_size() == 131_072
    assert tokenizer.encode("Hello").ids[0] == 1
    assert json.loads(files["generation_config.json"])["eos_token_id"] == [2]
