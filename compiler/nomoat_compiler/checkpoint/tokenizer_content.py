"""tokenizer.json for each kind of model, from its pieces: what every converter here has in common.

Every function gives the file's object without ``added_tokens`` and ``post_processor``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..portable import base64_of_bytes, compact_json
from .gguf_pre_tokenizers import PreTokenizer

SPACE = "▁"
NO_PARTS: dict[str, Any] = {
    "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
    "pre_tokenizer": None, "post_processor": None, "decoder": None,
}  # fmt: skip


def tokenizer_json_bytes(content: dict[str, Any]) -> bytes:
    """The file of its object."""
    return compact_json(content)


def byte_level_bpe(vocabulary: dict[str, int], merges: Sequence[Sequence[str]], family: PreTokenizer) -> dict[str, Any]:
    """GPT-2's BPE over bytes written as printable characters."""
    return NO_PARTS | {
        "normalizer": family.normalizer,
        "pre_tokenizer": family.pre_tokenizer,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": _with_merges(vocabulary, merges) | {"ignore_merges": family.ignore_merges},
    }


def sentencepiece_bpe(
    vocabulary: dict[str, int], merges: Sequence[Sequence[str]], *, unk_token: str | None, prefix: bool
) -> dict[str, Any]:
    """A space is ▁, one stands before the text if ``prefix``, and unknown characters become byte tokens <0x00>..."""
    normalizers: list[dict[str, Any]] = [{"type": "Prepend", "prepend": SPACE}] if prefix else []
    normalizers.append({"type": "Replace", "pattern": {"String": " "}, "content": SPACE})
    return NO_PARTS | {
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "decoder": sentencepiece_decoder(prefix, byte_fallback=True),
        "model": _with_merges(vocabulary, merges)
        | {"unk_token": unk_token, "fuse_unk": True, "byte_fallback": has_byte_tokens(vocabulary)},
    }


def unigram(
    pieces: Sequence[tuple[str, float]], *, unk_id: int, charsmap: bytes, squeeze_spaces: bool, prefix: bool
) -> dict[str, Any]:
    """SentencePiece's Unigram as transformers' SpmConverter writes it."""
    normalizers: list[dict[str, Any]] = []
    if charsmap:
        normalizers.append({"type": "Precompiled", "precompiled_charsmap": base64_of_bytes(charsmap)})
    if squeeze_spaces:
        normalizers.append({"type": "Strip", "strip_left": False, "strip_right": True})
        normalizers.append({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": SPACE})
    vocabulary = {piece: i for i, (piece, _) in enumerate(pieces)}
    scheme = {"replacement": SPACE, "prepend_scheme": "always" if prefix else "never"}
    metaspace = {"type": "Metaspace", "split": True} | scheme
    byte_fallback = has_byte_tokens(vocabulary)
    return NO_PARTS | {
        "normalizer": {"type": "Sequence", "normalizers": normalizers} if normalizers else None,
        "pre_tokenizer": metaspace,
        "decoder": sentencepiece_decoder(prefix, byte_fallback=True) if byte_fallback else metaspace,
        "model": unigram_model(pieces, unk_id=unk_id, byte_fallback=byte_fallback),
    }


def wordpiece(vocabulary: dict[str, int], *, unk_token: str, lowercase: bool) -> dict[str, Any]:
    """BERT's."""
    return NO_PARTS | {
        "normalizer": {
            "type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
            "lowercase": lowercase,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece", "unk_token": unk_token, "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary,
        },
    }  # fmt: skip


def template(before: Sequence[tuple[str, int]], after: Sequence[tuple[str, int]]) -> dict[str, Any] | None:
    """The post-processor that puts these tokens around a text; None for none."""
    if not before and not after:
        return None

    def specials(tokens: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
        return [{"SpecialToken": {"id": text, "type_id": 0}} for text, _ in tokens]

    single = [*specials(before), {"Sequence": {"id": "A", "type_id": 0}}, *specials(after)]
    second = [*specials(before), {"Sequence": {"id": "B", "type_id": 1}}, *specials(after)]
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": single + second,
        "special_tokens": {text: {"id": text, "ids": [i], "tokens": [text]} for text, i in (*before, *after)},
    }


def added_token(token_id: int, content: str, *, special: bool) -> dict[str, Any]:
    return {
        "id": token_id, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
        "normalized": False, "special": special,
    }  # fmt: skip


def unigram_model(pieces: Sequence[tuple[str, float]], *, unk_id: int, byte_fallback: bool) -> dict[str, Any]:
    vocab = [list(piece) for piece in pieces]
    return {"type": "Unigram", "unk_id": unk_id, "vocab": vocab, "byte_fallback": byte_fallback}


def has_byte_tokens(vocabulary: dict[str, int]) -> bool:
    return all(f"<0x{byte:02X}>" in vocabulary for byte in range(256))


def bpe_model() -> dict[str, Any]:
    """A BPE model with nothing in it."""
    return {
        "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
        "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
        "vocab": {}, "merges": [],
    }  # fmt: skip


def _with_merges(vocabulary: dict[str, int], merges: Sequence[Sequence[str]]) -> dict[str, Any]:
    return bpe_model() | {"vocab": vocabulary, "merges": merges}


def sentencepiece_decoder(prefix: bool, *, byte_fallback: bool) -> dict[str, Any]:
    """▁ is a space, byte tokens are bytes, and the space before the text goes."""
    decoders: list[dict[str, Any]] = [{"type": "Replace", "pattern": {"String": SPACE}, "content": " "}]
    if byte_fallback:
        decoders.append({"type": "ByteFallback"})
    decoders.append({"type": "Fuse"})
    if prefix:
        decoders.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    return {"type": "Sequence", "decoders": decoders}
