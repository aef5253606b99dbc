"""Unrolls the repeats of a plan into items, each with the symbols of its place. The work is bounded beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .scope import Configuration, Scope, invalid

MAX_PLAN_VALUES = 20_000  # JSON values (objects, arrays, strings, numbers ...) of a plan as it is written
MAX_EXPANDED_VALUES = 1 << 22  # and of all its items, repeated; a Llama of 1024 layers has 400,000
MAX_ITEMS = {"tensors": 65_536, "constants": 64, "buffers": 4096, "functions": 65_536}


@dataclass(frozen=True)
class Placed:
    """An item at one place: with ``layer`` where it stands in a repeat, the first repetition being 0."""

    item: Mapping[str, Any]
    scope: Scope
    where: str
    repetition: int | None
    repetitions: int


def check_size(plan: object) -> None:
    """``invalid_package`` for a plan of too many values; counts without recursion, whatever the nesting."""
    if (count := count_values(plan)) > MAX_PLAN_VALUES:
        invalid(f"the plan has {count} values, more than {MAX_PLAN_VALUES}")


def count_values(value: object) -> int:
    count, rest = 0, [value]
    while rest:
        value = rest.pop()
        count += 1
        if isinstance(value, dict):
            rest.extend(value.values())
        elif isinstance(value, list):
            rest.extend(value)
    return count


class Expansion:
    """Expands the lists of one plan, and counts what that costs in all."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._values = 0

    def items(self, entries: Sequence[Mapping[str, Any]], where: str, limit: int) -> Iterator[Placed]:
        """Every item of ``entries`` in order, absent ones (``when``) too."""
        outside = self._configuration.outside
        ranges = []
        count = 0
        for i, entry in enumerate(entries):
            layers, items = self._layers(entry, f"{where}[{i}]")
            ranges.append((layers, items))
            repetitions = 1 if layers is None else len(layers)
            count += repetitions * len(items)
            # An expression under max_layers is evaluated for every layer.
            weight = self._configuration.layer_count if "max_layers" in str(items) else 1
            self._values += repetitions * count_values(items) * weight
        if count > limit:
            invalid(f"{where} has {count} items, more than {limit}")
        if self._values > MAX_EXPANDED_VALUES:
            invalid(f"the repeats of the plan make more than {MAX_EXPANDED_VALUES} values")
        for i, (layers, items) in enumerate(ranges):
            if layers is None:
                yield Placed(items[0], outside, f"{where}[{i}]", None, 1)
                continue
            for layer in layers:
                scope = self._configuration.within(layer)
                for j, item in enumerate(items):
                    place = f"{where}[{i}].items[{j}] (layer {layer})"
                    yield Placed(item, scope, place, layer - layers.start, len(layers))

    def _layers(self, entry: Mapping[str, Any], where: str) -> tuple[range | None, Sequence[Mapping[str, Any]]]:
        if "repeat" not in entry:
            return None, [entry]
        outside, count = self._configuration.outside, self._configuration.layer_count
        first, end = (outside.integer(entry[key], f"{where}.{key}") for key in ("from", "to"))
        if not 0 <= first <= end <= count:
            invalid(f"{where} repeats from {first} to {end}; there are {count} layers")
        return range(first, end), entry["items"]
