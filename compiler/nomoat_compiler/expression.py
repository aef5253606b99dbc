"""Integer expressions as data: an integer, a symbol, or [operator, left, right].

Division and modulo are floor division and floor modulo; comparisons give 1 or 0, so "and" is ``*`` and "or" is ``max``.
Which symbols there are depends on where the expression stands: docs/program-interface.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Expression = int | str | list[Any]

OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "min": min,
    "max": max,
    "==": lambda a, b: int(a == b),
    "<": lambda a, b: int(a < b),
    "<=": lambda a, b: int(a <= b),
}


def evaluate(expression: Expression, symbols: Mapping[str, int]) -> int:
    """The value of ``expression``; KeyError for a symbol that is not in ``symbols``."""
    if isinstance(expression, int):
        return int(expression)
    if isinstance(expression, str):
        return symbols[expression]
    operator, left, right = expression
    return OPERATIONS[operator](evaluate(left, symbols), evaluate(right, symbols))


def symbols_of(expression: Expression) -> Iterator[str]:
    """Every symbol in ``expression``, as often as it stands there."""
    if isinstance(expression, str):
        yield expression
    elif isinstance(expression, list):
        for operand in expression[1:]:
            yield from symbols_of(operand)


def negation(condition: Expression) -> Expression:
    """1 where ``condition`` is 0, else 0."""
    return ["==", condition, 0]


def conjunction(*conditions: Expression) -> Expression:
    """1 where every condition (0 or 1) is 1; without conditions 1."""
    result: Expression = 1
    for condition in conditions:
        result = condition if result == 1 else ["*", result, condition]
    return result


def ceil_div(left: Expression, right: Expression) -> Expression:
    """Division rounded up, for a positive ``right``."""
    one_less = right - 1 if isinstance(right, int) else ["-", right, 1]
    return ["//", ["+", left, one_less], right]
