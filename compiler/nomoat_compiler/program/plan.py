"""How a model file writes its plan: tensors, constants, buffers and functions, with repeats over the layers.

Names may have {layer} and {layer.<attribute>}, numbers may be expressions over the configuration: scope.py. What is
written is checked at once, so that a mistake in a model file shows where it was made; these checks are asserts, since
a plan is ours. What a plan means with numbers in it is checked by instance.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..expression import Expression
from ..operators.catalog import OPERATORS
from .fixed_buffers import FIXED_BUFFERS
from .tensor_spec import TensorKind

NUMBERS = re.compile(r"\{[^{}]*\}|\d+")
Plan = dict[str, Any]  # JSON: ``plan`` of program.schema.json


class Items:
    """One list of a plan; what is added within ``each_layer`` stands in a repeat."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self._open = self.entries

    @contextmanager
    def each_layer(self, first: Expression = 0, end: Expression = "num_hidden_layers") -> Iterator[None]:
        """The items of the block, once for each layer from ``first`` to ``end``, which is excluded."""
        assert self._open is self.entries, "repeats do not nest"
        self._open = []
        yield
        self.entries.append({"repeat": "layer", "from": first, "to": end, "items": self._open})
        self._open = self.entries

    def _add(self, item: dict[str, Any], when: Expression | None) -> None:
        if when is not None:
            item["when"] = when
        if self._open is self.entries:
            assert not _uses_layer(item), f"{item} uses the layer outside of a repeat"
        self._open.append(item)


class Tensors(Items):
    """The weights, in the order in which they are stored."""

    def add(
        self,
        name: str,
        kind: TensorKind,
        shape: Sequence[Expression],
        sources: Mapping[str, Expression] | None = None,
        *,
        when: Expression | None = None,
    ) -> None:
        """``shape`` is (rows, columns) or (rows,); ``sources`` are the checkpoint's tensors with their rows, stacked.

        Without ``sources`` the checkpoint has the tensor as it is, under ``name`` (of a bias) or ``name``.weight.
        """
        sources = sources or {name if kind == "bias" else f"{name}.weight": shape[0]}
        listed = [{"name": source, "rows": rows} for source, rows in sources.items()]
        self._add({"name": name, "kind": kind, "shape": list(shape), "sources": listed}, when)


class Constants(Items):
    def add(self, name: str, dtype: str, shape: Sequence[Expression]) -> None:
        self._add({"name": name, "dtype": dtype, "shape": list(shape)}, None)


class Buffers(Items):
    """Scratch is kept for the length of a call; its first dimension is mostly n, the call's tokens."""

    def scratch(self, name: str, shape: Sequence[Expression], *, when: Expression | None = None) -> None:
        self._buffer("scratch", name, shape, when)

    def output(self, name: str, shape: Sequence[Expression], *, when: Expression | None = None) -> None:
        """One result of a call, whatever n is: what the host reads."""
        self._buffer("output", name, shape, when)

    def kv_cache(self, name: str, page: Sequence[Expression], *, when: Expression | None = None) -> None:
        """``page``: (kv_heads, page_size, head_dim)"""
        self._buffer("kv_cache", name, ["kv_pages", *page], when)

    def recurrent_state(self, name: str, state: Sequence[Expression], *, when: Expression | None = None) -> None:
        """``state``: what is kept of one sequence"""
        self._buffer("recurrent_state", name, ["state_slots", *state], when)

    def _buffer(self, kind: str, name: str, shape: Sequence[Expression], when: Expression | None) -> None:
        self._add({"name": name, "kind": kind, "dtype": "float32", "shape": list(shape)}, when)


class Steps(Items):
    """One function. The names in it are checked against the plan that it belongs to."""

    def __init__(self, plan: PlanBuilder) -> None:
        super().__init__()
        self._plan = plan

    def step(
        self,
        op: str,
        arguments: Mapping[str, str],
        *,
        when: Expression | None = None,
        **fields: Expression | float | None,
    ) -> None:
        """A call of ``op``. The scheme is that of the matrix, and other fields may be left to their defaults."""
        operator = OPERATORS[op]
        fields = operator.defaults() | fields
        expected = {field.name for field in operator.fields if field.kind != "scheme"}
        assert set(fields) == expected, f"{op} has the fields {sorted(expected)}, not {sorted(fields)}"
        for argument in operator.arguments:
            if argument.name not in arguments:
                assert argument.when != 1, f"{op} needs the argument {argument.name}"
                continue
            name = arguments[argument.name]
            known = self._plan.tensor_names() if argument.role in ("matrix", "vector") else self._plan.array_names()
            assert _shape_of_name(name) in known, f"{argument.name} of {op} names {name}, which is not in the plan"
        unknown = set(arguments) - {argument.name for argument in operator.arguments}
        assert not unknown, f"{op} has no arguments {unknown}"
        ordered = {field.name: fields[field.name] for field in operator.fields if field.name in expected}
        self._add({"op": op, "fields": ordered, "arguments": dict(arguments)}, when)


class PlanBuilder:
    """A plan in the making. Tensors, constants and buffers come before the functions that name them."""

    def __init__(self) -> None:
        self.tensors, self.constants, self.buffers = Tensors(), Constants(), Buffers()
        self._functions: dict[str, Steps] = {}

    def function(self, name: str) -> Steps:
        return self._functions.setdefault(name, Steps(self))

    def to_json(self) -> Plan:
        names = self._functions.keys()
        assert names == {"encode"} or {"prefill", "decode"} <= names, "a plan has prefill and decode, or encode"
        return {
            "tensors": self.tensors.entries,
            "constants": self.constants.entries,
            "buffers": self.buffers.entries,
            "functions": {name: steps.entries for name, steps in self._functions.items()},
        }

    def tensor_names(self) -> set[str]:
        return _names(self.tensors.entries)

    def array_names(self) -> set[str]:
        fixed = {buffer.name for buffer in FIXED_BUFFERS}
        return fixed | _names(self.constants.entries) | _names(self.buffers.entries) | self.tensor_names()


def _names(entries: Sequence[Mapping[str, Any]]) -> set[str]:
    items = [item for entry in entries for item in entry.get("items", [entry])]
    return {_shape_of_name(item["name"]) for item in items}


def _shape_of_name(template: str) -> str:
    """A name with its numbers emptied: a layer may name another layer's buffer."""
    return NUMBERS.sub("{}", template)


def _uses_layer(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_uses_layer(member) for member in value.values())
    if isinstance(value, list) and value[:1] == ["max_layers"]:
        return False
    if isinstance(value, list):
        return any(_uses_layer(member) for member in value)
    return isinstance(value, str) and (value == "layer" or value.startswith("layer.") or "{layer" in value)
