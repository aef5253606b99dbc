"""Numbers are spelled as JavaScript spells them, keys are sorted. Needs nothing; tests/parity asks Node itself."""

from __future__ import annotations

import pytest
from nomoat_compiler.program.canonical_json import canonical_json

NUMBERS = {
    0.0: "0", -3: "-3", 2.0: "2", 1.5: "1.5", 1e-5: "0.00001", 1e-6: "0.000001", 1e-7: "1e-7",
    1.25e-9: "1.25e-9", 123456.789: "123456.789", 1e20: "100000000000000000000", 1e21: "1e+21", 1.5e30: "1.5e+30",
    -2.5e-8: "-2.5e-8", 5e-324: "5e-324", 1.7976931348623157e308: "1.7976931348623157e+308", 0.1: "0.1", 100: "100",
    (1 << 53) - 1: "9007199254740991", 1 / 3: "0.3333333333333333", 1200.0: "1200", 10000.5: "10000.5",
}  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers(number: float) -> None:
    assert canonical_json(number) == NUMBERS[number]


def test_the_rest() -> None:
    value = {"b": [None, True, False, "é\n"], "a": {"z": 1, "B": ()}}
    assert canonical_json(value) == '{"a":{"B":[],"z":1},"b":[null,true,false,"é\\n"]}'


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_no_json(number: float) -> None:
    with pytest.raises(ValueError, match="is not JSON"):
        canonical_json(number)
