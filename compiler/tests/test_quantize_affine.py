"""Native q4 and q8 from floats: error bounds, edge cases, and that the search pays. Needs nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.quantize import affine
from nomoat_compiler.quantize.affine import quantize_affine
from nomoat_compiler.quantize.choose import Q4_ASYMMETRIC, Q8_ASYMMETRIC, Q8_SYMMETRIC
from nomoat_compiler.reference.quantize import dequantize
from nomoat_compiler.scheme import Grouped


def round_trip(weights: np.ndarray, scheme: Grouped) -> np.ndarray:
    words, scales = quantize_affine(weights, scheme, "w")
    groups = -(-weights.shape[1] // 32)
    assert words.shape == (len(weights), groups * scheme.bits)
    assert np.isfinite(scales).all()
    role = "q_scale_min" if scheme.zero is None else "q_scale"
    return dequantize(scheme.to_json(), weights.shape, {"q_weight": words, role: scales})


def plain_range_error(weights: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> float:
    with monkeypatch.context() as patch:
        patch.setattr(affine, "EXTRA_LEVELS", ())
        return float(((round_trip(weights, Q4_ASYMMETRIC) - weights) ** 2).sum())


@pytest.mark.parametrize("distribution", ["normal", "heavy", "shifted"])
def test_the_search_lowers_the_error(distribution: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    samples = {
        "normal": rng.standard_normal((64, 512)),
        "heavy": rng.standard_t(3, (64, 512)),
        "shifted": rng.standard_normal((64, 512)) + 5,
    }
    weights = (samples[distribution] * 0.02).astype(np.float32)
    searched = float(((round_trip(weights, Q4_ASYMMETRIC) - weights) ** 2).sum())
    assert searched < 0.95 * plain_range_error(weights, monkeypatch)


@settings(max_examples=80, deadline=None)
@given(arrays(np.float32, (1, 32), elements=st.floats(-60000, 60000, width=32)))
def test_q4_is_never_worse_than_half_a_step_in_the_mean(weights: np.ndarray) -> None:
    # No scale is below 2**-14, and no minimum is rounded by more than half of that: neither may be subnormal.
    step = max((weights.max() - weights.min()) / 15, 2.0**-14)
    # Rounding of scale and minimum to float16 adds up to a relative 2**-11 of each.
    rounding = np.float32(2.0**-11) * (np.abs(weights).max() + weights.max() - weights.min()) + 2.0**-15
    error = round_trip(weights, Q4_ASYMMETRIC) - weights
    assert np.sqrt((error.astype(np.float64) ** 2).mean()) <= step / 2 + 2 * rounding


@settings(max_examples=80, deadline=None)
@given(arrays(np.float32, (1, 32), elements=st.floats(-60000, 60000, width=32)))
def test_q8_is_within_a_step(weights: np.ndarray) -> None:
    # No scale is below 2**-14: it would be subnormal.
    step = max(np.abs(weights).max() / 127 * (1 + 2.0**-10), 2.0**-14)
    assert np.abs(round_trip(weights, Q8_SYMMETRIC) - weights).max() <= 0.51 * step


@settings(max_examples=100, deadline=None)
@given(
    exponent=st.integers(-40, 4),
    weights=arrays(np.float32, (2, 32), elements=st.floats(-1, 1, width=32)),
    shift=st.sampled_from([0, 0.25, -1, 3]),
)
@pytest.mark.parametrize("scheme", [Q4_ASYMMETRIC, Q8_SYMMETRIC, Q8_ASYMMETRIC])
def test_no_scale_is_subnormal(scheme: Grouped, exponent: int, weights: np.ndarray, shift: float) -> None:
    """And what a small group loses by it is 2^-15 at each end of a step."""
    weights = ((weights + np.float32(shift)) * np.float32(2.0**exponent)).astype(np.float32)
    _, scales = quantize_affine(weights, scheme, "w")
    magnitudes = np.abs(scales.astype(np.float64))
    assert ((magnitudes == 0) | (magnitudes >= 2.0**-14)).all()
    spread = np.ptp(weights) if scheme.zero is None else np.abs(weights).max() * 2
    step = spread / (2**scheme.bits - 2)
    rounding = 2.0**-10 * (np.abs(weights).max() + spread)
    error = round_trip(weights, scheme) - weights
    assert np.sqrt((error.astype(np.float64) ** 2).mean()) <= max(step, 2.0**-14) / 2 + rounding


@pytest.mark.parametrize("scheme", [Q4_ASYMMETRIC, Q8_SYMMETRIC, Q8_ASYMMETRIC])
def test_small_weights_of_a_model_keep_their_values(scheme: Grouped) -> None:
    """A standard deviation of 0.002 is a tenth of what models have; all scales of 8 bits would be subnormal."""
    weights = (np.random.default_rng(0).standard_normal((64, 512)) * 0.002).astype(np.float32)
    error = np.sqrt(((round_trip(weights, scheme) - weights) ** 2).mean()) / 0.002
    assert error < (0.08 if scheme.bits == 4 else 0.01)


@pytest.mark.parametrize("scheme", [Q4_ASYMMETRIC, Q8_SYMMETRIC, Q8_ASYMMETRIC])
def test_exact_values_stay_exact(scheme: Grouped) -> None:
    """Zeros, constants, and a grid that the scheme can hold."""
    zeros = np.zeros((2, 64), np.float32)
    assert not round_trip(zeros, scheme).any()
    if scheme.zero is None:
        constant = np.full((2, 64), -0.375, np.float32)
        np.testing.assert_array_equal(round_trip(constant, scheme), constant)
        grid = np.tile(np.arange(16, dtype=np.float32) * 0.25 - 1.5, (2, 2))
        if scheme.bits == 4:
            np.testing.assert_array_equal(round_trip(grid, scheme), grid)


@pytest.mark.parametrize("columns", [1, 31, 33, 50])
def test_columns_that_fill_no_group(columns: int) -> None:
    weights = (np.random.default_rng(0).standard_normal((5, columns)) + 3).astype(np.float32)
    for scheme, tolerance in ((Q4_ASYMMETRIC, 0.3), (Q8_SYMMETRIC, 0.03)):
        assert np.abs(round_trip(weights, scheme) - weights).max() < tolerance
        words, _ = quantize_affine(weights, scheme, "w")
        used_bits = columns * scheme.bits
        for row in words:
            assert int.from_bytes(row.tobytes(), "little") >> used_bits == 0


def test_chunks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = np.random.default_rng(5).standard_normal((7, 96)).astype(np.float32)
    whole = quantize_affine(weights, Q4_ASYMMETRIC, "w")
    monkeypatch.setattr(affine, "CHUNK_GROUPS", 2)
    for first, second in zip(whole, quantize_affine(weights, Q4_ASYMMETRIC, "w"), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(("scheme", "value"), [(Q4_ASYMMETRIC, 70000.0), (Q4_ASYMMETRIC, -1e30), (Q8_SYMMETRIC, 1e7)])
def test_overflow_is_an_error_not_infinity(scheme: Grouped, value: float) -> None:
    weights = np.ones((2, 64), np.float32)
    weights[1, 3] = value
    with pytest.raises(NomoatError) as caught:
        quantize_affine(weights, scheme, "w")
    assert (caught.value.code, caught.value.detail) == ("unsupported", {"tensor": "w"})
