"""JSON with one spelling: keys sorted, no spaces, numbers as JavaScript writes them (RFC 8785).

Python and TypeScript instantiate the same plan, and their results are compared byte for byte. JavaScript has one type
of number, so 1.0 is written 1, and 1e-05 is 0.00001.
"""

from __future__ import annotations

import json
from decimal import Decimal


def canonical_json(value: object) -> str:
    """``value`` (dicts with string keys, lists, strings, numbers, booleans, None) as text; ValueError for NaN."""
    match value:
        case None | bool() | str():
            return json.dumps(value, ensure_ascii=False)
        case int() | float():
            return _number(value)
        case list() | tuple():
            return "[" + ",".join(map(canonical_json, value)) + "]"
        case dict():
            members = (f"{canonical_json(key)}:{canonical_json(value[key])}" for key in sorted(value))
            return "{" + ",".join(members) + "}"
    raise TypeError(f"{type(value).__name__} is not JSON")


def _number(value: float) -> str:
    """As ECMAScript's Number.prototype.toString: the shortest digits, in decimals from 1e-6 to 1e21."""
    number = float(value)
    if number - number != 0:
        raise ValueError(f"{value} is not JSON")
    sign, digit_tuple, exponent = Decimal(repr(number)).as_tuple()
    assert isinstance(exponent, int)
    digits = "".join(map(str, digit_tuple)).lstrip("0")
    stripped = digits.rstrip("0")
    exponent += len(digits) - len(stripped)
    digits = stripped or "0"
    if digits == "0":
        return "0"
    point = len(digits) + exponent  # the value is 0.digits times 10^point
    if 0 < point <= 21:
        text = digits.ljust(point, "0") if point >= len(digits) else f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        text = "0." + "0" * -point + digits
    else:
        mantissa = digits if len(digits) == 1 else f"{digits[0]}.{digits[1:]}"
        text = f"{mantissa}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return "-" + text if sign else text
