"""Chat templates for checkpoints that carry none, one NAME.jinja each, which names where its format is documented.

``choose_chat_template`` is what ``--chat-template NAME|FILE`` does to the tokenizer files of a package.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

from ..checkpoint.chat_template_files import MAX_TEMPLATE_BYTES, named_templates, with_unix_newlines
from ..checkpoint.tokenizer_files import canonical_json
from ..errors import NomoatError, NomoatWarning

FOLDER = Path(__file__).parent


def built_in_templates() -> dict[str, Path]:
    """Name to file, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.jinja"))}


def choose_chat_template(files: dict[str, bytes], chosen: str | None) -> dict[str, bytes]:
    """The tokenizer files with the template ``chosen``: one that the checkpoint names, a built-in one, or a file.

    Without a choice nothing changes; where there is no template then, a warning names those to choose from.
    Errors: ``invalid_request`` for a choice that is none of them, or where there is no tokenizer.
    """
    if chosen is None:
        if "tokenizer.json" in files and "chat_template.jinja" not in files:
            named = _named(files)
            own = f"The checkpoint names chat templates ({', '.join(sorted(named))[:300]}), none as its default"
            warnings.warn(
                f"{own if named else 'The checkpoint has no chat template'}, so pages can only send raw prompts. If "
                "the model answers questions, compile it with --chat-template and the format that it was trained with: "
                f"{offered(named)}, or a Jinja file.",
                NomoatWarning,
                stacklevel=2,
            )
        return files
    if "tokenizer_config.json" not in files:
        raise NomoatError("invalid_request", "--chat-template needs a checkpoint with a tokenizer, and this has none.")
    template = _template(chosen, _named(files))
    config = json.loads(files["tokenizer_config.json"]) | {"chat_template": template}
    return files | {"chat_template.jinja": template.encode("utf-8"), "tokenizer_config.json": canonical_json(config)}


def offered(named: dict[str, str]) -> str:
    """For people: the checkpoint's own names, which come first also where a built-in one has the same."""
    own = f"{', '.join(sorted(named))[:1000]} of the checkpoint; " if named else ""
    return f"{own}{', '.join(name for name in built_in_templates() if name not in named)}"


def _named(files: dict[str, bytes]) -> dict[str, str]:
    """The templates that the checkpoint names; the one it uses by default is called default."""
    return named_templates(json.loads(files.get("tokenizer_config.json", b"{}")).get("chat_template"))


def _template(chosen: str, named: dict[str, str]) -> str:
    built_in = built_in_templates()
    if chosen in named:
        return named[chosen]
    path = built_in.get(chosen, Path(chosen).expanduser())
    if not path.is_file():
        raise NomoatError(
            "invalid_request",
            f"There is no chat template {chosen!r}: it must be one of {offered(named)}, or a Jinja file.",
            asked=chosen,
        )
    if path.stat().st_size > MAX_TEMPLATE_BYTES:
        raise NomoatError("invalid_request", f"{path} is larger than {MAX_TEMPLATE_BYTES} bytes.", file=str(path))
    try:
        return with_unix_newlines(path.read_bytes().decode("utf-8"))
    except UnicodeDecodeError as error:
        raise NomoatError("invalid_request", f"{path} is not UTF-8.", file=str(path)) from error
