"""Texts that break tokenizers: what every parity test of tokenization runs over."""

import random

NASTY: list[str] = [
    "",
    " ",
    "  ",
    "\n",
    "\t",
    "\r\n",
    "a",
    "Hello, world!",
    "Hello  world",
    " leading",
    "trailing ",
    "  both  ",
    "a\r\nb\r\n\r\nc",
    "tabs\t\tand\tmore",
    "    four\n\tand tab\n        eight",
    "x" * 100,
    " " * 50 + "x",
    "\n" * 20,
    "one two  three   four    five     six      ",
    "\u00a0nbsp\u00a0\u2003em\u3000ideographic",
    "\u0085nel \ufeff bom \u200b zwsp",
    "\u180e \u2028 \u2029 \u001c\u001f",
    "0123456789",
    "1 22 333 4444 55555",
    "3.14159e-10",
    "½ ² Ⅷ ٣ ৪ ๙",
    "1,000,000.00€",
    "don't you're I'll we've it's HE'S I'M'D",
    "it'ſ 'K",
    "''' ' \" \"\"\"",
    "¿Qué? ¡Sí! — “quoted” ‘single’ …",
    "naïve café résumé Zürich Ærøskøbing",
    "cafe\u0301 e\u0301\u0327 \u0301alone",
    "ÅÅÅ ﬁ ﬂ Ⅸ",
    "ΑΣ Σ ς İ ı ß ẞ",
    "Привет, мир! Ёлка",
    "Γειά σου Κόσμε",
    "שלום עולם",
    "مرحبا بالعالم ١٢٣",
    "नमस्ते दुनिया",
    "สวัสดีชาวโลก",
    "你好，世界！",
    "こんにちは世界 カタカナ ｶﾅ",
    "안녕하세요 세계",
    "𠜎𠜱𡃁",
    "𝕳𝖊𝖑𝖑𝖔 𝟙𝟚𝟛",
    "🙂",
    "👩‍💻👨‍👩‍👧‍👦",
    "🏳️‍🌈🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "👍🏽👋🏿",
    "❤️ ☎️ 1️⃣",
    "a🙂b 🙂 🙂🙂",
    "\u200d\ufe0f\u20e3",
    "def f(x):\n    return x ** 2  # square\n\n\nclass A:\n\tpass\n",
    "for (let i = 0; i < n; i++) { a[i] += `$&${i}`; }",
    '<div class="x">&amp;</div>',
    "SELECT * FROM t WHERE a >= 1 AND b != 'c';",
    "$$ $& $` $' \\d \\\\ \\n",
    "http://example.org/a?b=c&d=%20#e",
    "__proto__ constructor toString hasOwnProperty",
    "end token <0x0A> <0xFF> ▁▁ Ġ Ċ",
    "▁leading ▁ mid▁",
    "Ġword Ċ ÿ",
    "<|im_start|>user\nHi<|im_end|>\n",
    "<|endoftext|>",
    "x<|im_end|>y",
    "<|im_end|",
    "<<|im_end|>>",
    "<s>[INST] hi [/INST]</s>",
    "</s>",
    "<unk>",
    " <s> </s> ",
    "a<s>b</s> c",
    "<think> a </think>",
    "lonely alonely lonely2 lonely",
    "é lonely ñ,lonely.",
    "a  <left>  b  <right>  c",
    "   <right>   <left>   ",
    "<right><left>",
    "a    b        c",
    "<｜User｜>",
    "<repo_name>x<file_sep>",
    "\u0000nul\u0001\u007f",
    "\ufffd\ufffd bad",
    "\ue000\U000f0000\U0010ffff",
    "ﷺ ﷽",
    "a" * 3000,
    "ab" * 1500,
    "🙂" * 700,
    "你好" * 700,
    "\u0301" * 300,
    "!?" * 500,
    "a b " * 400,
    "1" * 777,
    "\n \n \n" * 100,
    "Z̸̡̛͙̲a̴͇͝l̷̰̈g̶̱̕ò̵̱",
]


def lossy(data: bytes) -> str:
    """Invalid UTF-8 as it reaches a tokenizer: replaced."""
    return data.decode("utf-8", errors="replace")


def random_texts(count: int, seed: int = 5) -> list[str]:
    """Random mixtures of awkward pieces and of random bytes."""
    rng = random.Random(seed)
    pieces = [text for text in NASTY if 0 < len(text) < 40]
    mixed = ["".join(rng.choices(pieces, k=rng.randint(1, 12))) for _ in range(count)]
    noise = [lossy(rng.randbytes(rng.randint(1, 60))) for _ in range(count // 4)]
    points = [
        "".join(chr(point) for point in (rng.randrange(0x20000) for _ in range(30)) if not 0xD800 <= point < 0xE000)
        for _ in range(count // 4)
    ]
    return mixed + noise + points


def long_texts() -> dict[str, str]:
    """200 kB each: prose, one character, no spaces, only spaces, emoji, digits."""
    rng = random.Random(3)
    words = [
        "the",
        "quick",
        "brown",
        "fox",
        "jumps",
        "naïve",
        "世界",
        "over",
        "2024",
        "lazy",
        "dog",
        "🙂",
        "don't",
        "\n",
    ]
    prose = ""
    while len(prose.encode()) < 200_000:
        prose += " ".join(rng.choices(words, k=200)) + " "
    return {
        "prose": prose,
        "one character": "a" * 200_000,
        "no spaces": "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=200_000)),
        "spaces": " " * 200_000,
        "spaces then a letter": " " * 200_000 + "x",
        "emoji": "👩‍💻" * 18_000,
        "digits": "".join(rng.choices("0123456789", k=200_000)),
        "newlines and spaces": " \n" * 100_000,
    }
