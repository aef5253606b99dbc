"""A package's text files, tried before they ship: the runtime's own text part against Jinja2 and ``tokenizers``.

``text_part.js`` is that part, built from runtime/src/check by ``make setup``; it runs in the V8 of mini-racer (v8.py),
so nobody needs Node to compile a model. What a browser would refuse at load is an error here, and what it would read
otherwise than transformers does is a warning that says where.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from ..checkpoint.special_tokens import token_text
from ..checkpoint.tokenizer_files import load_tokenizer
from ..errors import NomoatError, NomoatWarning
from . import v8
from .jinja_reference import render

TEXT_PART = Path(__file__).with_name("text_part.js")
SPECIAL_TOKENS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")

_CODE = "def f(x):\n    if x:\n\treturn x  \n\n    return None\n"
_HELLO = {"role": "user", "content": "Hello, who are you?"}
_SYSTEM = {"role": "system", "content": "Be brief.\n"}
CONVERSATIONS: dict[str, list[dict[str, str]]] = {
    "one question": [_HELLO],
    "a system message": [_SYSTEM, _HELLO],
    "several turns": [
        {"role": "user", "content": " What is 12*34?\n"},
        {"role": "assistant", "content": "<think>\nlet me see\n</think>\n\n    408\n"},
        {"role": "user", "content": "As code:\n" + _CODE},
    ],
    "other scripts": [
        _SYSTEM,
        {"role": "user", "content": "é 你好 🙂 Здравствуйте \u00a0 \"quotes\" 'and' {{ braces }}"},
    ],
    "an empty question": [{"role": "user", "content": ""}],
}
TEXTS = (
    "Hello world",
    " leading and trailing  ",
    _CODE,
    "don't 12345 3.14\r\n\n\ta",
    "é 你好 🙂 ﬁ Ⅷ e\u0301 \u200b",
    "",
)


def check_text_files(files: dict[str, bytes]) -> None:
    """Warns of every difference. ``unsupported`` where the runtime refuses the files or cannot render the template."""
    if "tokenizer.json" not in files:
        return
    if not TEXT_PART.is_file():
        _warn(
            f"The text files were not tried with the runtime's own code: {TEXT_PART.name} is not built (`make setup`)."
        )
        return
    with _started(files) as v8_process:
        tokenizer = load_tokenizer(files["tokenizer.json"])  # Takes as long for a large vocabulary as V8 does.
        result = _outcome(v8_process)
    if result is None:
        return
    config = json.loads(files.get("tokenizer_config.json", b"{}"))
    if "chat_template.jinja" in files:
        _check_template(files["chat_template.jinja"].decode("utf-8"), config, tokenizer, result)
    for text, ours, back in zip(TEXTS, result["encoded"], result["decoded"], strict=True):
        ids = tokenizer.encode(text).ids
        _compare_ids(f"The text {text!r}", ours, ids)
        expected = tokenizer.decode(ids)
        if ours.get("value") == ids and back.get("value") != expected:
            _warn(f"The tokens of {text!r} are {expected!r} as text, and the runtime gives {_shown(back)}.")


def _too_much() -> NomoatError:
    return NomoatError("unsupported", "The runtime needs too much time or memory to load the tokenizer.")


@contextmanager
def _started(files: dict[str, bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """V8 at work on ``files``; it ends with the context."""

    def text(name: str) -> str | None:
        return files[name].decode("utf-8") if name in files else None

    job = {
        "files": {
            "tokenizerConfig": text("tokenizer_config.json") or "{}",
            "chatTemplate": text("chat_template.jinja"),
            "generationConfig": text("generation_config.json"),
        },
        "conversations": list(CONVERSATIONS.values()),
        "texts": TEXTS,
    }
    command = [sys.executable, "-m", v8.__name__, str(TEXT_PART)]
    # A file, as a pipe would wait for this process to write.
    with tempfile.TemporaryFile() as given:
        given.write(json.dumps(job).encode("utf-8") + b"\n")
        given.write(files["tokenizer.json"])
        given.seek(0)
        process = subprocess.Popen(command, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


def _outcome(process: subprocess.Popen[bytes]) -> dict[str, Any] | None:
    """None where V8 does not run here."""
    try:
        output, errors = process.communicate(timeout=2 * v8.LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise _too_much() from error
    if process.returncode == v8.TOO_MUCH:
        raise _too_much()
    said = errors.decode("utf-8", "replace").strip().splitlines()
    problem = (said or [f"V8 ended with code {process.returncode}"])[-1]
    if process.returncode == v8.FAILED:
        raise NomoatError("internal", f"The runtime's text part failed: {problem}")
    if process.returncode != 0:
        _warn(f"The text files were not tried with the runtime's own code: mini-racer does not run here ({problem}).")
        return None
    outcome = json.loads(output)
    if "error" in outcome:
        raise NomoatError("unsupported", f"A browser would refuse this package: {outcome['error']['message']}")
    value: dict[str, Any] = outcome["value"]
    return value


def _check_template(source: str, config: dict[str, Any], tokenizer: Tokenizer, result: dict[str, Any]) -> None:
    special_tokens = {name: text for name in SPECIAL_TOKENS if (text := token_text(config.get(name))) is not None}
    refused = []
    for (name, messages), ours, ids in zip(CONVERSATIONS.items(), result["rendered"], result["chats"], strict=True):
        error = ours.get("error")
        # Ours comes first: it is bounded, and what exhausts it would not end in Jinja2 either.
        if error is not None and "more work than" in error["message"]:
            raise NomoatError("unsupported", f"The chat template cannot be rendered: {error['message']}")
        theirs = render(source, messages, special_tokens)
        if theirs is None:
            refused.append(name)
            if error is None:
                _warn(f"Jinja2 does not render {name} with the chat template, and the runtime does: {_shown(ours)}.")
        elif error is not None:
            raise NomoatError(
                "unsupported", f"The chat template renders {name} in Jinja2 and not in the runtime: {error['message']}"
            )
        elif ours["value"] != theirs:
            _warn(f"The chat template renders {name} {_difference(theirs, ours['value'])}.")
        elif "error" in ids:
            _warn(f"The runtime refuses {name}: {ids['error']['message']}")
        else:
            _compare_ids(f"The prompt of {name}", ids, tokenizer.encode(theirs, add_special_tokens=False).ids)
    if len(refused) == len(CONVERSATIONS):
        message = result["rendered"][0].get("error", {}).get("message", "")
        _warn(
            f"The chat template renders none of {len(CONVERSATIONS)} simple conversations, in Jinja2 neither. {message}"
        )


def _compare_ids(what: str, ours: dict[str, Any], theirs: Sequence[int]) -> None:
    if ours.get("value") != theirs:
        _warn(f"{what} has the tokens {str(theirs)[:300]} by tokenizers, and in the runtime {_shown(ours)}.")


def _difference(theirs: str, ours: str) -> str:
    at = next((i for i, (a, b) in enumerate(zip(theirs, ours, strict=False)) if a != b), min(len(theirs), len(ours)))
    start = max(0, at - 20)
    return f"as …{theirs[start : at + 40]!r} in Jinja2 and …{ours[start : at + 40]!r} in the runtime"


def _shown(outcome: dict[str, Any]) -> str:
    return outcome["error"]["message"] if "error" in outcome else repr(outcome["value"])[:300]


def _warn(message: str) -> None:
    warnings.warn(message[:2000], NomoatWarning, stacklevel=2)
