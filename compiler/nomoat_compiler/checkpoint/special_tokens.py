"""tokenizer.json completed by the special tokens that only its neighbours name, as transformers completes it.

The steps and their order are those of ``PreTrainedTokenizerBase._from_pretrained`` and ``TokenizersBackend.__init__``
(transformers 5.24, tokenization_utils_base.py and tokenization_utils_tokenizers.py): flags of ``added_tokens_decoder``
win over those of tokenizer.json; without it special_tokens_map.json overrides tokenizer_config.json and
added_tokens.json is read; what is named is added where no added token has its text, and is special then.
Adding is done by the ``tokenizers`` library itself. Where it would give a token another id than a file says, two files
disagree on what an id means: transformers goes on with an id that the model never saw, here it is an error.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import AddedToken

from ..errors import NomoatError, NomoatWarning
from .json_file import read_json_object

NAMED_TOKENS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")
MAX_NEIGHBOUR_BYTES = 16 << 20
MAX_TOKEN_CHARACTERS = 10_000


def read_neighbour(folder: Path, name: str) -> dict[str, Any]:
    """A JSON object that may be missing: then empty."""
    path = folder / name
    return read_json_object(path, max_bytes=MAX_NEIGHBOUR_BYTES) if path.is_file() else {}


def token_text(value: object) -> str | None:
    """A token in tokenizer_config.json is its text, or an object with the text in ``content``."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else None


def merged_tokenizer_config(folder: Path) -> dict[str, Any]:
    """tokenizer_config.json; where it has no added_tokens_decoder, special_tokens_map.json overrides its keys."""
    config = read_neighbour(folder, "tokenizer_config.json")
    if "added_tokens_decoder" in config:
        return config
    for key, value in read_neighbour(folder, "special_tokens_map.json").items():
        if key == "extra_special_tokens" and isinstance(value, list):
            known = config.get(key)
            value = [*known, *(t for t in value if t not in known)] if isinstance(known, list) else value
        config[key] = value
    return config


def complete_added_tokens(
    tokenizer_json: dict[str, Any], tokenizer: tokenizers.Tokenizer, folder: Path, tokenizer_config: Mapping[str, Any]
) -> bool:
    """Brings ``added_tokens`` of ``tokenizer_json`` up to date with the files beside it; whether that changed it.

    ``tokenizer`` is the library's reading of ``tokenizer_json`` and gets the tokens too. ``invalid_checkpoint`` where
    two files give one token different ids.
    """
    listed = _listed(tokenizer_json)
    for token_id, token in listed:
        _check_id(tokenizer, token.content, token_id, "tokenizer.json")
    before = serialized_added_tokens(tokenizer)
    found, source = _added_by_neighbours(folder, tokenizer_config)
    by_id = found if "added_tokens_decoder" in tokenizer_config else found | dict(listed)
    by_text = {token.content: token for token in by_id.values()}
    named = [
        by_text.get(token.content, token) if key in NAMED_TOKENS else token
        for key, token in _named(tokenizer_json, tokenizer_config)
    ]
    extra = _extra(tokenizer_config)

    adding = [token for _, token in sorted(by_id.items())]
    texts = {token.content for token in (*tokenizer.get_added_tokens_decoder().values(), *adding)}
    for token in (*named, *extra):
        if token.content not in texts:
            adding.append(token)
            texts.add(token.content)
    special = {token.content for token in named}
    tokenizer.add_tokens([_special(token) if token.content in special else token for token in adding])
    for token_id, token in found.items():
        _check_id(tokenizer, token.content, token_id, source)
    # In the library a token that was special once stays so, whatever it is added as later.
    hidden = {token["content"] for token in before if token["special"]}
    after = [
        token | {"special": token["special"] or token["content"] in hidden}
        for token in serialized_added_tokens(tokenizer)
    ]
    if after == before:
        return False
    tokenizer_json["added_tokens"] = after
    return True


def drop_added_tokens_past(
    tokenizer_json: dict[str, Any], tokenizer: tokenizers.Tokenizer, vocab_size: int
) -> tuple[dict[str, Any], bool]:
    """Without the added tokens that have no row in the embedding; whether there were any, each set named in a warning.

    ``invalid_checkpoint`` where the vocabulary proper is larger than the embedding: any text may give such an id.
    """
    vocabulary = tokenizer.get_vocab(with_added_tokens=False)
    largest = max(vocabulary.values(), default=-1)
    if largest >= vocab_size:
        raise NomoatError(
            "invalid_checkpoint",
            f"The tokenizer has {largest + 1} tokens and the model {vocab_size}. Check that tokenizer.json belongs to "
            "this model.",
            tokens=largest + 1,
            vocab_size=vocab_size,
        )
    added = tokenizer_json.get("added_tokens") or []
    past = [token for token in added if token["id"] >= vocab_size]
    if not past:
        return tokenizer_json, False
    names = ", ".join(repr(token["content"]) for token in past[:5]) + (", ..." if len(past) > 5 else "")
    warnings.warn(
        f"{len(past)} added token(s) have ids past the model's {vocab_size} and are left out: {names}. The model has "
        "no weights for them.",
        NomoatWarning,
        stacklevel=2,
    )
    kept = tokenizer_json | {"added_tokens": [token for token in added if token["id"] < vocab_size]}
    return kept, True


