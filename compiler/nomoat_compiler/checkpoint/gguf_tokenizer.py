"""tokenizer.json, tokenizer_config.json, chat template and stop ids rebuilt from a GGUF file's metadata.

Two kinds: ``gpt2`` (byte-level BPE with stored merges) and ``llama`` (SentencePiece BPE with scores, whose merges are
rebuilt from the scores as transformers' converter does). Keys: docs/gguf.md of the ggml project.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ..errors import NomoatError
from .chat_template_files import with_unix_newlines
from .gguf_pre_tokenizers import PRE_TOKENIZERS
from .gguf_values import flag, integer, text
from .spm_merges import merges_from_scores
from .stop_tokens import stop_ids_of_texts
from .tokenizer_files import load_tokenizer, tokenizer_package_files

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
MAX_TEMPLATE_CHARACTERS = 1 << 20
# Any of them ends the answer: end of sequence, of turn, of message.
STOP_KEYS = ("eos_token_id", "eot_token_id", "eom_token_id")


def tokenizer_files_from_gguf(metadata: dict[str, Any]) -> dict[str, bytes]:
    """File name to bytes. ``unsupported`` for a kind of tokenizer, or a pre-tokenizer, that is not known exactly."""
    kind = text(metadata, "tokenizer.ggml.model")
    if kind not in ("gpt2", "llama"):
        raise NomoatError(
            "unsupported",
            f"The GGUF tokenizer is of the kind {kind!r}; gpt2 and llama are supported.",
            kind=str(kind)[:100],
        )
    tokens = _tokens(metadata)
    types = _token_types(metadata, len(tokens))
    special_ids = {
        name: _token_id(metadata, f"{key}_token_id", len(tokens))
        for name, key in (("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("pad", "padding"))
    }
    content = _gpt2(metadata, tokens) if kind == "gpt2" else _llama(metadata, tokens, types)
    content["added_tokens"] = _added_tokens(tokens, types, keep_unknown=kind == "llama")
    add_bos = flag(metadata, "tokenizer.ggml.add_bos_token", content.pop("add_bos"))
    add_eos = flag(metadata, "tokenizer.ggml.add_eos_token", False)
    ends = [(name, special_ids[name]) for name, add in (("bos", add_bos), ("eos", add_eos)) if add]
    content["post_processor"] = _post_processor(tokens, ends, byte_level=kind == "gpt2")
    tokenizer_json = json.dumps(content, ensure_ascii=False, indent=1).encode("utf-8")
    load_tokenizer(tokenizer_json)

    tokenizer_config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_bos_token": bool(add_bos),
        "add_eos_token": bool(add_eos),
        "clean_up_tokenization_spaces": False,
    }
    tokenizer_config |= {f"{name}_token": tokens[i] for name, i in special_ids.items() if i is not None}
    if "llama.context_length" in metadata:
        tokenizer_config["model_max_length"] = integer(metadata, "llama.context_length")
    template = text(metadata, "tokenizer.chat_template")
    template = None if template is None else with_unix_newlines(template)
    if template is not None and len(template) > MAX_TEMPLATE_CHARACTERS:
        raise NomoatError("invalid_checkpoint", "tokenizer.chat_template has more than a million characters.")
    generation = {f"{name}_token_id": special_ids[name] for name in ("bos", "pad") if special_ids[name] is not None}
    stop_ids = _stop_ids(metadata, tokens, types)
    return tokenizer_package_files(tokenizer_json, tokenizer_config, template, generation, stop_ids)


def _gpt2(metadata: dict[str, Any], tokens: list[str]) -> dict[str, Any]:
    name = text(metadata, "tokenizer.ggml.pre")
    if name is None or name not in PRE_TOKENIZERS:
        raise NomoatError(
            "unsupported",
            f"The GGUF pre-tokenizer is {name!r}; known are {', '.join(sorted(PRE_TOKENIZERS))}. Another one would be "
            "a guess and give wrong token ids. Compile from the original checkpoint instead.",
            pre=str(name)[:100],
        )
    family = PRE_TOKENIZERS[name]
    merges = metadata.get("tokenizer.ggml.merges")
    if not isinstance(merges, list):
        raise NomoatError("invalid_checkpoint", "The GGUF file has no tokenizer.ggml.merges.")
    pairs = [merge.split(" ") for merge in merges]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    for merge, pair in zip(merges, pairs, strict=True):
        if len(pair) != 2 or pair[0] not in vocabulary or pair[1] not in vocabulary or "".join(pair) not in vocabulary:
            raise NomoatError("invalid_checkpoint", f"The merge {merge[:100]!r} does not join two tokens into a third.")
    model = _bpe(vocabulary, pairs, unk_token=None, fuse_unk=False, byte_fallback=False)
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
        "normalizer": family.normalizer, "pre_tokenizer": family.pre_tokenizer, "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": model | {"ignore_merges": family.ignore_merges},
        "add_bos": family.add_bos,
    }  # fmt: skip


def _llama(metadata: dict[str, Any], tokens: list[str], types: list[int]) -> dict[str, Any]:
    """SentencePiece: a space is ▁, one stands before the text, and unknown characters become byte tokens <0x00>..."""
    scores = metadata.get("tokenizer.ggml.scores")
    if not isinstance(scores, np.ndarray) or scores.shape != (len(tokens),) or scores.dtype.kind != "f":
        raise NomoatError(
            "invalid_checkpoint", f"tokenizer.ggml.scores must hold {len(tokens)} numbers, one for each token."
        )
    pieces = {token: i for i, (token, kind) in enumerate(zip(tokens, types, strict=True)) if kind == NORMAL}
    merges = merges_from_scores(pieces, scores)
    unknown_id = _token_id(metadata, "unknown_token_id", len(tokens))
    prefix = flag(metadata, "tokenizer.ggml.add_space_prefix", True)
    normalizers: list[dict[str, Any]] = [{"type": "Prepend", "prepend": "▁"}] if prefix else []
    normalizers.append({"type": "Replace", "pattern": {"String": " "}, "content": "▁"})
    decoders: list[dict[str, Any]] = [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
    ]  # fmt: skip
    if prefix:
        decoders.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    vocabulary = {token: i for i, token in enumerate(tokens)}
    has_bytes = all(f"<0x{byte:02X}>" in vocabulary for byte in range(256))
    model = _bpe(
        vocabulary,
        merges,
        unk_token=None if unknown_id is None else tokens[unknown_id],
        fuse_unk=True,
        byte_fallback=has_bytes,
    )
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
        "normalizer": {"type": "Sequence", "normalizers": normalizers}, "pre_tokenizer": None, "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": decoders},
        "model": model | {"ignore_merges": False},
        "add_bos": True,
    }  # fmt: skip


def _bpe(
    vocabulary: dict[str, int], merges: list[list[str]], *, unk_token: str | None, fuse_unk: bool, byte_fallback: bool
) -> dict[str, Any]:
    return {
        "type": "BPE", "dropout": None, "unk_token": unk_token, "continuing_subword_prefix": None,
        "end_of_word_suffix": None, "fuse_unk": fuse_unk, "byte_fallback": byte_fallback, "vocab": vocabulary,
        "merges": merges,
    }  # fmt: skip


def _added_tokens(tokens: list[str], types: list[int], *, keep_unknown: bool) -> list[dict[str, Any]]:
    """Control tokens are special (never printed); user-defined ones are matched as a whole but ordinary text."""
    special_types = {CONTROL, UNKNOWN} if keep_unknown else {CONTROL}
    return [
        {
            "id": i, "content": token, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
            "special": kind in special_types,
        }
        for i, (token, kind) in enumerate(zip(tokens, types, strict=True))
        if kind in special_types or kind == USER_DEFINED
    ]  # fmt: skip


def _post_processor(
    tokens: list[str], ends: list[tuple[str, int | None]], *, byte_level: bool
) -> dict[str, Any] | None:
    if not ends:
        return (
            {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}
            if byte_level
            else None
        )
    for name, token_id in ends:
        if token_id is None:
            raise NomoatError("invalid_checkpoint", f"The GGUF tokenizer adds {name}, but names no {name}_token_id.")
    ids = {name: token_id for name, token_id in ends if token_id is not None}
    special = {name: {"SpecialToken": {"id": tokens[i], "type_id": 0}} for name, i in ids.items()}
    sequence_a: list[Any] = [{"Sequence": {"id": "A", "type_id": 0}}]
    sequence_b: list[Any] = [{"Sequence": {"id": "B", "type_id": 1}}]
    before = [special["bos"]] if "bos" in special else []
    after = [special["eos"]] if "eos" in special else []
    return {
        "type": "TemplateProcessing",
        "single": before + sequence_a + after,
        "pair": before + sequence_a + after + before + sequence_b + after,
        "special_tokens": {tokens[i]: {"id": tokens[i], "ids": [i], "tokens": [tokens[i]]} for i in ids.values()},
    }


def _tokens(metadata: dict[str, Any]) -> list[str]:
    tokens = metadata.get("tokenizer.ggml.tokens")
    if not isinstance(tokens, list) or not tokens:
        raise NomoatError("invalid_checkpoint", "The GGUF file has no tokenizer.ggml.tokens.")
    if len(set(tokens)) != len(tokens):
        raise NomoatError("invalid_checkpoint", "The GGUF vocabulary has the same token twice.")
    return tokens


def _token_types(metadata: dict[str, Any], count: int) -> list[int]:
    types = metadata.get("tokenizer.ggml.token_type")
    if types is None:
        return [NORMAL] * count
    if not isinstance(types, np.ndarray) or types.shape != (count,) or types.dtype.kind not in "iu":
        raise NomoatError("invalid_checkpoint", f"tokenizer.ggml.token_type must hold {count} integers.")
    return [int(kind) for kind in types]


def _token_id(metadata: dict[str, Any], key: str, count: int) -> int | None:
    value = metadata.get(f"tokenizer.ggml.{key}")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise NomoatError("invalid_checkpoint", f"tokenizer.ggml.{key} is {value!r}; it must be a token id.")
    # -1, which as an unsigned number is 0xFFFFFFFF, is how llama.cpp writes "none"; whatever the vocabulary does not
    # have is none too, as llama.cpp reads it.
    return value if value is not None and 0 <= value < count else None


def _stop_ids(metadata: dict[str, Any], tokens: list[str], types: list[int]) -> list[int]:
    ids = [_token_id(metadata, key, len(tokens)) for key in STOP_KEYS]
    named = [i for i in ids if i is not None]
    added = {token: i for i, token in enumerate(tokens) if types[i] in (CONTROL, USER_DEFINED)}
    return list(dict.fromkeys(named + stop_ids_of_texts(added)))
