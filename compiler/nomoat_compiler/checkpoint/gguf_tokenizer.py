"""tokenizer.json, tokenizer_config.json, chat template and stop ids rebuilt from a GGUF file's metadata.

Kinds (``tokenizer.ggml.model``): ``gpt2`` (byte-level BPE with stored merges), ``llama`` (SentencePiece BPE with
scores, whose merges are rebuilt from the scores as transformers' converter does), ``gemma4`` (SentencePiece BPE with
stored merges), ``t5`` (SentencePiece Unigram) and ``bert`` (WordPiece). Keys: docs/gguf.md of the ggml project.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import NomoatError
from ..portable import array_bytes, number_kind, number_list
from .chat_template_files import DEFAULT_NAME, with_unix_newlines
from .gguf_pre_tokenizers import PRE_TOKENIZERS, WITHOUT_NAME, PreTokenizer
from .gguf_values import flag, integer, text
from .spm_merges import merges_from_scores
from .stop_tokens import stop_ids_of_texts
from .tokenizer_content import (
    SPACE,
    added_token,
    byte_level_bpe,
    sentencepiece_bpe,
    template,
    tokenizer_json_bytes,
    unigram,
    wordpiece,
)
from .tokenizer_files import tokenizer_package_files

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
KINDS = ("gpt2", "llama", "gemma4", "t5", "bert")
TEMPLATE_KEY = "tokenizer.chat_template"
MAX_TEMPLATE_CHARACTERS = 1 << 20
MAX_CHARSMAP_BYTES = 4 << 20
# Any of them ends the answer: end of sequence, of turn, of message.
STOP_KEYS = ("eos_token_id", "eot_token_id", "eom_token_id")
# Name in tokenizer_config.json -> name in the metadata, with its spelling there.
NAMED = {
    "bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding", "sep": "seperator", "cls": "cls", "mask": "mask",
}  # fmt: skip


def tokenizer_files_from_gguf(metadata: dict[str, Any], vocab_size: int | None = None) -> dict[str, bytes]:
    """File name to bytes. ``unsupported`` for a kind of tokenizer, or a pre-tokenizer, that is not known exactly;
    ``invalid_checkpoint`` for more tokens than the embedding has rows, ``vocab_size``, among others."""
    kind = text(metadata, "tokenizer.ggml.model")
    if kind not in KINDS:
        raise NomoatError(
            "unsupported",
            f"The GGUF tokenizer is of the kind {kind!r}; {', '.join(KINDS)} are supported.",
            kind=str(kind)[:100],
        )
    tokens = _tokens(metadata)
    if vocab_size is not None and len(tokens) > vocab_size:
        raise NomoatError(
            "invalid_checkpoint",
            f"The file has {len(tokens)} tokens, but token_embd.weight has {vocab_size} rows.",
            tensor="token_embd.weight",
        )
    types = _token_types(metadata, len(tokens))
    special_ids = {name: _token_id(metadata, f"{key}_token_id", len(tokens)) for name, key in NAMED.items()}
    add_bos, add_eos = kind in ("llama", "gemma4", "t5"), kind in ("t5",)
    if kind == "gpt2":
        family = _family(metadata)
        add_bos = family.add_bos
        content = byte_level_bpe({token: i for i, token in enumerate(tokens)}, _merges(metadata, tokens), family)
    elif kind == "bert":
        tokens = [_wordpiece_token(token, types[i]) for i, token in enumerate(tokens)]
        content = _bert(metadata, _distinct(tokens), special_ids)
    elif kind == "t5":
        content = _unigram(metadata, tokens, special_ids["unk"])
    else:
        content = _sentencepiece(metadata, tokens, types, special_ids["unk"], stored_merges=kind == "gemma4")
    content["added_tokens"] = _added_tokens(tokens, types, kind, special_ids)
    add_bos = flag(metadata, "tokenizer.ggml.add_bos_token", add_bos)
    add_eos = flag(metadata, "tokenizer.ggml.add_eos_token", add_eos)
    before, after = _ends(tokens, kind, special_ids, add_bos, add_eos)
    content["post_processor"] = template(before, after)
    if content["post_processor"] is None and kind == "gpt2":
        content["post_processor"] = {
            "type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True,
        }  # fmt: skip
    tokenizer_json = tokenizer_json_bytes(content)

    tokenizer_config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_bos_token": bool(add_bos),
        "add_eos_token": bool(add_eos),
        "clean_up_tokenization_spaces": False,
    }
    tokenizer_config |= {f"{name}_token": tokens[i] for name, i in special_ids.items() if i is not None}
    context_length = f"{text(metadata, 'general.architecture')}.context_length"
    if context_length in metadata:
        tokenizer_config["model_max_length"] = integer(metadata, context_length)
    generation = {f"{name}_token_id": special_ids[name] for name in ("bos", "pad") if special_ids[name] is not None}
    stop_ids = _stop_ids(metadata, tokens, types)
    templates = _chat_templates(metadata)
    return tokenizer_package_files(tokenizer_json, tokenizer_config, templates, generation, stop_ids)


def _chat_templates(metadata: dict[str, Any]) -> dict[str, str]:
    """Name to template: tokenizer.chat_template is the default, tokenizer.chat_template.NAME the one called NAME."""
    keys = sorted(key for key in metadata if key == TEMPLATE_KEY or key.startswith(f"{TEMPLATE_KEY}."))
    templates = {}
    for key in keys:
        template = text(metadata, key) or ""
        if len(template) > MAX_TEMPLATE_CHARACTERS:
            raise NomoatError("invalid_checkpoint", f"{key[:100]} has more than a million characters.")
        templates[key[len(TEMPLATE_KEY) + 1 :] or DEFAULT_NAME] = with_unix_newlines(template)
    return templates


def _family(metadata: dict[str, Any]) -> PreTokenizer:
    name = text(metadata, "tokenizer.ggml.pre")
    if name is None:
        name = WITHOUT_NAME.get(text(metadata, "general.architecture") or "")
    if name is None or name not in PRE_TOKENIZERS:
        raise NomoatError(
            "unsupported",
            f"The GGUF pre-tokenizer is {name!r}; known are {', '.join(sorted(PRE_TOKENIZERS))}. Another one would be "
            "a guess and give wrong token ids. Compile from the original checkpoint instead.",
            pre=str(name)[:100],
        )
    return PRE_TOKENIZERS[name]


def _merges(metadata: dict[str, Any], tokens: list[str]) -> list[list[str]]:
    merges = metadata.get("tokenizer.ggml.merges")
    if not isinstance(merges, list):
        raise NomoatError("invalid_checkpoint", "The GGUF file has no tokenizer.ggml.merges.")
    known = set(tokens)
    # A token may be a space itself, and then the one that divides is not the first.
    pairs = [merge.split(" ") if merge.count(" ") == 1 else _divided(merge, known) for merge in merges]
    for merge, pair in zip(merges, pairs, strict=True):
        if len(pair) != 2 or pair[0] not in known or pair[1] not in known or "".join(pair) not in known:
            raise NomoatError("invalid_checkpoint", f"The merge {merge[:100]!r} does not join two tokens into a third.")
    return pairs


def _divided(merge: str, known: set[str]) -> list[str]:
    cuts = [i for i, character in enumerate(merge) if character == " "]
    pairs = [[merge[:i], merge[i + 1 :]] for i in cuts if merge[:i] in known and merge[i + 1 :] in known]
    return pairs[0] if len(pairs) == 1 else [merge]


def _sentencepiece(
    metadata: dict[str, Any], tokens: list[str], types: list[int], unknown_id: int | None, *, stored_merges: bool
) -> dict[str, Any]:
    merges: Sequence[Sequence[str]]
    if stored_merges:
        merges = _merges(metadata, tokens)
    else:
        pieces = {token: i for i, (token, kind) in enumerate(zip(tokens, types, strict=True)) if kind == NORMAL}
        merges = merges_from_scores(pieces, _scores(metadata, len(tokens)))
    return sentencepiece_bpe(
        {token: i for i, token in enumerate(tokens)},
        merges,
        unk_token=None if unknown_id is None else tokens[unknown_id],
        prefix=flag(metadata, "tokenizer.ggml.add_space_prefix", not stored_merges),
    )


def _unigram(metadata: dict[str, Any], tokens: list[str], unknown_id: int | None) -> dict[str, Any]:
    if unknown_id is None:
        raise NomoatError("invalid_checkpoint", "The GGUF tokenizer is Unigram, but names no unknown_token_id.")
    given = metadata.get("tokenizer.ggml.precompiled_charsmap")
    charsmap = b"" if given is None else array_bytes(given, 1, MAX_CHARSMAP_BYTES)
    if charsmap is None:
        raise NomoatError("invalid_checkpoint", "tokenizer.ggml.precompiled_charsmap must be at most 4 MiB of bytes.")
    return unigram(
        list(zip(tokens, _scores(metadata, len(tokens)), strict=True)),
        unk_id=unknown_id,
        charsmap=charsmap,
        squeeze_spaces=bool(flag(metadata, "tokenizer.ggml.remove_extra_whitespaces", False)),
        prefix=bool(flag(metadata, "tokenizer.ggml.add_space_prefix", True)),
    )


def _scores(metadata: dict[str, Any], count: int) -> list[float]:
    scores = metadata.get("tokenizer.ggml.scores")
    if scores is None or number_kind(scores) != "f" or len(scores) != count:
        raise NomoatError("invalid_checkpoint", f"tokenizer.ggml.scores must hold {count} numbers, one for each token.")
    return number_list(scores)


def _bert(metadata: dict[str, Any], tokens: list[str], special_ids: dict[str, int | None]) -> dict[str, Any]:
    unknown_id = special_ids["unk"]
    if unknown_id is None:
        raise NomoatError("invalid_checkpoint", "The GGUF tokenizer is WordPiece, but names no unknown_token_id.")
    vocabulary = {token: i for i, token in enumerate(tokens)}
    # Whether case counts is not in older files: a vocabulary without a capital letter is one for lower case.
    capitals = any(token.isascii() and token.isalpha() and token != token.lower() for token in tokens)
    lowercase = flag(metadata, "tokenizer.ggml.normalizer.lowercase", not capitals)
    return wordpiece(vocabulary, unk_token=tokens[unknown_id], lowercase=bool(lowercase))


def _wordpiece_token(token: str, kind: int) -> str:
    """llama.cpp marks a token that begins a word with ▁, BERT one that goes on with ##."""
    if kind != NORMAL:
        return token
    return token[len(SPACE) :] if token.startswith(SPACE) else f"##{token}"


