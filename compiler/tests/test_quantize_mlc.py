"""MLC's schemes bit for bit, against a scalar implementation that shares no code. Needs nothing."""

from __future__ import annotations

import struct
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from nomoat_compiler.quantize.mlc import quantize_mlc
from nomoat_compiler.scheme import Grouped

SCHEME = Grouped(4, 32, 7, "float16")


def rounded(value: Fraction, dtype: str) -> Fraction | None:
    """The nearest number of ``dtype``, ties to even, by exact arithmetic; None for an overflow."""
    mantissa, smallest = {"float16": (11, -24), "float32": (24, -149)}[dtype]
    if value == 0:
        return Fraction(0)
    exponent = 0
    while abs(value) >= Fraction(2) ** (exponent + 1):
        exponent += 1
    while abs(value) < Fraction(2) ** exponent:
        exponent -= 1
    step = Fraction(2) ** max(exponent - mantissa + 1, smallest)
    result = round(value / step) * step  # Fraction's round is half to even.
    largest = Fraction(65504) if dtype == "float16" else Fraction(np.finfo(np.float32).max.item())
    return result if abs(result) <= largest else None


def scalar_group(group: list[float], dtype: str) -> tuple[Fraction, list[int]]:
    """(scale, 32 values of q) of one group, each step rounded to ``dtype``."""
    exact = [Fraction(w) for w in group]
    scale = rounded(max(abs(w) for w in exact) / 7, dtype)
    assert scale is not None
    if scale == 0:
        return scale, [14 if w > 0 else 0 for w in exact]
    q = []
    for w in exact:
        quotient = rounded(w / scale, dtype)
        total = None if quotient is None else rounded(quotient + 7, dtype)
        if total is None:
            q.append(14 if w > 0 else 0)
        else:
            q.append(min(max(round(total), 0), 14))
    return scale, q


def check(weights: np.ndarray, dtype: str) -> None:
    words, scales = quantize_mlc(weights, SCHEME)
    assert scales.dtype == dtype
    rows, columns = weights.shape
    groups = -(-columns // 32)
    assert (words.shape, scales.shape) == ((rows, groups * 4), (rows, groups))
    for row in range(rows):
        for group in range(groups):
            values = [float(w) for w in weights[row, group * 32 : group * 32 + 32]]
            scale, q = scalar_group(values, dtype)
            assert Fraction(float(scales[row, group])) == scale
            q += [0] * (32 - len(q))
            for word in range(4):
                expected = sum(q[word * 8 + r] << (4 * r) for r in range(8))
                assert int(words[row, group * 4 + word]) == expected, (row, group, word)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("scale", [1e-7, 1e-3, 0.02, 1.0, 1000.0])
def test_random_weights(dtype: str, scale: float) -> None:
    rng = np.random.default_rng(3)
    check((rng.standard_normal((6, 128)) * scale).astype(dtype), dtype)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_ties_round_to_even(dtype: str) -> None:
    """With scale 1 the halves are exact: -6.5 + 7 = 0.5 -> 0, 0.5 + 7 = 7.5 -> 8."""
    halves = [i / 2 for i in range(-14, 15)] + [7.0, 0.0, -7.0]
    weights = np.array([halves], dtype)
    check(weights, dtype)
    words, _ = quantize_mlc(weights, SCHEME)
    assert int(words[0, 0]) & 0xFF == 0x00  # -7.0 and -6.5


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("columns", [1, 31, 33, 40, 96])
def test_the_last_group_is_filled_with_zero_bits(dtype: str, columns: int) -> None:
    check(np.random.default_rng(columns).standard_normal((3, columns)).astype(dtype), dtype)


def test_zeros_give_scale_and_words_of_zero() -> None:
    words, scales = quantize_mlc(np.zeros((2, 64), np.float16), SCHEME)
    assert not words.any()
    assert not scales.any()


def finite(dtype: str) -> st.SearchStrategy[float]:
    width = 16 if dtype == "float16" else 32
    limit = 60000.0 if dtype == "float16" else 2.0**100
    return st.floats(-limit, limit, width=width, allow_nan=False)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@settings(max_examples=60)
@given(data=st.data())
def test_any_weights(dtype: str, data: st.DataObject) -> None:
    check(data.draw(arrays(dtype, (1, 32), elements=finite(dtype))), dtype)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-(2.0**127), max_value=2.0**127))
def test_bfloat16_on_disk_is_the_nearest_with_ties_to_even(value: float) -> None:
    """What the writer stores for q4f32_1 and q0f32, by integer arithmetic on the bits."""
    bits = struct.unpack("<I", struct.pack("<f", value))[0]
    expected = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
    assert int(np.float32(value).astype(ml_dtypes.bfloat16).view(np.uint16)) == expected
