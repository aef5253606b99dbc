"""How text is split before BPE, by the name in ``tokenizer.ggml.pre``, as tokenizer.json of the same family says it.

llama.cpp names one set of regular expressions per family (llama-vocab.cpp); the tokenizer.json that the file was made
from is what counts here. A name that is missing here is an error: a guess gives wrong token ids for some texts only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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


# GPT-4o's words: an upper-case part, then a lower-case part, or one of them.
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"


def _cased_words(contractions: str, digits: str) -> str:
    return (
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{contractions}|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{contractions}|"
        + digits
        + r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )


_CJK = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"  # As DeepSeek's files have it, with the overlap.
# Written as code points: some of these letters are others when a text is normalized.
_DEEPSEEK_LETTERS = (
    "[A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373"
    "\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f"
    "\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77"
    "\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d"
    "\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb"
    "\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128"
    "\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4"
    "\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf"
    "\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\U00010400-\U0001044f\U000104b0-\U000104d3"
    "\U000104d8-\U000104fb\U00010c80-\U00010cb2\U00010cc0-\U00010cf2\U000118a0-\U000118df\U0001e900-\U0001e943]+"
)
_SINGLE_DIGITS: dict[str, Any] = {"type": "Digits", "individual_digits": True}
_NFC: dict[str, Any] = {"type": "NFC"}

_GPT2 = PreTokenizer(BYTE_LEVEL_SPLIT)
_GPT_NEOX = PreTokenizer(BYTE_LEVEL_SPLIT, normalizer=_NFC)
_DIGITS_THEN_GPT2 = PreTokenizer(_sequence(_SINGLE_DIGITS, BYTE_LEVEL_SPLIT))
_GPT4 = PreTokenizer(_sequence(_split(_words(r"\p{N}{1,3}")), BYTE_LEVEL_ONLY))
_LLAMA3 = replace(_GPT4, ignore_merges=True, add_bos=True)
_QWEN2 = PreTokenizer(_sequence(_split(_words(r"\p{N}")), BYTE_LEVEL_ONLY), normalizer=_NFC)
_QWEN35 = PreTokenizer(
    _sequence(
        _split(
            _words(r"\p{N}")
            .replace(r"[^\r\n\p{L}\p{N}]?\p{L}+", r"[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+")
            .replace(r" ?[^\s\p{L}\p{N}]+", r" ?[^\s\p{L}\p{M}\p{N}]+")
        ),
        BYTE_LEVEL_ONLY,
    )
)
_GPT4O = PreTokenizer(_sequence(_split(_cased_words(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?", r"\p{N}{1,3}")), BYTE_LEVEL_ONLY))
_TEKKEN = PreTokenizer(_sequence(_split(_cased_words("", r"\p{N}")), BYTE_LEVEL_ONLY), ignore_merges=True, add_bos=True)
_FALCON = PreTokenizer(
    _sequence(
        {"type": "Punctuation", "behavior": "Contiguous"},
        BYTE_LEVEL_SPLIT,
        {"type": "Digits", "individual_digits": False},
        _split("[0-9][0-9][0-9]"),
    )
)
_DEEPSEEK_LLM = PreTokenizer(
    _sequence(
        _split("[\r\n]"),
        _split(r"\s?" + _DEEPSEEK_LETTERS),
        _split(r"\s?[!-/:-~" + "\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+"),
        _split(r"\s+$"),
        _split(_CJK),
        _SINGLE_DIGITS,
        BYTE_LEVEL_ONLY,
    )
)
_DEEPSEEK_CODER = PreTokenizer(
    _sequence(
        _split("[\r\n]"), _split(r"\s?\p{L}+"), _split(r"\s?\p{P}+"), _split(_CJK), _SINGLE_DIGITS, BYTE_LEVEL_ONLY
    )
)
_DEEPSEEK_V3 = PreTokenizer(
    _sequence(
        _split(r"\p{N}{1,3}"),
        _split("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"),
        _split(
            r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^" + "\r\n" + r"\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
            r"| ?[\p{P}\p{S}]+[" + "\r\n" + r"]*|\s*[" + "\r\n" + r"]+|\s+(?!\S)|\s+"
        ),
        BYTE_LEVEL_ONLY,
    )
)

PRE_TOKENIZERS: dict[str, PreTokenizer] = {
    "gpt-2": _GPT2,
    "phi-2": _GPT2,
    "mpt": _GPT_NEOX,
    "olmo": _GPT_NEOX,
    "gpt-neox": _GPT_NEOX,
    "smollm": _DIGITS_THEN_GPT2,
    "starcoder": _DIGITS_THEN_GPT2,
    "refact": _DIGITS_THEN_GPT2,
    "command-r": replace(_DIGITS_THEN_GPT2, normalizer=_NFC),
    "falcon": _FALCON,
    "dbrx": _GPT4,
    "smaug-bpe": _GPT4,
    "llama3": _LLAMA3,
    "llama-v3": _LLAMA3,
    "llama-bpe": _LLAMA3,
    "lfm2": _LLAMA3,
    "falcon3": _LLAMA3,
    "pixtral": _LLAMA3,
    "midm-2.0": _LLAMA3,
    "qwen2": _QWEN2,
    "deepseek-r1-qwen": _QWEN2,
    "stablelm2": _QWEN2,
    "megrez": _QWEN2,
    "qwen35": _QWEN35,
    "gpt-4o": _GPT4O,
    "llama4": _GPT4O,
    "tekken": _TEKKEN,
    "deepseek-llm": _DEEPSEEK_LLM,
    "deepseek-coder": _DEEPSEEK_CODER,
    "deepseek-v3": _DEEPSEEK_V3,
}
# Files from before ``tokenizer.ggml.pre`` existed, where all models of the architecture share one tokenizer.
WITHOUT_NAME: dict[str, str] = {"gptneox": "gpt-neox", "mpt": "mpt", "falcon": "falcon"}