def _added_tokens(
    tokens: list[str], types: list[int], kind: str, special_ids: dict[str, int | None]
) -> list[dict[str, Any]]:
    """Control tokens are special (never printed); user-defined ones are matched as a whole but ordinary text."""
    special_types = {CONTROL} if kind == "gpt2" else {CONTROL, UNKNOWN}
    # WordPiece files mark theirs as normal or unused; what is named is special there.
    named = set(special_ids.values()) if kind == "bert" else set()
    return [
        added_token(i, token, special=type_ in special_types or i in named)
        for i, (token, type_) in enumerate(zip(tokens, types, strict=True))
        if type_ in special_types or type_ == USER_DEFINED or i in named
    ]


def _ends(
    tokens: list[str], kind: str, special_ids: dict[str, int | None], add_bos: bool | None, add_eos: bool | None
) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """What stands before and after a text."""
    wanted = [("cls", True), ("sep", True)] if kind == "bert" else [("bos", add_bos), ("eos", add_eos)]
    ends: list[list[tuple[str, int]]] = []
    for name, add in wanted:
        token_id = special_ids[name]
        if add and token_id is None:
            raise NomoatError("invalid_checkpoint", f"The GGUF tokenizer adds {name}, but names no {name}_token_id.")
        ends.append([(tokens[token_id], token_id)] if add and token_id is not None else [])
    return ends[0], ends[1]


def _tokens(metadata: dict[str, Any]) -> list[str]:
    tokens = metadata.get("tokenizer.ggml.tokens")
    if not isinstance(tokens, list) or not tokens:
        raise NomoatError("invalid_checkpoint", "The GGUF file has no tokenizer.ggml.tokens.")
    return _distinct(tokens)


def _distinct(tokens: list[str]) -> list[str]:
    if len(set(tokens)) != len(tokens):
        raise NomoatError("invalid_checkpoint", "The GGUF vocabulary has the same token twice.")
    return tokens


def _token_types(metadata: dict[str, Any], count: int) -> list[int]:
    types = metadata.get("tokenizer.ggml.token_type")
    if types is None:
        return [NORMAL] * count
    if number_kind(types) not in ("i", "u") or len(types) != count:
        raise NomoatError("invalid_checkpoint", f"tokenizer.ggml.token_type must hold {count} integers.")
    return number_list(types)


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
