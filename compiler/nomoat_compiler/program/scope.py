"""What the symbols of a plan stand for: the configuration, and within a ``repeat`` one layer of it.

A plan comes from a package and is hostile until checked: every name, every integer and the amount of work are bounded
here, before anything is made from them. Every error is ``invalid_package``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from ..errors import NomoatError
from ..expression import OPERATIONS, Expression

Number = int | float
NAME = re.compile(r"[A-Za-z0-9_.]{1,200}")
SYMBOL = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
# Symbols that only the runtime knows; they may stand in shapes of buffers.
RUNTIME_SYMBOLS = ("n", "kv_pages", "state_slots")
PROGRAM_SYMBOLS = ("context_length", "prefill_chunk", "page_size")
RESERVED = frozenset({*RUNTIME_SYMBOLS, *PROGRAM_SYMBOLS, "layer", "prefill", "max_layers"})
MAX_LAYERS = 1024
MAX_ATTRIBUTES = 64
MAX_DEPTH = 24  # of an expression
MAX_LITERAL = (1 << 32) - 1
MIN_LITERAL = -(1 << 31)
MAX_INTEGER = (1 << 53) - 1  # what both languages compute exactly


def invalid(problem: str) -> NoReturn:
    """Refuses the program."""
    raise NomoatError("invalid_package", f"program.json: {problem}.")


@dataclass(frozen=True)
class Scope:
    """The symbols at one place. ``layer`` holds ``layer`` and ``layer.<attribute>`` within a repeat, else nothing."""

    configuration: Mapping[str, Number]
    layer: Mapping[str, Number]
    layers: Sequence[Mapping[str, Number]]  # every layer's symbols, for max_layers

    def integer(self, expression: Expression, where: str) -> int:
        """The value of an expression over integers and booleans (0 or 1)."""
        value = self.fold(expression, where)
        assert isinstance(value, int)
        return value

    def condition(self, item: Mapping[str, Any], where: str) -> bool:
        """Whether ``item`` is there: its ``when``, where it has one, is not 0."""
        return self.integer(item.get("when", 1), f"{where}.when") != 0

    def fold(
        self, expression: Any, where: str, runtime: Sequence[str] = (), *, over_layers: bool = False, depth: int = 0
    ) -> Expression:
        """``expression`` with every symbol replaced but ``runtime``; an integer where none of those is in it.

        ``over_layers``: ["max_layers", e] is allowed, the largest value that e has in any layer.
        """
        if isinstance(expression, str):
            return expression if expression in runtime else self._integer_symbol(expression, where)
        if isinstance(expression, bool) or not isinstance(expression, list):
            return _literal(expression, where)
        if depth >= MAX_DEPTH:
            invalid(f"{where} must be an expression at most {MAX_DEPTH} levels deep")
        if over_layers and len(expression) == 2 and expression[0] == "max_layers":
            scopes = (Scope(self.configuration, layer, self.layers) for layer in self.layers)
            values = [scope.fold(expression[1], where, depth=depth + 1) for scope in scopes]
            return max(value for value in values if isinstance(value, int))
        if len(expression) != 3 or not isinstance(expression[0], str) or expression[0] not in OPERATIONS:
            invalid(f"{where} must be an integer, a symbol or [operator, left, right] with a known operator")
        operator = expression[0]
        left, right = (self.fold(e, where, runtime, over_layers=over_layers, depth=depth + 1) for e in expression[1:])
        if isinstance(left, int) and isinstance(right, int):
            return apply(operator, left, right, where)
        return [operator, left, right]

    def number(self, value: Any, where: str) -> float:
        """A literal number, or a symbol with any number as its value."""
        if isinstance(value, str):
            value = self._symbol(value, where)
        if isinstance(value, bool) or not isinstance(value, int | float):
            invalid(f"{where} must be a number or the symbol of one")
        return float(value)

    def name(self, template: str, where: str) -> str:
        """``template`` with {layer} and {layer.<attribute>} replaced by their values, integers from 0 on."""

        def value(match: re.Match[str]) -> str:
            if match[1] != "layer" and not match[1].startswith("layer."):
                invalid(f"{where} has {{{match[1][:70]}}}; a name may only have {{layer}} and {{layer.<attribute>}}")
            return str(self._integer_symbol(match[1], where))

        name = PLACEHOLDER.sub(value, template)
        if not NAME.fullmatch(name):
            invalid(f"{where} must be 1 to 200 letters, digits, points and underscores, not {name[:80]!r}")
        return name

    def _integer_symbol(self, symbol: str, where: str) -> int:
        value = self._symbol(symbol, where)
        if not isinstance(value, int):
            invalid(f"{where} needs an integer, and {symbol} is {value}")
        return value

    def _symbol(self, symbol: str, where: str) -> Number:
        value = self.layer.get(symbol, self.configuration.get(symbol))
        if value is None:
            hint = " outside of a repeat" if symbol.startswith("layer") and not self.layer else ""
            invalid(f"{where} names {symbol[:80]!r}, which is no symbol{hint}")
        return value


def bounded(expression: Expression, symbols: Mapping[str, int], where: str) -> int:
    """The value of a folded expression, every intermediate result below 2^53."""
    if isinstance(expression, str):
        return symbols[expression]
    if isinstance(expression, int):
        return expression
    operator, left, right = expression
    return apply(operator, bounded(left, symbols, where), bounded(right, symbols, where), where)


def apply(operator: str, left: int, right: int, where: str) -> int:
    """One operation on integers below 2^53, whose result must be one as well."""
    if right == 0 and operator in ("//", "%"):
        invalid(f"{where} divides by zero")
    result = OPERATIONS[operator](left, right)
    if abs(result) > MAX_INTEGER:
        invalid(f"{where} overflows 53 bits")
    return result


class Configuration:
    """The numbers of ``model`` and of the program, and for each layer its attributes.

    Booleans are 0 and 1; strings, objects and lists of ``model`` are no symbols. Attributes in ``layers`` are one
    number for all layers, or a list with one for each.
    """

    def __init__(
        self, model: Mapping[str, Any], layers: Mapping[str, Any], *, context_length: int, prefill_chunk: int,
        page_size: int,
    ) -> None:  # fmt: skip
        symbols: dict[str, Number] = {}
        for name, value in model.items():
            if not SYMBOL.fullmatch(name) or name in RESERVED:
                invalid(f"model has the key {name[:80]!r}, which is reserved or no name")
            if isinstance(value, int | float):
                symbols[name] = _symbol_value(value, f"model.{name}")
        count = symbols.get("num_hidden_layers")
        if not isinstance(count, int) or not 1 <= count <= MAX_LAYERS:
            invalid(f"model.num_hidden_layers must be an integer from 1 to {MAX_LAYERS}, not {count}")
        symbols |= {"context_length": context_length, "prefill_chunk": prefill_chunk, "page_size": page_size}
        self.layer_count = count
        self._layers = _layer_symbols(layers, count)
        self.outside = Scope(symbols, {}, self._layers)

    def within(self, layer: int) -> Scope:
        return Scope(self.outside.configuration, self._layers[layer], self._layers)


def _layer_symbols(layers: Mapping[str, Any], count: int) -> list[dict[str, Number]]:
    if len(layers) > MAX_ATTRIBUTES:
        invalid(f"layers must have at most {MAX_ATTRIBUTES} attributes, not {len(layers)}")
    symbols: list[dict[str, Number]] = [{"layer": layer} for layer in range(count)]
    for name, values in layers.items():
        where = f"layers.{name[:80]}"
        if not SYMBOL.fullmatch(name):
            invalid(f"{where} is no name of an attribute")
        if not isinstance(values, list):
            values = [values] * count
        if len(values) != count:
            invalid(f"{where} has {len(values)} values for {count} layers")
        for layer, value in enumerate(values):
            if not isinstance(value, int | float):
                invalid(f"{where}[{layer}] must be a number or a boolean")
            symbols[layer][f"layer.{name}"] = _symbol_value(value, where)
    return symbols


def _symbol_value(value: Number, where: str) -> Number:
    """An integer where ``value`` is one, else a float; JavaScript cannot tell 2 from 2.0."""
    if not abs(value) <= MAX_INTEGER:  # NaN too
        invalid(f"{where} must be a number below 2^53")
    return int(value) if value == int(value) else value


def _literal(value: object, where: str) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not MIN_LITERAL <= value <= MAX_LITERAL:
        invalid(f"{where} must be an integer of 32 bits, a symbol or [operator, left, right]")
    return value
