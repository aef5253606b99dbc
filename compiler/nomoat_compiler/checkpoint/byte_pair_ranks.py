"""tokenizer.json from vocabularies of byte sequences with ranks: tiktoken's text files and Mistral's tekken.json.

Such a file has no merges: whatever two tokens join to a third is one, in the order of the third's rank. Conversion as
in transformers' ``TikTokenConverter`` (convert_slow_tokenizer.py) and ``MistralConverter`` (integrations/mistral).
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from ..errors import NomoatError
from .gguf_pre_tokenizers import BYTE_LEVEL_ONLY, PRE_TOKENIZERS
from .tokenizer_content import NO_PARTS, added_token, bpe_model

MAX_TOKENS = 1 << 20
MAX_TOKEN_BYTES = 4096
MAX_PATTERN_CHARACTERS = 20_000
BYTE_LEVEL_PARTS: dict[str, Any] = {
    "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
    "post_processor": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True},
}
# The split of cl100k_base, which transformers takes for every tiktoken file.
CL100K = PRE_TOKENIZERS["dbrx"].pre_tokenizer


def tiktoken_content(data: bytes, name: str) -> dict[str, Any]:
    """A line is a token in base64, a space, its rank, which is its id."""
    ranks: dict[bytes, int] = {}
    for line in data.splitlines():
        if not line:
            continue
        parts = line.split()
        if len(parts) != 2 or not parts[1].isdigit() or len(parts[1]) > 9:
            raise _invalid(name, "a line that is not a token in base64 and its rank")
        _add(ranks, _decoded(parts[0], name), int(parts[1]), name)
    return _content(ranks, name, offset=0, pre_tokenizer=CL100K)


def is_tiktoken(data: bytes) -> bool:
    """Whether the file begins like a tiktoken file; SentencePiece models begin with a byte below a space."""
    first = data[:MAX_TOKEN_BYTES].split(b"\n", 1)[0].split()
    return len(first) == 2 and first[1].isdigit()


def tekken_content(file: dict[str, Any], name: str) -> dict[str, Any]:
    """Special tokens come first; then the tokens by rank, as many as config.default_vocab_size leaves room for."""
    config, vocab = file.get("config"), file.get("vocab")
    if not isinstance(config, dict) or not isinstance(vocab, list):
        raise _invalid(name, "no config or no vocab")
    pattern, size = config.get("pattern"), config.get("default_vocab_size")
    if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN_CHARACTERS:
        raise _invalid(name, "no pattern in its config")
    special = tekken_special_tokens(file, name)
    if size is not None:
        if isinstance(size, bool) or not isinstance(size, int) or not len(special) < size <= MAX_TOKENS:
            raise _invalid(name, f"the default_vocab_size {size!r}")
        vocab = vocab[: size - len(special)]
    ranks: dict[bytes, int] = {}
    for rank, entry in enumerate(vocab):
        token = entry.get("token_bytes") if isinstance(entry, dict) else None
        if not isinstance(token, str):
            raise _invalid(name, f"no token_bytes at rank {rank}")
        _add(ranks, _decoded(token.encode("utf-8"), name), rank, name)
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    pre_tokenizer = {"type": "Sequence", "pretokenizers": [split, BYTE_LEVEL_ONLY]}
    content = _content(ranks, name, offset=len(special), pre_tokenizer=pre_tokenizer)
    if any(text in content["model"]["vocab"] for text in special) or len(set(special)) != len(special):
        raise _invalid(name, "a special token twice")
    content["model"]["vocab"] |= {text: i for i, text in enumerate(special)}
    content["added_tokens"] = [added_token(i, text, special=True) for i, text in enumerate(special)]
    return content


def tekken_special_tokens(file: dict[str, Any], name: str) -> list[str]:
    """Their texts by id. Files before version 7 name none: they have the ones that Mistral's library fixes."""
    count = file["config"].get("default_num_special_tokens", 1000)
    if isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= 10_000:
        raise _invalid(name, f"the default_num_special_tokens {count!r}")
    listed = file.get("special_tokens")
    texts: dict[int, str] = dict(enumerate(TEKKEN_V3_SPECIAL))
    if listed is not None:
        if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
            raise _invalid(name, "special_tokens that are no list of tokens")
        texts = {entry.get("rank", -1): entry.get("token_str", "") for entry in listed}
    if not all(isinstance(i, int) and 0 <= i < count and isinstance(t, str) and t for i, t in texts.items()):
        raise _invalid(name, "a special token without a text or past their number")
    return [texts.get(i, f"<SPECIAL_{i}>") for i in range(count)]


# mistral_common/tokens/tokenizers/tekken.py, Tekkenizer.DEPRECATED_SPECIAL_TOKENS.
TEKKEN_V3_SPECIAL = (
    "<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]",
    "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]",
)  # fmt: skip


def _content(ranks: dict[bytes, int], name: str, *, offset: int, pre_tokenizer: dict[str, Any]) -> dict[str, Any]:
    if not ranks or any(bytes([byte]) not in ranks for byte in range(256)):
        raise _invalid(name, "not every byte as a token")
    if len(set(ranks.values())) != len(ranks):
        raise _invalid(name, "one rank twice")
    merges: list[tuple[int, int, int, bytes, bytes]] = []
    for token, rank in ranks.items():
        for cut in range(1, len(token)):
            left, right = token[:cut], token[cut:]
            if left in ranks and right in ranks:
                merges.append((rank, ranks[left], ranks[right], left, right))
    merges.sort(key=lambda merge: merge[:3])
    return NO_PARTS | BYTE_LEVEL_PARTS | {
        "pre_tokenizer": pre_tokenizer,
        "model": bpe_model() | {
            "ignore_merges": True,
            "vocab": {_printable(token): rank + offset for token, rank in ranks.items()},
            "merges": [[_printable(left), _printable(right)] for *_, left, right in merges],
        },
    }  # fmt: skip


def _add(ranks: dict[bytes, int], token: bytes, rank: int, name: str) -> None:
    if token in ranks or not token or len(token) > MAX_TOKEN_BYTES or len(ranks) >= MAX_TOKENS or rank >= MAX_TOKENS:
        raise _invalid(name, f"at rank {rank} a token that is empty, too long or there already")
    ranks[token] = rank


def _decoded(text: bytes, name: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _invalid(name, "a token that is not base64") from error


def _printable_bytes() -> list[str]:
    """GPT-2's character for each byte: itself where it can be printed, else from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    rest = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(rest)) for byte in range(256)]


_BYTE_CHARACTERS = _printable_bytes()


def _printable(token: bytes) -> str:
    return "".join(_BYTE_CHARACTERS[byte] for byte in token)


def _invalid(name: str, what: str) -> NomoatError:
    return NomoatError("invalid_checkpoint", f"{name} cannot be used: it has {what}.", file=name)
