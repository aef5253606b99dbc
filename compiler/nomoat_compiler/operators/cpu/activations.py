"""Activations as int8 in groups of 32, the form in which they meet quantized weights.

    scale = max|x| / 127,  q = round(x / scale)     per group of 32

A block of one group of one token: the 32 integers, then four float32: scale, and scale * sum of q, of all, of the first
16 and of the last 16, which are what a zero point or a minimum is multiplied with. (The sum of x itself would be wrong:
weights q * scale + minimum are small where q and the minimum are large, and the rounding of x must cancel between the
two.)

All are stored times 2^56, which the kernels take out again at the end (``result_factor``). Weights' f16 scales are
moved into float32 without their exponent's bias, which leaves them 2^112 too small; half of that is given to x and half
to the result, so that neither leaves the range of float32.

Relaxed SIMD: integers are int8, in order. Plain SIMD: int16, in the order of the words that multiply the nibbles of
a 16-bit lane (``activation_word``).
"""

from __future__ import annotations

# By Build.relaxed.
BLOCK_BYTES = {True: 48, False: 80}
SCALE = {True: 32, False: 64}
SUM = 4  # from SCALE on
HALF_SUMS = (8, 12)
EXPONENT = 2.0**56


def activation_word(bits: int, j: int, part: int) -> int:
    """Which 32-bit word of a plain block multiplies ``part`` of vector ``j``.

    Word 2i holds x[4i], x[4i + 2] and word 2i + 1 holds x[4i + 1], x[4i + 3].
    4 bits: nibble 0 is k = 4j + {0, 2}, nibble 1 16 + 4j + {0, 2}, nibble 2 4j + {1, 3}, nibble 3 16 + 4j + {1, 3}.
    8 bits: byte 0 is k = 4j + {0, 2}, byte 1 4j + {1, 3}.
    """
    if bits == 8:
        return 2 * j + part
    high, odd = part % 2, part // 2
    return 2 * (j + 4 * high) + odd


def result_factor(half: bool) -> float:
    """What a sum is multiplied with at the end, by whether the weights' scales are f16."""
    return EXPONENT if half else 1 / EXPONENT
