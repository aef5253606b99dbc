"""Checked values of config.json, under Hugging Face's names.

Nothing is guessed: a missing or impossible value is ``invalid_checkpoint``, a possible one that is not supported is
``unsupported``. null means the default, as in transformers, but where null is a value of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from ..errors import NomoatError
from ..operators.declaration import ACTIVATIONS
from .names import AS_IS, Names

T = TypeVar("T")
# Bounds that keep a lying config.json from asking for absurd memory before any tensor was looked at.
LIMITS = {
    "vocab_size": 4_194_304,
    "hidden_size": 131_072,
    "intermediate_size": 1_048_576,
    "num_hidden_layers": 1_024,
    "num_attention_heads": 1_024,
    "num_key_value_heads": 1_024,
    "head_dim": 1_024,
    "max_position_embeddings": 16_777_216,
}
MOST = 16_777_216  # of any other integer
# Hugging Face's names of the activations that operators know.
ACTIVATION_NAMES = {
    "silu": "silu", "swish": "silu", "gelu": "gelu", "gelu_python": "gelu", "relu": "relu",
    "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "gelu_fast": "gelu_tanh",
    "gelu_python_tanh": "gelu_tanh",
}  # fmt: skip


class StoredTensors(Protocol):
    """What a family may ask about the weights: which there are, and whether two are the same."""

    def __contains__(self, name: object) -> bool: ...

    def equal(self, one: str, other: str) -> bool: ...


class ConfigReader:
    """What a family reads: the configuration, and which tensors there are (None: there are no weights).

    ``read`` has what was asked for so far: every key that a family knows, with its value.
    """

    def __init__(
        self, config: Mapping[str, Any], stored: StoredTensors | None = None, names: Names = AS_IS,
        read: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.config = config
        self.stored = stored
        self.names = names
        self.read: dict[str, Any] = {} if read is None else read

    def changed(self, **values: Any) -> ConfigReader:
        """The same with other values for some keys: for files that spell them in a way of their own."""
        return ConfigReader({**self.config, **values}, self.stored, self.names, self.read)

    def integer(self, name: str, default: int | None = None, least: int = 1) -> int:
        value = self._value(name, default)
        most = LIMITS.get(name, MOST)
        if value is None:
            raise invalid(f"config.json has no {name}; expected an integer in {least}..{most}.", name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise invalid(f"config.json: {name} is {shown(value)}; expected an integer in {least}..{most}.", name)
        return value

    def optional_integer(self, name: str, default: int | None) -> int | None:
        """An integer from 1, or None where the file says null."""
        if self.config.get(name, default) is None:
            self.read[name] = None
            return None
        return self.integer(name, default)

    def number(self, name: str, default: float | None = None, most: float = 1e30) -> float:
        """A number above 0."""
        value = self._value(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
            raise invalid(f"config.json: {name} is {shown(value)}; expected a number in (0, {most:g}].", name)
        return float(value)

    def optional_number(self, name: str, default: float | None) -> float | None:
        """A number above 0, or None where the file says null."""
        if self.config.get(name, default) is None:
            self.read[name] = None
            return None
        return self.number(name, default)

    def boolean(self, name: str, *, default: bool = False) -> bool:
        value = self._value(name, default)
        if not isinstance(value, bool):
            raise invalid(f"config.json: {name} is {shown(value)}; expected true or false.", name)
        return value

    def activation(self, name: str, default: str) -> int:
        """The number of an activation function (operators/declaration.py)."""
        value = self._value(name, default)
        if not isinstance(value, str) or value not in ACTIVATION_NAMES:
            known = ", ".join(ACTIVATION_NAMES)
            raise unsupported(f"config.json: {name} is {shown(value)}; supported are {known}.", name)
        return ACTIVATIONS.index(ACTIVATION_NAMES[value])

    def items(self, name: str, choices: Mapping[Any, T], count: int) -> list[T] | None:
        """One of ``choices`` for each layer; None where the file has no such list."""
        value = self._value(name, None)
        if value is None:
            return None
        if not isinstance(value, list) or len(value) != count:
            raise invalid(f"config.json: {name} must be a list with one entry for each of {count} layers.", name)
        for item in value:
            if not isinstance(item, str | int) or item not in choices:
                known = ", ".join(str(choice) for choice in choices)
                raise unsupported(f"config.json: {name} has {shown(item)}; supported are {known}.", name)
        return [choices[item] for item in value]

    def integers(self, name: str) -> list[int] | None:
        """A list of integers from 0; None where the file has no such list."""
        value = self._value(name, None)
        if value is None:
            return None
        if not isinstance(value, list) or not all(type(item) is int and item >= 0 for item in value):
            raise invalid(f"config.json: {name} must be a list of integers.", name)
        return value

    def only(self, name: str, *supported: object) -> None:
        """``unsupported`` for any other value of ``name``; absent and null are the first of ``supported``."""
        value = self._value(name, supported[0])
        if not any(type(value) is type(one) and value == one for one in supported):
            known = " or ".join(shown(one) for one in supported)
            raise unsupported(f"config.json: {name} is {shown(value)}; only {known} is supported.", name)

    def mapping(self, name: str) -> dict[str, Any] | None:
        value = self._value(name, None)
        if value is not None and not isinstance(value, dict):
            raise invalid(f"config.json: {name} must be an object or null.", name)
        return value

    def _value(self, name: str, default: Any) -> Any:
        value = self.config.get(name)
        value = default if value is None else value
        if isinstance(value, float) and not math.isfinite(value):
            raise invalid(f"config.json: {name} is {value}; expected a finite number.", name)
        self.read[name] = value
        return value


def invalid(message: str, field: str) -> NomoatError:
    return NomoatError("invalid_checkpoint", message, field=field)


def unsupported(message: str, field: str) -> NomoatError:
    return NomoatError("unsupported", message, field=field)


def shown(value: object) -> str:
    return repr(value)[:60]
