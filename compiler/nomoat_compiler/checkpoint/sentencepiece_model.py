"""tokenizer.json from SentencePiece's tokenizer.model alone, as transformers converts it.

Layout: sentencepiece_model.proto of the SentencePiece project. Conversion (5.24): what the class LlamaTokenizer builds
(tokenization_llama.py), else ``SpmConverter.build_tokenizer_from_spm_proto``, which follows the model's own settings.
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import NomoatError
from .protobuf_fields import BYTES, FIXED32, VARINT, Value, fields
from .tokenizer_content import NO_PARTS, SPACE, added_token, bpe_model, sentencepiece_decoder, unigram_model

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
UNIGRAM, BPE = 1, 2
MAX_PIECES = 1 << 20
LLAMA_CLASSES = ("LlamaTokenizer", "LlamaTokenizerFast")


@dataclass
class SentencePieceModel:
    """What of the file decides how text is tokenized; defaults are those of the format."""

    pieces: list[tuple[str, float, int]] = field(default_factory=list)  # text, score, type
    model_type: int = UNIGRAM
    byte_fallback: bool = False
    unk_id: int = 0
    bos_id: int = 1
    eos_id: int = 2
    names: dict[str, str] = field(default_factory=lambda: {"unk": "<unk>", "bos": "<s>", "eos": "</s>"})
    charsmap: bytes = b""
    add_dummy_prefix: bool = True
    remove_extra_whitespaces: bool = True
    escape_whitespaces: bool = True


def read_sentencepiece_model(data: bytes, name: str = "tokenizer.model") -> SentencePieceModel:
    """``invalid_checkpoint`` for what is no such file, ``unsupported`` for word and character models."""
    model = SentencePieceModel()
    for number, wire, value in fields(data, name):
        if wire != BYTES or not isinstance(value, bytes):
            continue
        if number == 1:
            if len(model.pieces) >= MAX_PIECES:
                raise _invalid(name, f"more than {MAX_PIECES} pieces")
            model.pieces.append(_piece(value, name))
        elif number == 2:
            _read_trainer(model, value, name)
        elif number == 3:
            _read_normalizer(model, value, name)
    texts = [piece for piece, _, _ in model.pieces]
    if not texts or len(set(texts)) != len(texts):
        raise _invalid(name, "no pieces, or one twice")
    if not 0 <= model.unk_id < len(texts):
        raise _invalid(name, f"the unknown piece {model.unk_id} of {len(texts)}")
    if model.model_type not in (UNIGRAM, BPE):
        raise NomoatError("unsupported", f"{name} is neither a BPE nor a Unigram model.", file=name)
    return model


def sentencepiece_content(model: SentencePieceModel, tokenizer_config: Mapping[str, Any]) -> dict[str, Any]:
    """tokenizer.json's object, added tokens included."""
    vocabulary = {piece: i for i, (piece, _, _) in enumerate(model.pieces)}
    llama = str(tokenizer_config.get("tokenizer_class")) in LLAMA_CLASSES and model.model_type == BPE
    content = NO_PARTS | (_as_llama(model, tokenizer_config) if llama else _as_configured(model, tokenizer_config))
    if model.model_type == BPE:
        content["model"] |= {"vocab": vocabulary, "merges": _merges(model, by_score=not llama)}
    else:
        content["model"] = unigram_model(
            [(piece, score) for piece, score, _ in model.pieces],
            unk_id=model.unk_id,
            byte_fallback=model.byte_fallback,
        )
    special = {CONTROL, UNKNOWN}
    content["added_tokens"] = [
        added_token(i, piece, special=kind in special)
        for i, (piece, _, kind) in enumerate(model.pieces)
        if kind in special or (kind == USER_DEFINED and llama)
    ]
    return content


def named_tokens(model: SentencePieceModel) -> dict[str, str]:
    """bos_token, eos_token and unk_token for a tokenizer_config.json that does not name them."""
    ids = {"bos": model.bos_id, "eos": model.eos_id, "unk": model.unk_id}
    return {f"{name}_token": text for name, text in model.names.items() if 0 <= ids[name] < len(model.pieces)}


def _as_llama(model: SentencePieceModel, tokenizer_config: Mapping[str, Any]) -> dict[str, Any]:
    scheme = "always" if tokenizer_config.get("legacy") is True else "first"
    prefix = tokenizer_config.get("add_prefix_space") is not False
    return {
        "pre_tokenizer": _metaspace(scheme if prefix else "never"),
        "decoder": sentencepiece_decoder(prefix, byte_fallback=True),
        "model": bpe_model() | {"fuse_unk": True, "byte_fallback": True},
    }


