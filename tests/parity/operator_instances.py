"""Instances of the operators with every knob that they have, for both devices, and what NumPy says of them.

An instance is a Case as the known answers are (operators/known_answer.py), filled by the same rules; the expected
arrays are those of the operator's reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import pytest
from nomoat_compiler.operators.catalog import OPERATORS
from nomoat_compiler.operators.check import definition_problem
from nomoat_compiler.operators.declaration import ACTIVATIONS
from nomoat_compiler.operators.known_answer import Arrays, Case, Filled, case_inputs, definition_of, filled
from nomoat_compiler.scheme import Grouped, Plain

from tests.parity.kernel_cases import SCHEMES

BOOLEANS = (False, True)


@dataclass(frozen=True)
class Instance:
    """``tolerance``: absolute, of every written array, on a GPU."""

    op: str
    case: Case
    tolerance: float

    @property
    def definition(self) -> dict[str, Any]:
        return definition_of(self.op, self.case)

    def arrays(self) -> Arrays:
        """Every argument before the step: random but for ids, tables and constants."""
        inputs = case_inputs(OPERATORS[self.op], self.definition, self.case)
        return {name: filled(value) if isinstance(value, Filled) else value for name, value in inputs.items()}

    def expected(self, arrays: Arrays) -> Arrays:
        module = import_module(f"nomoat_compiler.operators.{self.op}.reference")
        result: Arrays = module.reference(self.definition, arrays, self.case.tokens)
        return result

    def __str__(self) -> str:
        fields = "-".join(f"{name}={value}" for name, value in self.case.fields.items())
        scheme = f"-{self.case.scheme.bits}bit" if self.case.scheme else ""
        return f"{self.op}-{fields}{scheme}-at{self.case.position}-n{self.case.tokens}{'p' * self.case.prefill}"


def instances() -> Iterator[Instance]:
    """Every instance keeps the rules of its operator."""
    for instance in _all():
        problem = definition_problem(OPERATORS[instance.op], instance.definition, prefill=instance.case.prefill)
        assert problem is None, problem
        yield instance


def each_instance(*ops: str, plain: bool = False) -> Any:
    """``plain``: those whose matrix, where they have one, is stored as plain numbers."""
    chosen = [
        instance
        for instance in instances()
        if instance.op in ops and not (plain and isinstance(instance.case.scheme, Grouped))
    ]
    return pytest.mark.parametrize("instance", chosen, ids=map(str, chosen))


def _all() -> Iterator[Instance]:
    yield from _linear()
    yield from _attention()
    yield from _rope_append()
    for case in _called({"columns": 300, "eps": 1e-5, "residual": True}, (1, 3)):
        yield Instance("rms_norm", case, 2e-5)
    for bias in BOOLEANS:
        for columns in (4, 260, 768):
            for case in _called({"columns": columns, "eps": 1e-5, "bias": bias}, (1, 3)):
                yield Instance("layer_norm", case, 2e-5)
    for scheme in (SCHEMES["q4m_f16"], SCHEMES["q8s_f16"], SCHEMES["f32"], SCHEMES["bf16"]):
        for fields, position in (({"first": 0}, 0), ({"first": 2}, 5), ({"first": 2}, 9)):  # the last leaves the table
            for case in _called({"rows": 12, "columns": 100} | fields, (1, 3), position):
                yield Instance("add_position", replace(case, scheme=scheme), 1e-5)
        yield Instance("embed", Case({"rows": 12, "columns": 100, "scale": 11.3}, 3, True, scheme=scheme), 1e-4)
    for taps in (2, 3, 8):
        for bias in BOOLEANS:
            for position in (0, 3):
                # Fewer tokens than are kept, as many, and more.
                for case in _called({"channels": 76, "taps": taps, "bias": bias}, (1, 2, 7, 9), position):
                    yield Instance("short_conv", case, 2e-6 * taps)
    for mean in BOOLEANS:
        for normalize in BOOLEANS:
            for columns in (4, 100, 1028):
                fields = {"columns": columns, "mean": mean, "normalize": normalize}
                for tokens in (1, 5):
                    yield Instance("pool", Case(fields, tokens, True), 2e-6)


def _called(fields: Mapping[str, Any], tokens: tuple[int, ...], position: int = 0) -> Iterator[Case]:
    """In prefill, and one token also outside of it."""
    for count in tokens:
        yield Case(fields, count, True, position)
    yield Case(fields, 1, False, position)


def _linear() -> Iterator[Instance]:
    knobs: list[dict[str, Any]] = [
        *({"activation": index, "gated": gated} for index in range(len(ACTIVATIONS)) for gated in BOOLEANS),
        {"scale": 0.25},
        {"softcap": 3.0},
        {"activation": 2, "scale": 2.0, "softcap": 1.5, "bias": True, "residual": True},
        {"activation": 3, "gated": True, "scale": 0.5, "softcap": 8.0, "bias": True, "residual": True},
        {"delta": True},
        {"delta": True, "bias": True, "gated": True, "activation": 1, "residual": True},
    ]
    for fields in knobs:
        for case in _called({"rows": 24, "columns": 96} | fields, (3,)):
            yield Instance("linear", replace(case, scheme=Plain("float32")), 3e-5)


def _attention() -> Iterator[Instance]:
    layout = {"heads": 4, "kv_heads": 2, "page_size": 16}
    for head_dim in (20, 22, 64):
        shape = layout | {"head_dim": head_dim, "scale": 0.3}
        for knobs in (
            {},
            {"exact_cache": True},
            {"exact_cache": True, "window": 17, "softcap": 0.7},
            {"softcap": 0.7},
            {"window": 1},
            {"window": 3, "softcap": 0.7},
            {"window": 17},
            {"window": 40},
        ):
            for position in (0, 2, 33):
                for case in _called(shape | knobs, (1, 13), position):
                    yield Instance("attention", case, 2e-5)
        for tokens in (1, 5, 40):
            for exact in BOOLEANS:
                fields = shape | {"bidirectional": True, "softcap": 2.0, "exact_cache": exact}
                yield Instance("attention", Case(fields, tokens, True), 2e-5)
        for exact in BOOLEANS:
            for window in (3, 17):
                fields = shape | {"bidirectional": True, "window": window, "exact_cache": exact}
                yield Instance("attention", Case(fields, 40, True), 2e-5)
        yield Instance("attention", Case(shape | {"bidirectional": True}, 7, True, 12), 2e-5)
    for heads in (1, 3, 5, 7):  # groups of each width, and those that take two calls
        shape = {"heads": heads, "kv_heads": 1, "page_size": 16, "head_dim": 34, "scale": 0.3, "exact_cache": True}
        for case in _called(shape, (1, 13), 33):
            yield Instance("attention", case, 2e-5)


def _rope_append() -> Iterator[Instance]:
    for heads, kv_heads, head_dim in ((4, 2, 20), (3, 1, 64), (2, 2, 6)):
        shape = {"heads": heads, "kv_heads": kv_heads, "head_dim": head_dim, "page_size": 16}
        half = {"rotary_dim": head_dim // 4 * 2, "attention_scaling": 1.2}
        whole = {"rotary_dim": head_dim}
        norm = {"qk_norm_eps": 1e-5}
        dynamic = {"dynamic": True, "theta": 100.0, "factor": 2.0, "trained_length": 4}
        for knobs in (
            whole,
            half,
            {"rotary_dim": 0},
            whole | norm,
            half | norm | {"qk_norm_whole": True},
            {"rotary_dim": 0} | norm,
            whole | {"long_from": 8},  # state[5] is 9
            half | norm | {"long_from": 9},
            whole | dynamic,
            *((half | dynamic | norm,) if head_dim > 6 else ()),
            whole | {"exact_cache": True},
            half | norm | {"qk_norm_whole": True, "exact_cache": True},
        ):
            for case in _called(shape | knobs, (1, 18), 14):
                yield Instance("rope_append", case, 2e-5 if "dynamic" not in knobs else 1e-4)
