"""Numbers and bytes that come out alike, bit for bit, here and in the browser.

What is written with these, and else with dictionaries, lists, text and integers, can be translated to TypeScript
(to_typescript/). The other half is runtime/src/import/portable.ts; tests compare the two.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def single(value: float) -> float:
    """Rounded to float32. A product, sum or quotient of two singles, rounded once more, is what float32 gives."""
    return float(np.float32(value))


def singles(values: Sequence[float]) -> npt.NDArray[np.float32]:
    return np.array(values, np.float32)


def shortest_single(value: float) -> float:
    """The decimal number with the fewest digits whose float32 is ``value``: what a person wrote."""
    return float(str(np.float32(value)))


def power(base: float, exponent: float) -> float:
    """``base`` to any power; the last bit may differ, so round what comes of it."""
    return float(base**exponent)


def root(value: float) -> float:
    return math.sqrt(value)


def inverse_root(value: float) -> float:
    """1 / sqrt(value), rounded once."""
    return float(value**-0.5)


def logarithm(value: float) -> float:
    return math.log(value)


def base64_of_singles(values: npt.NDArray[np.float32]) -> str:
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode("ascii")


def base64_of_bytes(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def number_kind(value: object) -> str | None:
    """Of an array of numbers: i (signed), u (unsigned), f or b (booleans). None: it is none."""
    return value.dtype.kind if isinstance(value, np.ndarray) else None


def number_list(value: Any) -> list[Any]:
    numbers: list[Any] = value.tolist()
    return numbers


def array_bytes(value: object, item_bytes: int, most: int) -> bytes | None:
    """The bytes of an array of numbers of ``item_bytes``, at most ``most``; None for anything else."""
    fits = isinstance(value, np.ndarray) and value.itemsize == item_bytes and value.nbytes <= most
    return value.tobytes() if fits and isinstance(value, np.ndarray) else None


def compact_json(value: Any) -> bytes:
    """On one line and in the order that it has: indented, a quarter of a million tokens would take ten seconds."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def indented_json(value: Any, indent: int, *, sort_keys: bool) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=indent, sort_keys=sort_keys).encode("utf-8")