def serialized_added_tokens(tokenizer: tokenizers.Tokenizer) -> list[dict[str, Any]]:
    """``added_tokens`` as tokenizer.json has them, by id."""
    decoder = tokenizer.get_added_tokens_decoder()
    return [
        {"id": i, "content": token.content} | {flag: getattr(token, flag) for flag in FLAGS}
        for i, token in sorted(decoder.items())
    ]


def _listed(tokenizer_json: Mapping[str, Any]) -> list[tuple[int, AddedToken]]:
    return [
        (_id(entry.get("id"), "tokenizer.json"), _token(entry, "tokenizer.json"))
        for entry in tokenizer_json.get("added_tokens") or []
    ]


def _added_by_neighbours(folder: Path, tokenizer_config: Mapping[str, Any]) -> tuple[dict[int, AddedToken], str]:
    """Id to token, and the file that says so."""
    decoder = tokenizer_config.get("added_tokens_decoder")
    if "added_tokens_decoder" in tokenizer_config:
        where = "added_tokens_decoder of tokenizer_config.json"
        if not isinstance(decoder, dict):
            raise NomoatError("invalid_checkpoint", f"{where} must be an object, not {type(decoder).__name__}.")
        return {_id(key, where): _token(value, where) for key, value in decoder.items()}, where
    special = {t.content for _, t in _named({}, tokenizer_config)} | {t.content for t in _extra(tokenizer_config)}
    where = "added_tokens.json"
    found = {
        _id(value, where): AddedToken(_text(text, where), normalized=text not in special, special=text in special)
        for text, value in read_neighbour(folder, where).items()
    }
    return found, where


def _named(tokenizer_json: Mapping[str, Any], tokenizer_config: Mapping[str, Any]) -> list[tuple[str, AddedToken]]:
    """bos_token and its like, whatever else ends in _token, and the named ones of extra_special_tokens."""
    named = {key: tokenizer_config.get(key) for key in NAMED_TOKENS}
    padding = tokenizer_json.get("padding")
    if "pad_token" not in tokenizer_config and isinstance(padding, dict):
        named["pad_token"] = padding.get("pad_token")
    named |= {
        key: value
        for key, value in tokenizer_config.items()
        if key.endswith("_token") and (isinstance(value, str) or (isinstance(value, dict) and "content" in value))
    }
    more = _extra_value(tokenizer_config)
    if isinstance(more, dict):
        named |= more
    return [(key, _named_token(value, key)) for key, value in named.items() if value is not None]


def _extra(tokenizer_config: Mapping[str, Any]) -> list[AddedToken]:
    """additional_special_tokens, which newer files call extra_special_tokens."""
    more = _extra_value(tokenizer_config)
    return [_named_token(value, "additional_special_tokens") for value in more] if isinstance(more, list) else []


def _extra_value(tokenizer_config: Mapping[str, Any]) -> Any:
    return tokenizer_config.get("extra_special_tokens") or tokenizer_config.get("additional_special_tokens")


def _named_token(value: object, key: str) -> AddedToken:
    if isinstance(value, dict):
        return _special(_token(value, key))
    return AddedToken(_text(value, key), special=True, normalized=False)


def _token(value: object, where: str) -> AddedToken:
    if not isinstance(value, dict):
        raise NomoatError("invalid_checkpoint", f"{where} has a token that is {value!r}"[:300] + ", not an object.")
    flags = {flag: value[flag] for flag in FLAGS if isinstance(value.get(flag), bool)}
    return AddedToken(_text(value.get("content"), where), **flags)


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TOKEN_CHARACTERS:
        shown = repr(value)[:100]
        raise NomoatError(
            "invalid_checkpoint",
            f"{where} has a token whose text is {shown}; it must have 1 to {MAX_TOKEN_CHARACTERS} characters.",
        )
    return value


def _id(value: object, where: str) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise NomoatError("invalid_checkpoint", f"{where} has the token id {value!r}; it must be a number from 0 on.")
    return value


def _special(token: AddedToken) -> AddedToken:
    flags = {flag: getattr(token, flag) for flag in FLAGS}
    return AddedToken(token.content, **(flags | {"special": True}))


def _check_id(tokenizer: tokenizers.Tokenizer, text: str, token_id: int, where: str) -> None:
    got = tokenizer.token_to_id(text)
    if got == token_id:
        return
    owner = tokenizer.id_to_token(token_id)
    taken = "" if owner in (None, text) else f", and id {token_id} is {owner[:100]!r}"
    raise NomoatError(
        "invalid_checkpoint",
        f"{where} gives {text[:100]!r} the id {token_id}, but by the other tokens its id is {got}{taken}. One of the "
        "files does not belong to this checkpoint; download it again, or correct the id.",
        token=text[:100],
        expected=token_id,
        got=got,
    )
