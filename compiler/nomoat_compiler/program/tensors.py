"""The tensors of a plan for one configuration, and the scheme of each.

A compiler asks for the tensors first, chooses their schemes, and writes these down compactly; a reader binds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..scheme import Grouped, Scheme
from .expansion import MAX_ITEMS, Expansion, Placed
from .scope import Configuration, invalid
from .tensor_spec import TensorSpec

MAX_DIMENSION = 1 << 30


def plan_tensors(plan: Mapping[str, Any], configuration: Configuration) -> list[TensorSpec]:
    """The tensors of ``plan`` in storage order: what a compiler must know before it chooses their schemes."""
    return [spec for _, spec in expand_tensors(plan, Expansion(configuration)) if spec is not None]


def tensor_schemes(
    plan: Mapping[str, Any], configuration: Configuration, schemes: Mapping[str, Scheme]
) -> tuple[list[Scheme], dict[str, Any]]:
    """(``schemes``, ``tensor_schemes``) of program.json for a scheme by concrete tensor name: see bind_schemes."""
    distinct: list[Scheme] = []
    by_template: dict[str, Any] = {}
    for placed, spec in expand_tensors(plan, Expansion(configuration)):
        index = None
        if spec is not None:
            scheme = schemes[spec.name]
            if scheme not in distinct:
                distinct.append(scheme)
            index = distinct.index(scheme)
        by_template.setdefault(placed.item["name"], []).append(index)
    compact = {
        template: indices[0] if len(set(indices)) == 1 else indices
        for template, indices in by_template.items()
        if set(indices) != {None}
    }
    return distinct, compact


def expand_tensors(plan: Mapping[str, Any], expansion: Expansion) -> Iterator[tuple[Placed, TensorSpec | None]]:
    """Every tensor of the plan in order, None where its ``when`` is 0."""
    for placed in expansion.items(plan["tensors"], "plan.tensors", MAX_ITEMS["tensors"]):
        item, scope, where = placed.item, placed.scope, placed.where
        if not scope.condition(item, where):
            yield placed, None
            continue
        shape = tuple(dimension(scope.integer(e, f"{where}.shape"), f"{where}.shape") for e in item["shape"])
        sources = [scope.name(source["name"], f"{where}.sources") for source in item["sources"]]
        rows = [dimension(scope.integer(s["rows"], f"{where}.sources"), f"{where}.sources") for s in item["sources"]]
        if sum(rows) != shape[0]:
            invalid(f"{where} has {shape[0]} rows, but its sources have {sum(rows)}")
        name = scope.name(item["name"], f"{where}.name")
        yield placed, TensorSpec(name, item["kind"], shape, tuple(sources), tuple(rows))


def bind_schemes(
    tensors: Sequence[tuple[Placed, TensorSpec | None]], schemes: Sequence[Scheme], by_template: Mapping[str, Any]
) -> list[tuple[TensorSpec, Scheme]]:
    """Gives each tensor the scheme of its template: an index into ``schemes``, or a list with one per repetition.

    A list has null exactly where the tensor is absent; a template of which no tensor exists is not named.
    """
    bound: list[tuple[TensorSpec, Scheme]] = []
    present: set[str] = set()
    first: dict[str, Mapping[str, Any]] = {}
    for placed, spec in tensors:
        template, where = placed.item["name"], placed.where
        if first.setdefault(template, placed.item) is not placed.item:
            invalid(f"{where} has the name {template[:80]!r}, which stands in the plan before")
        chosen = by_template.get(template)
        if isinstance(chosen, list):
            if placed.repetition is None or len(chosen) != placed.repetitions:
                invalid(f"tensor_schemes of {template[:80]!r} must have {placed.repetitions} indices or be one")
            chosen = chosen[placed.repetition]
            if (chosen is None) != (spec is None):
                invalid(f"tensor_schemes of {template[:80]!r} must have null exactly where the tensor is absent")
        if spec is None:
            continue
        present.add(template)
        if chosen is None:
            invalid(f"tensor_schemes lacks {template[:80]!r}")
        if chosen >= len(schemes):
            invalid(f"tensor_schemes of {template[:80]!r} is {chosen}; there are {len(schemes)} schemes")
        scheme = schemes[int(chosen)]
        if isinstance(scheme, Grouped) and (len(spec.shape) != 2 or spec.kind in ("norm", "bias")):
            invalid(f"{where} is no matrix, but its scheme has groups")
        bound.append((spec, scheme))
    if unknown := sorted(set(by_template) - present):
        invalid(f"tensor_schemes names {unknown[0][:80]!r}, which is no tensor of the plan")
    return bound


def dimension(value: int, where: str) -> int:
    if not 1 <= value <= MAX_DIMENSION:
        invalid(f"{where} must be from 1 to {MAX_DIMENSION}, not {value}")
    return value
