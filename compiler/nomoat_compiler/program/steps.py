"""Turns a step of a plan into one of an instance: fields get values, arguments arrays, equal definitions one key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..expression import evaluate
from ..operators.catalog import OPERATORS
from ..operators.check import definition_problem
from ..operators.declaration import INTEGER_KINDS, Argument, Field, OperatorDeclaration
from ..operators.definition import definition_symbols
from .canonical_json import canonical_json
from .scope import Scope, invalid

if TYPE_CHECKING:
    from .instance import Instance

SAMPLERS = ("sample_greedy", "sample", "mask_logits")


class OperatorTable:
    """The distinct operators so far, by key: ``linear_0``, ``linear_1`` ... in order of their first step."""

    def __init__(self, instance: Instance, own_operators: Sequence[Mapping[str, Any]]) -> None:
        self.operators: dict[str, dict[str, Any]] = {}
        self._instance = instance
        self._keys: dict[str, str] = {}  # canonical definition -> key
        self._counts: dict[str, int] = {}
        self._opaque = {
            (own["definition"]["name"], bool(own["prefill"])): own["arguments"]
            for own in own_operators
            if own["definition"]["op"] == "opaque"
        }

    def step(self, item: Mapping[str, Any], scope: Scope, where: str, *, prefill: bool) -> dict[str, Any]:
        """One step of the plan; ``prefill``: in the function of that name."""
        if item["op"] == "opaque":
            return self._opaque_step(item, scope, where, prefill=prefill)
        operator = OPERATORS.get(item["op"])
        if operator is None:
            invalid(f"{where} has the unknown operator {item['op'][:80]!r}")
        if operator.name in SAMPLERS:
            invalid(f"{where} is {operator.name}, which is a function of its own")
        definition = self._definition(operator, item, scope, where)
        if problem := definition_problem(operator, definition, prefill=prefill):
            invalid(f"{where}: {problem}")
        return self._call(operator, definition, item["arguments"], scope, where, prefill=prefill)

    def fixed_step(self, operator: OperatorDeclaration, definition: dict[str, Any], scope: Scope) -> dict[str, Any]:
        """A step on nothing but buffers with fixed names."""
        names = {argument.name: argument.name for argument in operator.arguments}
        return self._call(operator, definition, names, scope, operator.name, prefill=False)

    def _call(
        self, operator: OperatorDeclaration, definition: dict[str, Any], given: Mapping[str, str], scope: Scope,
        where: str, *, prefill: bool,
    ) -> dict[str, Any]:  # fmt: skip
        unknown = sorted(set(given) - {argument.name for argument in operator.arguments})
        if unknown:
            invalid(f"{where} gives {unknown[0][:80]!r}, which is no argument of {operator.name}")
        symbols = definition_symbols(definition, prefill=prefill)
        arguments: dict[str, str] = {}
        for argument in operator.arguments:
            # What a definition lacks may be named all the same, so that one step serves models with and without it.
            if evaluate(argument.when, symbols) == 0:
                continue
            if argument.name not in given:
                invalid(f"{where} does not give {argument.name}, which {operator.name} needs")
            place = f"{where}.arguments.{argument.name}"
            arguments |= self._resolve(argument, scope.name(given[argument.name], place), place)
        return {"operator": self._key(operator.name, definition, list(arguments)), "arguments": arguments}

    def _resolve(self, argument: Argument, name: str, where: str) -> dict[str, str]:
        """Argument names and arrays: a matrix under a scheme with groups has two."""
        tensor = self._instance.tensors_by_name.get(name)
        if argument.role in ("matrix", "vector"):
            if tensor is None:
                invalid(f"{where} must name a tensor, and there is no {name}")
            stored = list(tensor["parameters"].values())
            suffixes = ["", "_scale"] if argument.role == "matrix" else [""]
            return {argument.name + suffix: array for suffix, array in zip(suffixes, stored, strict=False)}
        if argument.role == "frequencies" and tensor is not None:
            return {argument.name: next(iter(tensor["parameters"].values()))}
        if name not in self._instance.arrays:
            invalid(f"{where} names {name}, which is no buffer and no constant")
        return {argument.name: name}

    def _definition(
        self, operator: OperatorDeclaration, item: Mapping[str, Any], scope: Scope, where: str
    ) -> dict[str, Any]:
        """The fields in declared order; the scheme is that of the matrix."""
        fields = item["fields"]
        expected = {field.name for field in operator.fields if field.kind != "scheme"}
        if expected != set(fields):
            different = sorted(expected ^ set(fields))[0][:80]
            invalid(f"{where}.fields must have {', '.join(sorted(expected))}; {different!r} is missing or one too many")
        definition: dict[str, Any] = {"op": operator.name}
        for field in operator.fields:
            if field.kind == "scheme":
                definition[field.name] = self._scheme(operator, item, scope, where)
            else:
                definition[field.name] = _field_value(field, fields[field.name], scope, f"{where}.fields.{field.name}")
        return definition

    def _scheme(self, operator: OperatorDeclaration, item: Mapping[str, Any], scope: Scope, where: str) -> Any:
        matrix = next(argument for argument in operator.arguments if argument.role == "matrix")
        if matrix.name not in item["arguments"]:
            invalid(f"{where} does not give {matrix.name}, which {operator.name} needs")
        name = scope.name(item["arguments"][matrix.name], f"{where}.arguments.{matrix.name}")
        tensor = self._instance.tensors_by_name.get(name)
        if tensor is None:
            invalid(f"{where}.arguments.{matrix.name} must name a tensor, and there is no {name}")
        return tensor["scheme"]

    def _opaque_step(self, item: Mapping[str, Any], scope: Scope, where: str, *, prefill: bool) -> dict[str, Any]:
        """An operator that only kernels of the package know; its arguments are arrays, and stay as they are."""
        name = item.get("name", "")
        expected = self._opaque.get((name, prefill))
        if expected is None:
            function = "prefill" if prefill else "functions of one token"
            invalid(f"{where} is opaque, and own_operators has no {name[:80]!r} for {function}")
        names = [argument["name"] for argument in expected]
        if item["fields"] or set(names) != set(item["arguments"]):
            invalid(f"{where} must give {', '.join(names)} and no field")
        arguments = {}
        for argument in expected:
            place = f"{where}.arguments.{argument['name']}"
            array = scope.name(item["arguments"][argument["name"]], place)
            if array not in self._instance.arrays:
                invalid(f"{place} names {array}, which is no array")
            if argument["access"] == "read_write" and self._instance.arrays[array].get("kind") in (None, "input"):
                invalid(f"{place} is written, and {array} is a weight, a constant or an input")
            arguments[argument["name"]] = array
        key = f"opaque_{name}"
        self.operators.setdefault(key, {"definition": {"op": "opaque", "name": name}, "arguments": names})
        if self.operators[key]["arguments"] != names:
            invalid(f"own_operators gives {name} different arguments in prefill and outside of it")
        return {"operator": key, "arguments": arguments}

    def _key(self, op: str, definition: dict[str, Any], arguments: list[str]) -> str:
        canonical = canonical_json(definition)
        key = self._keys.get(canonical)
        if key is None:
            index = self._counts.get(op, 0)
            self._counts[op] = index + 1
            key = self._keys[canonical] = f"{op}_{index}"
            self.operators[key] = {"definition": definition, "arguments": arguments}
        return key


def sampling_steps(table: OperatorTable, instance: Instance) -> dict[str, list[dict[str, Any]]]:
    """The functions sample_greedy, sample and mask_logits, which every program has."""
    nowhere = Scope({}, {}, ())
    return {
        name: [table.fixed_step(OPERATORS[name], {"op": name, "vocab_size": instance.vocab_size}, nowhere)]
        for name in SAMPLERS
    }


def _field_value(field: Field, value: Any, scope: Scope, where: str) -> Any:
    if value is None:
        return None  # definition_problem says whether it may be.
    if field.kind in INTEGER_KINDS:
        return scope.integer(value, where)
    if field.kind == "boolean":
        if isinstance(value, bool):
            return value
        truth = scope.integer(value, where)
        if truth not in (0, 1):
            invalid(f"{where} must be 0 or 1, not {truth}")
        return truth == 1
    return scope.number(value, where)
