"""Patterns, normalizers and pre-tokenizers of tokenizer.json mean what they mean to `tokenizers`. Needs Node.

A pattern is seen through the normalizer Replace: what it matches becomes ⟨, and each byte of the result is a token.
"""

import json
import random
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, pre_tokenizers

from tests.parity import text_part
from tests.parity.nasty_texts import NASTY, random_texts

ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return text_part.bundle(tmp_path_factory.mktemp("driver"))


def bytes_of(**parts: Any) -> str:
    """tokenizer.json of a tokenizer whose tokens are bytes."""
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    model = {"type": "BPE", "vocab": {c: i for i, c in enumerate(ALPHABET)}, "merges": []}
    return json.dumps(
        {"version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": byte_level, "post_processor": None,
         "decoder": byte_level, "model": model} | parts
    )  # fmt: skip


def known(character: str) -> bool:
    """Assigned by Unicode 14, which all that run here know; what later versions assign depends on the machine."""
    return unicodedata.category(character) != "Cn"


def points() -> list[str]:
    """Every assigned character but most of the Han and Hangul ones, a thousand a text, letters between them."""
    every = [chr(point) for point in range(1, 0x110000) if not 0xD800 <= point < 0xE000]
    inside = [c for c in every if ord(c) < 0x3400 or 0x9FF0 < ord(c) < 0xAC10 or 0xD7A0 < ord(c) < 0x1FC00]
    assigned = [c for c in inside if known(c)]
    return ["a ".join(assigned[i : i + 1000]) for i in range(0, len(assigned), 1000)]


def same(driver: Path, tokenizer_json: str, texts: list[str]) -> None:
    expected = Tokenizer.from_str(tokenizer_json)
    job = {
        "files": text_part.files(tokenizer_json),
        "encode": [{"text": text, "allowSpecial": True} for text in texts],
    }
    got = text_part.run(driver, job)["encoded"]
    wrong = [t for t, ids in zip(texts, got, strict=True) if ids != expected.encode(t).ids]
    if wrong:
        text = min(wrong, key=len)
        ids = got[texts.index(text)]
        pytest.fail(
            f"{len(wrong)} texts, {text[:200]!r}: {expected.decode(ids)!r} for {expected.encode(text).ids[:50]}"
        )


