"""Which definitions are right, by the table that the runtime's reader is tested with too. Needs nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from nomoat_compiler.operators.catalog import OPERATORS
from nomoat_compiler.operators.check import definition_problem

# runtime/tests/device/definition_reader.test.ts runs the same table through the runtime's reader.
DEFINITIONS = json.loads((Path(__file__).parent / "definition_table.json").read_text())


def is_valid(definition: Any) -> bool:
    operator = OPERATORS.get(definition.get("op", "")) if isinstance(definition, dict) else None
    return operator is not None and definition_problem(operator, definition, prefill=False) is None


@pytest.mark.parametrize("case", DEFINITIONS, ids=lambda case: case["why"])
def test_the_check_decides_as_the_table_says(case: dict[str, Any]) -> None:
    assert is_valid(case["definition"]) == case["valid"]


def test_a_norm_can_be_folded_in_for_one_token_only() -> None:
    linear = next(case["definition"] for case in DEFINITIONS if case["why"] == "linear")
    assert definition_problem(OPERATORS["linear"], linear, prefill=False) is None
    assert "one token" in str(definition_problem(OPERATORS["linear"], linear, prefill=True))


def test_the_table_has_every_operator() -> None:
    valid = {case["definition"]["op"] for case in DEFINITIONS if case["valid"]}
    assert valid >= OPERATORS.keys() - {"sample"}
