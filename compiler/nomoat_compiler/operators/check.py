"""Whether a definition is one: every field there and in range, and the operator's rules kept.

One check for the compiler, which asks before it writes a program, and for whoever reads one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..expression import evaluate
from ..scheme import scheme_from_json
from .declaration import INTEGER_KINDS, NUMBER_KINDS, Field, OperatorDeclaration
from .symbols import definition_symbols

Definition = Mapping[str, Any]


def definition_problem(operator: OperatorDeclaration, definition: Definition, *, prefill: bool) -> str | None:
    """What is wrong with ``definition`` in prefill or in a function of one token; None where nothing is."""
    expected = ["op", *(field.name for field in operator.fields)]
    if set(definition) != set(expected):
        return f"{operator.name} has the fields {', '.join(expected)}, not {', '.join(definition)}"
    for field in operator.fields:
        if problem := _field_problem(field, definition[field.name]):
            return f"{field.name} of {operator.name} {problem}"
    symbols = definition_symbols(operator, definition, prefill=prefill)
    for rule in operator.rules:
        if evaluate(rule.require, symbols) == 0:
            return f"{operator.name}: {rule.message}"
    return None


def _field_problem(field: Field, value: Any) -> str | None:
    if value is None:
        return None if field.nullable else "must not be null"
    if field.kind == "scheme":
        return _scheme_problem(value)
    if field.kind == "boolean":
        return None if isinstance(value, bool) else f"must be true or false, not {value!r}"
    if field.kind in INTEGER_KINDS:
        least, most, multiple = INTEGER_KINDS[field.kind]
        if type(value) is int and least <= value <= most and value % multiple == 0:
            return None
        multiples = f", a multiple of {multiple}" if multiple > 1 else ""
        return f"must be an integer from {least} to {most}{multiples}, not {value!r}"
    most_number = NUMBER_KINDS[field.kind]
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= most_number:
        return None
    return f"must be a number above 0 and at most {most_number:g}, not {value!r}"


def _scheme_problem(value: object) -> str | None:
    try:
        scheme_from_json(value)
    except ValueError as error:
        return f"is no scheme: {error}"
    return None
