"""The symbols that a definition gives to expressions: rules, conditions of kernels, their constants and grids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .declaration import NUMBER_KINDS, OperatorDeclaration

FLOAT_DTYPES = ("float16", "bfloat16", "float32")


def definition_symbols(
    operator: OperatorDeclaration, definition: Mapping[str, Any], *, prefill: bool
) -> dict[str, Any]:
    """name -> integer (booleans as 0 or 1), or float for fields that are numbers.

    ``has_<field>`` for each nullable field; ``scheme.*`` for a scheme; ``prefill``. The whole matrix is one slice:
    ``first_row`` 0, ``all_rows`` its rows.
    """
    symbols: dict[str, Any] = {"prefill": int(prefill)}
    for field in operator.fields:
        value = definition[field.name]
        if field.kind == "scheme":
            symbols |= scheme_symbols(value)
            symbols |= {"first_row": 0, "all_rows": definition["rows"]}
            continue
        if field.nullable:
            symbols[f"has_{field.name}"] = int(value is not None)
        value = 0 if value is None else value
        symbols[field.name] = float(value) if field.kind in NUMBER_KINDS else int(value)
    return symbols


def scheme_symbols(scheme: Mapping[str, Any]) -> dict[str, int]:
    """The symbols of a scheme as program.json writes it."""
    grouped = "group_size" in scheme
    dtype = scheme["scale_dtype" if grouped else "dtype"]
    return {
        "scheme.bits": scheme["bits"],
        "scheme.grouped": int(grouped),
        "scheme.group_size": scheme["group_size"] if grouped else 0,
        "scheme.minimum": int(bool(scheme.get("minimum"))),
        "scheme.zero": scheme.get("zero", 0),
        **{f"scheme.scale_{name}": int(grouped and dtype == name) for name in FLOAT_DTYPES},
        **{f"scheme.{name}": int(not grouped and dtype == name) for name in FLOAT_DTYPES},
    }
