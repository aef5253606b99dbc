"""The numbers of sine and cosine, for kernels that compute their own: TVM-free, so that both devices take them here.

An angle is reduced by its quotient q with pi/2: r = angle - q * PI_2[0] - ... - q * PI_2[3], |r| <= pi/4. Then
sin(r) = r + r^3 * S(r^2) and cos(r) = 1 - r^2/2 + r^4 * C(r^2), with the Taylor terms up to r^9 and r^10, whose
remainders (pi/4)^11/11! = 2e-9 and (pi/4)^12/12! = 1e-10 are far below float32's rounding.
"""

from __future__ import annotations

import math


def _split_pi_2() -> tuple[float, ...]:
    """pi/2 in four parts; the first three have 9 significant bits, so that their products with quotients are exact."""
    rest, parts = math.pi / 2, []
    for _ in range(3):
        exponent = math.floor(math.log2(rest)) - 8
        part = math.floor(rest / 2.0**exponent) * 2.0**exponent
        parts.append(part)
        rest -= part
    return (*parts, rest)


PI_2 = _split_pi_2()
SIN = (-1 / 6, 1 / 120, -1 / 5040, 1 / 362880)
COS = (1 / 24, -1 / 720, 1 / 40320, -1 / 3628800)
