"""MLC's ``conv_template`` of a Jinja chat template, found by rendering conversations whose texts are known.

A conversation template is a few strings around the messages; where a chat template does more, that is an error that
says so. What is found is rendered by MLC's rules and compared before it is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .checkpoint.mlc_conversation import CONTENT, SYSTEM, jinja_template, read_conversation
from .errors import NomoatError

# Single words, so that a template that trims its messages changes nothing.
MARKS = {"system": "Sys7temText", "user": "Us3rText", "assistant": "Ans5erText", "last": "La4tText"}
MESSAGES = [{"role": role, "content": MARKS[role]} for role in ("system", "user", "assistant")]
MESSAGES.append({"role": "user", "content": MARKS["last"]})
# Has no template of its own: text goes in as it is.
PLAIN = {
    "name": "LM", "system_template": SYSTEM, "system_message": "", "roles": {"user": "", "assistant": ""},
    "seps": [""], "role_content_sep": "", "role_empty_sep": "",
}  # fmt: skip


@dataclass(frozen=True)
class FoundTemplate:
    """``same_without_system``: whether conversations without a system message are the same, too."""

    conv_template: dict[str, Any]
    same_without_system: bool


def conv_template_of(
    source: str | None,
    *,
    special_tokens: dict[str, str],
    prefix: tuple[str, int] | None,
    stop_token_ids: list[int],
    stop_strings: list[str],
) -> FoundTemplate:
    """``prefix``: text and id of the token that may begin every prompt. ``unsupported`` where MLC has no such form."""
    common: dict[str, Any] = {
        "add_role_after_system_message": True, "messages": [], "stop_str": stop_strings,
        "stop_token_ids": stop_token_ids, "function_string": "", "use_function_calling": False,
        "role_templates": dict(CONTENT),
    }  # fmt: skip
    if source is None:
        return FoundTemplate(PLAIN | common, True)
    render = _renderer(source, special_tokens)
    with_prompt, without = render(MESSAGES, True), render(MESSAGES, False)
    before, between, turn, back, opened = _split(with_prompt, list(MARKS.values()))
    user_end = _split(without, list(MARKS.values()))[-1]
    user = _common_suffix(between, back)
    if not opened.startswith(user_end) or not turn.startswith(user_end):
        raise _refused("a message ends in two ways")
    assistant, opening = turn.removeprefix(user_end), opened.removeprefix(user_end)
    role = _common_suffix(assistant[::-1], opening[::-1])[::-1]
    content_sep = assistant.removeprefix(role)
    if not user.endswith(content_sep):
        raise _refused("answers are opened in two ways")
    system_end = between.removesuffix(user)
    default = _default_system(render([MESSAGES[1]], True), before, system_end + user)
    prefix_ids = []
    if prefix is not None and before.startswith(prefix[0]):
        before, prefix_ids = before.removeprefix(prefix[0]), [prefix[1]]
    found = common | {
        "name": "nomoat", "system_template": before + SYSTEM + system_end, "system_message": default or "",
        "system_prefix_token_ids": prefix_ids or None,
        "roles": {"user": user.removesuffix(content_sep), "assistant": role},
        "seps": [user_end, back.removesuffix(user)], "role_content_sep": content_sep,
        "role_empty_sep": opening.removeprefix(role),
    }  # fmt: skip
    again = _renderer(jinja_template(read_conversation(found), prefix[0] if prefix_ids and prefix else ""), {})
    for messages in (MESSAGES, MESSAGES[:2], [*MESSAGES, *MESSAGES[2:], *MESSAGES[2:]]):
        if again(messages, True) != render(messages, True):
            raise _refused("a conversation is rendered in another way")
    without_system = (MESSAGES[1:2], MESSAGES[1:])
    return FoundTemplate(found, all(again(m, True) == render(m, True) for m in without_system))


def _renderer(source: str, special_tokens: dict[str, str]) -> Any:
    """(messages, add_generation_prompt) -> text, by Jinja2 as transformers sets it up."""
    import jinja2  # Here: only this one command needs it.
    import jinja2.sandbox

    def raise_exception(message: str) -> None:
        raise jinja2.exceptions.TemplateError(message)

    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = raise_exception

    def render(messages: list[dict[str, str]], add_generation_prompt: bool) -> str:
        try:
            template = environment.from_string(source)
            return template.render(messages=messages, add_generation_prompt=add_generation_prompt, **special_tokens)
        except jinja2.exceptions.TemplateError as error:
            raise _refused(f"it cannot render a conversation with a system message ({str(error)[:100]})") from error

    return render


def _split(text: str, marks: list[str]) -> list[str]:
    """What stands before, between and after the ``marks``, each of which is there once and in this order."""
    pieces = []
    for mark in marks:
        piece, found, text = text.partition(mark)
        if not found or mark in text:
            raise _refused("a message is left out, repeated or moved")
        pieces.append(piece)
    return [*pieces, text]


def _common_suffix(one: str, other: str) -> str:
    length = 0
    while length < min(len(one), len(other)) and one[-1 - length] == other[-1 - length]:
        length += 1
    return one[len(one) - length :]


def _default_system(rendered: str, before: str, after: str) -> str | None:
    """The system message that the template takes where there is none."""
    start = rendered.partition(MARKS["user"])[0]
    if start.startswith(before) and start.endswith(after) and len(start) >= len(before) + len(after):
        return start[len(before) : len(start) - len(after)]
    return None


def _refused(problem: str) -> NomoatError:
    return NomoatError(
        "unsupported",
        f"The chat template cannot be written as MLC's conv_template: {problem}. Write a package of NoMoat's own "
        "format.",
    )
