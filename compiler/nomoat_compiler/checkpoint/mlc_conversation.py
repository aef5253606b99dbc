"""MLC's ``conv_template`` as a Jinja template that renders the same prompt.

    prompt = system, then for each message: role + role_content_sep + content + separator,
             then assistant + role_empty_sep

A message's content stands in its role's template, the system message in ``system_template``. The functions that a
caller offers take the place of the last ``{function_string}`` of the prompt; other ones vanish. Source:
Conversation.as_prompt and ChatCompletionRequest.check_function_call_usage of mlc-llm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import NomoatError

SYSTEM, FUNCTIONS = "{system_message}", "{function_string}"
CONTENT = {"user": "{user_message}", "assistant": "{assistant_message}", "tool": "{tool_message}"}
MAX_TEXT = 1 << 16
# What a request's list of tools becomes (json.dumps of name, description and parameters of each).
FUNCTION_TEXT = (
    "{%- set ns.functions = '[' -%}{%- for tool in tools -%}"
    "{%- set f = tool.function if tool.function is defined else tool -%}"
    "{%- set ns.functions = ns.functions ~ (', ' if not loop.first else '') ~ "
    "({'description': f.description if f.description is defined else none, 'name': f.name, "
    "'parameters': f.parameters} | tojson) -%}"
    "{%- endfor -%}{%- set ns.functions = ns.functions ~ ']' -%}"
)


@dataclass(frozen=True)
class Conversation:
    """A checked ``conv_template``."""

    system_template: str
    system_message: str
    roles: dict[str, str]
    role_templates: dict[str, str]
    separators: tuple[str, str]  # after every other message, after one of the assistant
    role_content_sep: str
    role_empty_sep: str
    add_role_after_system_message: bool
    system_prefix_token_ids: tuple[int, ...]
    stop_strings: tuple[str, ...]
    stop_token_ids: tuple[int, ...]


def read_conversation(value: object) -> Conversation:
    """``invalid_checkpoint`` where a field is not what mlc-llm takes."""
    if not isinstance(value, dict):
        raise _invalid("must be an object")

    def text(name: str, default: str = "") -> str:
        found = value.get(name)
        return _text(name, default if found is None else found)

    roles, templates = _texts(value, "roles"), CONTENT | _texts(value, "role_templates")
    if "user" not in roles or "assistant" not in roles:
        raise _invalid("names no user and assistant under roles")
    separators = _items(value, "seps", str)
    if len(separators) not in (1, 2):
        raise _invalid("must have one or two seps")
    add_role = value.get("add_role_after_system_message")
    return Conversation(
        system_template=text("system_template", SYSTEM),
        system_message=text("system_message"),
        roles=roles,
        role_templates=templates,
        separators=(separators[0], separators[-1]),
        role_content_sep=text("role_content_sep"),
        role_empty_sep=text("role_empty_sep"),
        add_role_after_system_message=True if add_role is None else bool(add_role),
        system_prefix_token_ids=tuple(_items(value, "system_prefix_token_ids", int)),
        stop_strings=tuple(_items(value, "stop_str", str)),
        stop_token_ids=tuple(_items(value, "stop_token_ids", int)),
    )


def jinja_template(conversation: Conversation, prefix: str) -> str:
    """The template; ``prefix`` is the text of ``system_prefix_token_ids``."""
    c = conversation
    first_role = "" if c.add_role_after_system_message else "ns.index == 0 and ns.system != ''"
    body = "".join(_message(c, role, first_role) for role in c.roles if role in CONTENT)
    known = ", ".join(_literal(role) for role in c.roles if role in CONTENT)
    return "".join(
        [
            "{%- set ns = namespace(system=", _literal(c.system_message), ", index=0, last=-1, functions='') -%}",
            "{%- for message in messages -%}{%- if message.role == 'system' -%}",
            "{%- set ns.system = message.content if message.content else '' -%}",
            "{%- else -%}", _last_with_functions(c), "{%- set ns.index = ns.index + 1 -%}{%- endif -%}{%- endfor -%}",
            "{%- set ns.index = 0 -%}{%- if tools -%}", FUNCTION_TEXT, "{%- endif -%}",
            "{%- set ns.system = ", _system(c), " -%}{{- ", _literal(prefix), " ~ ns.system -}}",
            "{%- for message in messages -%}{%- if message.role != 'system' -%}",
            "{%- if message.role not in [", known, "] -%}",
            "{{- raise_exception('The role ' ~ message.role ~ ' is not supported') -}}{%- endif -%}",
            body, "{%- set ns.index = ns.index + 1 -%}{%- endif -%}{%- endfor -%}",
            "{%- if add_generation_prompt -%}{{- ", _literal(c.roles["assistant"] + c.role_empty_sep),
            " -}}{%- endif -%}",
        ]
    )  # fmt: skip


def _message(c: Conversation, role: str, first_role: str) -> str:
    """What a message of ``role`` becomes; one without content opens its role, as the last of a prompt does."""
    start = _literal(c.roles[role] + c.role_content_sep)
    opened = f"('' if {first_role} else {start})" if first_role else start
    separator = _literal(c.separators[role == "assistant"])
    content = _filled(c.role_templates[role], CONTENT[role], "message.content")
    last_item = "(ns.functions if ns.last == ns.index and loop.last else '')"
    item = _filled(c.role_templates[role], CONTENT[role], "item.text", last_item)
    return (
        f"{{%- if message.role == {_literal(role)} -%}}"
        "{%- if message.content is none or message.content is not defined -%}"
        f"{{{{- {_literal(c.roles[role] + c.role_empty_sep)} -}}}}"
        f"{{%- elif message.content is string -%}}{{{{- {opened} ~ {content} ~ {separator} -}}}}"
        f"{{%- else -%}}{{{{- {opened} -}}}}{{%- for item in message.content -%}}{{{{- {item} -}}}}{{%- endfor -%}}"
        f"{{{{- {separator} -}}}}{{%- endif -%}}{{%- endif -%}}"
    )


def _last_with_functions(c: Conversation) -> str:
    """Remembers the last message whose template has a place for functions."""
    roles = [role for role in c.roles if role in CONTENT and FUNCTIONS in c.role_templates[role]]
    if not roles:
        return ""
    names = ", ".join(_literal(role) for role in roles)
    return f"{{%- if message.role in [{names}] -%}}{{%- set ns.last = ns.index -%}}{{%- endif -%}}"


def _system(c: Conversation) -> str:
    """An expression for the system text. Its functions are the last ones where no message has any."""
    return _filled(c.system_template, SYSTEM, "ns.system", "(ns.functions if ns.last < 0 else '')")


def _filled(
    template: str, placeholder: str, expression: str, functions: str = "(ns.functions if ns.last == ns.index else '')"
) -> str:
    """``template`` with ``placeholder`` replaced, and the last place for functions filled, as an expression."""
    before, found, after = template.rpartition(FUNCTIONS)
    pieces = [before.replace(FUNCTIONS, ""), after] if found else [template]
    filled = [
        " ~ ".join(
            part for i, literal in enumerate(piece.split(placeholder)) for part in _joint(i, literal, expression)
        )
        for piece in pieces
    ]
    return "(" + f" ~ {functions} ~ ".join(piece or "''" for piece in filled) + ")"


def _joint(index: int, literal: str, expression: str) -> list[str]:
    return [*([expression] if index else []), *([_literal(literal)] if literal or not index else [])]


def _literal(text: str) -> str:
    """A Jinja string. Escapes are those that Python and JavaScript's Jinja share."""
    for character, escaped in (("\\", "\\\\"), ("'", "\\'"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(character, escaped)
    return f"'{text}'"


def _texts(value: Mapping[str, Any], name: str) -> dict[str, str]:
    found = value.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _invalid(f"must have an object under {name}")
    return {key: _text(f"{name}.{key}", item) for key, item in found.items() if item is not None}


def _items(value: Mapping[str, Any], name: str, kind: type) -> list[Any]:
    found = value.get(name)
    found = [] if found is None else found
    if not isinstance(found, list) or len(found) > 1000 or not all(type(item) is kind for item in found):
        raise _invalid(f"must have a list of {'texts' if kind is str else 'token ids'} under {name}")
    return [_text(name, item) for item in found] if kind is str else found


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise _invalid(f"has {name} that is no text")
    return value


def _invalid(problem: str) -> NomoatError:
    return NomoatError("invalid_checkpoint", f"mlc-chat-config.json: conv_template {problem}.", field="conv_template")
