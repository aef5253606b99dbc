"""The tensors of a plan for one configuration, and the scheme of each.

A compiler asks for the tensors first, chooses their schemes, and writes these down compactly; a reader binds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..scheme import Grouped, Scheme
from .expansion import MAX_ITEMS, Expansion, Placed
from .scope import Configuration, Scope, invalid
from .tensor_spec import Source, TensorSpec

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
        sources = tuple(_source(source, scope, f"{where}.sources[{i}]") for i, source in enumerate(item["sources"]))
        if (rows := sum(source.rows for source in sources)) != shape[0]:
            invalid(f"{where} has {shape[0]} rows, but its sources have {rows}")
        name = scope.name(item["name"], f"{where}.name")
        yield placed, TensorSpec(name, item["kind"], shape, sources)


def _source(item: Mapping[str, Any], scope: Scope, where: str) -> Source:
    """A source with its numbers; only a compiler reads the rules, so they are checked where one is about to."""
    counts = [rule for rule in ("block", "stride", "columns") if rule in item]
    rules = {rule: dimension(scope.integer(item[rule], where), where) for rule in counts}
    source = Source(
        name=scope.name(item["name"], where),
        rows=dimension(scope.integer(item["rows"], where), where),
        optional=bool(item.get("optional", False)),
        first=scope.integer(item.get("first", 0), where),
        plus=float(item.get("plus", 0)),
        plus_row_of=scope.name(item["plus_row_of"], where) if "plus_row_of" in item else "",
        block=rules.get("block", 0),
        stride=rules.get("stride", 0),
        columns=rules.get("columns", 0),
    )
    if ("block" in item) != ("stride" in item) or ("first" in item and "block" not in item):
        invalid(f"{where} must have block and stride together, and first only with them")
    if source.block and not 0 <= source.first <= source.stride - source.block:
        invalid(f"{where} takes {source.block} rows at {source.first} of every {source.stride}")
    if source.rows % max(1, source.block) or source.rows % max(1, source.columns):
        invalid(f"{where} has {source.rows} rows, which its blocks or columns do not divide")
    return source


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
