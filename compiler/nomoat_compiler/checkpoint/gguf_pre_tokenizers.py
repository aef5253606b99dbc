"""How text is split before BPE, by the name in ``tokenizer.ggml.pre``, as tokenizer.json of the same family says it.

llama.cpp names one set of regular expressions per family (llama-vocab.cpp); the tokenizer.json that the file was made
from is what counts here. A name that is missing here is an error: a guess gives wrong token ids for some texts only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

BYTE_LEVEL_SPLIT: dict[str, Any] = {
    "type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True,
}  # fmt: skip
BYTE_LEVEL_ONLY: dict[str, Any] = BYTE_LEVEL_SPLIT | {"use_regex": False}


@dataclass(frozen=True)
class PreTokenizer:
    """The parts of tokenizer.json that a family fixes."""

    pre_tokenizer: dict[str, Any]
    normalizer: dict[str, Any] | None = None
    # A word that is one token as a whole is taken before any merge.
    ignore_merges: bool = False
    # Whether bos comes first where the metadata do not say (tokenizer.ggml.add_bos_token).
    add_bos: bool = False


def _sequence(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Sequence", "pretokenizers": list(steps)}


def _split(regex: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}


def _words(digits: str) -> str:
    """GPT-4's splitting, which Llama 3 and Qwen 2 share but for how many digits may stay together."""
    return (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
        + digits
        + r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )


_GPT2 = PreTokenizer(BYTE_LEVEL_SPLIT)
_DIGITS_THEN_GPT2 = PreTokenizer(_sequence({"type": "Digits", "individual_digits": True}, BYTE_LEVEL_SPLIT))
_LLAMA3 = PreTokenizer(_sequence(_split(_words(r"\p{N}{1,3}")), BYTE_LEVEL_ONLY), ignore_merges=True, add_bos=True)
_QWEN2 = PreTokenizer(_sequence(_split(_words(r"\p{N}")), BYTE_LEVEL_ONLY), normalizer={"type": "NFC"})

PRE_TOKENIZERS: dict[str, PreTokenizer] = {
    "gpt-2": _GPT2,
    "smollm": _DIGITS_THEN_GPT2,
    "starcoder": _DIGITS_THEN_GPT2,
    "llama3": _LLAMA3,
    "llama-v3": _LLAMA3,
    "llama-bpe": _LLAMA3,
    "qwen2": _QWEN2,
}