PATTERNS = [
    r"\p{L}++|\s++(?!\S)|\s+|.",
    r"\s++x|\s",
    r"a*+a|b",
    r"a?+a|b",
    r"(?:ab)++b|b",
    r"(?>a|ab)c|b",
    r"(?>\p{L}+)e|\p{N}",
    r"x(?>(?>a+)b)+c|b",
    r"(?>a+(?:b++|c))d|a",
    r"a{2}+b",
    r"a{1,2}+a|b",
    r"a{,2}b",
    r"a{2}?b",
    r"a{1,3}?b",
    r"e+*d|c",
    r"\d+?\d",
    r"[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+" + CONTRACTIONS + r"?|\p{N}",
    r"(?i)hello|it's",
    r"(?i:k|[s-u]+)x?",
    r"(?i:stra|Σ|ς|é|Ж)",
    r"a(?i)b|c",
    r"\p{Han}|\p{Hiragana}",
    r"\p{^L}",
    r"\P{L}+",
    r"[\p{^L}&&\P{N}]",
    r"[[:alpha:]]+|[[:^alpha:]]",
    r"[[:punct:]]",
    r"[a-z&&[^aeiou]]",
    r"[^a-z&&[aeiou]]",
    r"[\w&&[^\d_]]+",
    r"[a-c[x-z]0-9]+",
    r"[^[a-c][x-z]]",
    r"[^(\s|[.,!?…。，、।۔،])]+",
    r"[]a]",
    r"[-a]|[b-]|[+--]",
    r"[\]\[\-^$.|?*+(){}\\/]",
    r"[!-/:-@\[-`{-~]",
    r"[#$%&'*,:;<=>@`~\"]+",
    r"\w+", r"\W", r"[\w]", r"[\W]", r"\d", r"\D", r"\s", r"\S", r"\h", r"\H", r"[\h]", r"\R", r"\N+", r"\O",
    r"\bx|\Ba",
    r"\A.|.\z",
    r"^.|.$",
    r".\Z",
    r"\x41|\x{1F642}|\u00e9|\t|\n|\f|\v|\a|\e|\0",
    r"(?<=a)b|(?<!a)c|(?=x)x|d(?!e)",
    r"(?<name>a)|(b)",
    r"(?#comment)a",
    r"\-\ \!\"\#\%\&\'\,\/\:\;\<\=\>\@\_\`\~|\.\*\+\?\(\)\[\]\{\}\|\^\$\\",
    r"🙂|[🙂-🙅]",
    r"\p{Alpha}|\p{Space}",
    r"\p{Emoji}+",
    r"\p{Latin}",
    r"a|b{2,}|{|}|]",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns(driver: Path, pattern: str) -> None:
    replace = {"type": "Replace", "pattern": {"Regex": pattern}, "content": "⟨"}
    words = [
        "aab aaab abbb abc aabc xabbabc aaad abac ba",
        "STRASSE straße Σσς ÉéЖж HELLO It'S ſkK",
        "a\nb\r\nc\n",
        "x_y-1.²¼",
    ]
    rng = random.Random(1)
    words += ["".join(rng.choices("aabbbcdex \n1K'ss]-", k=60)) for _ in range(200)]
    texts = ["".join(c for c in text if known(c)) for text in [*words, *NASTY, *random_texts(100)]]
    same(driver, bytes_of(normalizer=replace), texts)


@pytest.mark.parametrize("pattern", [r"\w", r"[\w]", r"\d", r"\s", r"[[:punct:]]", r"[[:alpha:]]", r"\p{L}", r"\bx?a"])
def test_classes_over_all_characters(driver: Path, pattern: str) -> None:
    replace = {"type": "Replace", "pattern": {"Regex": pattern}, "content": "⟨"}
    same(driver, bytes_of(normalizer=replace), points())


REFUSED = [
    r"(a)\1", r"(?<n>a)\k<n>", r"\Ga", r"\Ka", r"\X", r"a(?<=(?>b+))", r"(?x: a)", r"(?~a)", r"[a&&]", r"[b-a]", r"(a",
    r"a)", r"[a", r"\p{Nothing}", r"*a", r"(?m:a)", "(" * 150 + "a" + ")" * 150,
]  # fmt: skip


@pytest.mark.parametrize("pattern", REFUSED)
def test_patterns_without_an_equal_are_refused(driver: Path, pattern: str) -> None:
    replace = {"type": "Replace", "pattern": {"Regex": pattern}, "content": "⟨"}
    made = text_part.run(driver, {"load": text_part.files(bytes_of(normalizer=replace))})["loaded"]
    assert made["error"] == "invalid_package"
    assert "normalizer.pattern must be a regular expression that can be translated" in made["message"]


NORMALIZERS: dict[str, Any] = {
    "strip accents": {"type": "StripAccents"},
    "nfd, strip accents": {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}]},
    "lowercase": {"type": "Lowercase"},
    "strip": {"type": "Strip", "strip_left": True, "strip_right": True},
    "nfkc": {"type": "NFKC"},
    "bert, lower case": {"type": "BertNormalizer", "lowercase": True},
    "bert, cased": {"type": "BertNormalizer", "lowercase": False, "handle_chinese_chars": False},
    "bert, accents only": {
        "type": "BertNormalizer",
        "lowercase": False,
        "strip_accents": True,
        "clean_text": False,
    },
}


@pytest.mark.parametrize("name", NORMALIZERS)
def test_normalizers_over_all_characters(driver: Path, name: str) -> None:
    """Of Unicode 3.2 and unchanged since: the library's tables are older here than those of its patterns."""
    old = unicodedata.ucd_3_2_0
    texts = ["".join(c for c in text if old.category(c) == unicodedata.category(c)) for text in points()]
    defaults = {"clean_text": True, "handle_chinese_chars": True, "strip_accents": None}
    normalizer = (defaults if name.startswith("bert") else {}) | NORMALIZERS[name]
    same(driver, bytes_of(normalizer=normalizer), [*texts, *NASTY])
