"""Schemes from JSON and the arrays that hold them: a table that the runtime's tests read, too. Needs nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from nomoat_compiler.scheme import QUAD_BITS, QUAD_FIELDS, scheme_from_json, stored_parameters

TABLE = json.loads((Path(__file__).parent / "scheme_table.json").read_text())
SCHEMA = json.loads(
    (Path(__file__).parents[1] / "nomoat_compiler" / "program" / "program.schema.json").read_text()
)["$defs"]  # fmt: skip
EVERY = pytest.mark.parametrize("row", TABLE, ids=lambda row: row["why"])


@EVERY
def test_reader_and_stored_arrays(row: dict[str, Any]) -> None:
    if row["stored"] is None:
        with pytest.raises(ValueError, match="a scheme"):
            scheme_from_json(row["scheme"])
        return
    scheme = scheme_from_json(row["scheme"])
    assert scheme.to_json() == row["scheme"]
    stored = stored_parameters("w", tuple(row["shape"]), scheme)
    assert [{"role": p.role, "shape": list(p.shape), "dtype": p.dtype} for p in stored] == row["stored"]


@EVERY
def test_schema(row: dict[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator({"$ref": "#/$defs/scheme", "$defs": SCHEMA})
    assert validator.is_valid(row["scheme"]) == (row["stored"] is not None)


@pytest.mark.parametrize("bits", QUAD_BITS)
def test_every_bit_of_the_words_is_used_once(bits: int) -> None:
    used = np.zeros((bits, 8), int)
    for pieces in QUAD_FIELDS[bits]:
        assert sum(width for _, _, width in pieces) == bits
        for word, bit, width in pieces:
            used[word, bit : bit + width] += 1
    assert (used == 1).all()
