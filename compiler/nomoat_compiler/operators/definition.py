"""The symbols that a definition gives to expressions: rules, sizes, conditions and constants of kernels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..scheme import CODEBOOKS
from .catalog import OPERATORS

FLOAT_DTYPES = ("float16", "bfloat16", "float32")
SCALE_DTYPES = (*FLOAT_DTYPES, "int8", "uint8", "uint4")


# A function whose calls all have so few tokens reads its matrices with kernels of their own.
FEW_TOKENS = 8


def call_symbols(most_tokens: int) -> dict[str, int]:
    """What the conditions of GPU kernels also know: ``few_tokens``, of a function of calls of at most so many."""
    return {"few_tokens": int(most_tokens <= FEW_TOKENS)}


def definition_symbols(definition: Mapping[str, Any], *, prefill: bool) -> dict[str, Any]:
    """Numbers by field (booleans 0 or 1, null 0), ``has_<field>`` of nullable ones, ``scheme.*`` and ``prefill``."""
    symbols: dict[str, Any] = {"prefill": int(prefill)}
    for field in OPERATORS[definition["op"]].fields:
        value = definition[field.name]
        if field.kind == "scheme":
            symbols |= _scheme_symbols(value)
        else:
            symbols[field.name] = int(value) if isinstance(value, bool) else value or 0
        if field.nullable:
            symbols[f"has_{field.name}"] = int(value is not None)
    return symbols


def _scheme_symbols(scheme: Mapping[str, Any]) -> dict[str, int]:
    grouped = "dtype" not in scheme
    return {
        "scheme.bits": scheme["bits"],
        "scheme.grouped": int(grouped),
        "scheme.group_size": scheme.get("group_size", 0),
        "scheme.zero": scheme.get("zero", 0),
        "scheme.minimum": int(scheme.get("minimum", False)),
        **{f"scheme.{codebook}": int(scheme.get("codebook") == codebook) for codebook in CODEBOOKS},
        **{f"scheme.{dtype}": int(scheme.get("dtype") == dtype) for dtype in FLOAT_DTYPES},
        **{f"scheme.scale_{dtype}": int(scheme.get("scale_dtype") == dtype) for dtype in SCALE_DTYPES},
    }