def _as_configured(model: SentencePieceModel, tokenizer_config: Mapping[str, Any]) -> dict[str, Any]:
    legacy = tokenizer_config.get("legacy") is not False
    normalizers: list[dict[str, Any]] = []
    if model.charsmap:
        normalizers.append(
            {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(model.charsmap).decode("ascii")}
        )
    if model.remove_extra_whitespaces:
        normalizers += [_replace(r"\A +| +\z", ""), _replace(" {2,}", " ")]
    if model.escape_whitespaces:
        normalizers.append({"type": "Replace", "pattern": {"String": " "}, "content": SPACE})
    if model.add_dummy_prefix and legacy:
        # Metaspace puts no ▁ before a text that begins with one; SentencePiece does.
        normalizers.append(_replace(rf"\A{SPACE}", SPACE * 2))
    pre_tokenizers = [_metaspace("always" if legacy else "first")] if model.add_dummy_prefix else []
    user_defined = sorted((p for p, _, kind in model.pieces if kind == USER_DEFINED), key=len, reverse=True)
    if user_defined:  # These are tokens as a whole, never merged further.
        pattern = "|".join(re.escape(piece) for piece in user_defined)
        pre_tokenizers.append({
            "type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False,
        })  # fmt: skip
    return {
        "normalizer": {"type": "Sequence", "normalizers": normalizers} if normalizers else None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": pre_tokenizers} if pre_tokenizers else None,
        "decoder": sentencepiece_decoder(model.add_dummy_prefix, byte_fallback=model.byte_fallback),
        "model": bpe_model()
        | {
            "unk_token": model.pieces[model.unk_id][0],
            "fuse_unk": True,
            "byte_fallback": model.byte_fallback,
            "ignore_merges": bool(user_defined),
        },
    }


def _merges(model: SentencePieceModel, *, by_score: bool) -> list[list[str]]:
    """Every split of a piece into two, in the order in which SentencePiece would join them."""
    kinds = {NORMAL} if by_score else {NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE}
    ranks = {
        piece: (-score if by_score else 0.0, i)
        for i, (piece, score, kind) in enumerate(model.pieces)
        if kind in kinds
    }  # fmt: skip
    found: list[tuple[tuple[float, int], str, str]] = []
    for piece, rank in ranks.items():
        for cut in range(1, len(piece)):
            left, right = piece[:cut], piece[cut:]
            if left in ranks and right in ranks:
                found.append((rank, left, right))
    found.sort(key=lambda m: m if by_score else (m[0], len(m[1]), len(m[2])))
    return [[left, right] for _, left, right in found]


def _piece(data: bytes, name: str) -> tuple[str, float, int]:
    text, score, kind = "", 0.0, NORMAL
    for number, wire, value in fields(data, name):
        if number == 1 and isinstance(value, bytes):
            text = _text(value, name)
        elif number == 2 and wire == FIXED32 and isinstance(value, bytes):
            score = struct.unpack("<f", value)[0]
        elif number == 3 and isinstance(value, int):
            kind = value
    if text == "" or kind not in range(1, 7) or not abs(score) < 1e30:
        raise _invalid(name, "a piece without text, of no known type or without a score")
    return text, score, kind


def _read_trainer(model: SentencePieceModel, data: bytes, name: str) -> None:
    names = {45: "unk", 46: "bos", 47: "eos"}
    for number, wire, value in fields(data, name):
        if number in names and wire == BYTES and isinstance(value, bytes):
            model.names[names[number]] = _text(value, name)
        elif wire == VARINT and isinstance(value, int):
            if number == 3:
                model.model_type = value
            elif number == 35:
                model.byte_fallback = bool(value)
            elif number in (40, 41, 42):
                setattr(model, ("unk_id", "bos_id", "eos_id")[number - 40], _signed(value))


def _read_normalizer(model: SentencePieceModel, data: bytes, name: str) -> None:
    for number, wire, value in fields(data, name):
        if number == 2 and wire == BYTES and isinstance(value, bytes):
            model.charsmap = value
        elif wire == VARINT and isinstance(value, int) and number in (3, 4, 5):
            flag = ("add_dummy_prefix", "remove_extra_whitespaces", "escape_whitespaces")[number - 3]
            setattr(model, flag, bool(value))


def _signed(value: Value) -> int:
    """An int32 below zero is written as 64 bits."""
    assert isinstance(value, int)
    return value - (1 << 64) if value >= 1 << 63 else value


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _invalid(name, "a text that is not UTF-8") from error


def _metaspace(scheme: str) -> dict[str, Any]:
    return {"type": "Metaspace", "replacement": SPACE, "prepend_scheme": scheme, "split": False}


def _replace(regex: str, content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"Regex": regex}, "content": content}


def _invalid(name: str, what: str) -> NomoatError:
    return NomoatError("invalid_checkpoint", f"{name} cannot be used: it has {what}.", file=name)
