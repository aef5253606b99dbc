"""Texts on which tokenizers differ: what splits digits, spaces, case, marks, bytes and special tokens."""

from __future__ import annotations

import random

TEXTS = [
    "",
    " ",
    "   ",
    "\n",
    "\r\n\r\n",
    "\t\tx",
    "Hello, world!",
    "  leading and trailing  ",
    "multiple   spaces    inside",
    "line one\nline two\r\n\r\n  indented\n\n\n",
    "0 1 12 123 1234 12345 1,000,000.50 3.14159 0x1F 1e-9",
    "¹²³ ½ Ⅷ ٣٤٥ १२३ 一二三 ①②",
    "don't can't we'll I'm you're they've he'd IT'S WE'LL I'Ma'am 's'S'ſ",
    "CamelCase snake_case SCREAMING_CASE kebab-case x86_64",
    "def f(x: int) -> str:\n    return f'{x!r}'  # comment\n\n\nclass A:\n\tpass\n",
    '{"a": [1, 2.5e10, null], "b\\n": "\\u00e9"}',
    "<div class='a'>&nbsp;</div><!-- x -->",
    "café café naïve Ångström Ångström ﬁne",
    "Ελληνικά русский עברית العربية हिन्दी ไทย",
    "日本語のテキスト、中文文本，한국어 텍스트。",
    "emoji 😀👍🏽👨‍👩‍👧‍👦🏳️‍🌈 and ❤️ text",
    "zero​width ﻿bom soft­hyphen nbsp em",
    "control \x00 \x01 \x7f chars",
    "�  ",
    "!!!???...---___***###@@@$$$%%%^^^&&&",
    "a" * 300,
    "ab" * 200 + " " * 50 + "\n" * 20,
    "https://example.org/path?q=1&r=%20#frag user@example.com",
    "<s>not special</s> <unk> <0x41> ▁ ▁▁ <|im_start|>user\nhi<|im_end|>\n<|endoftext|>",
    "The quick brown fox jumps over the lazy dog. " * 20,
]


def long_text(characters: int = 100_000) -> str:
    """A seeded mixture of all of them."""
    rng = random.Random(11)
    parts: list[str] = []
    length = 0
    while length < characters:
        part = rng.choice(TEXTS[6:]) + rng.choice(["", " ", "\n", "  ", "7"])
        parts.append(part)
        length += len(part)
    return "".join(parts)[:characters]
