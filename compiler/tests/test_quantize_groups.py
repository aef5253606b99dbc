"""Floats in groups: error bounds, edge cases, and that search and importance pay. Needs nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.quantize import affine, groups, search
from nomoat_compiler.quantize.allocate import LOSS
from nomoat_compiler.quantize.choose import Q4_ASYMMETRIC, Q8_ASYMMETRIC, Q8_SYMMETRIC
from nomoat_compiler.quantize.groups import quantize_groups
from nomoat_compiler.reference.quantize import dequantize
from nomoat_compiler.scheme import CODEBOOKS, Grouped, stored_parameters

OF_Q4 = list(LOSS)
IQ4_XS, IQ4_NL, FIVE, SIX, EIGHT = OF_Q4
NAMES = {scheme: f"{scheme.bits}_bits_{scheme.scale_dtype}" for scheme in OF_Q4}


def round_trip(weights: np.ndarray, scheme: Grouped, importance: np.ndarray | None = None) -> np.ndarray:
    """What is read back of what is stored, which has the shapes and types that the scheme says."""
    arrays = quantize_groups(weights, scheme, "w", importance)
    stored = stored_parameters("w", weights.shape, scheme)
    assert [(a.shape, str(a.dtype)) for a in arrays] == [(p.shape, p.dtype) for p in stored]
    return dequantize(scheme.to_json(), weights.shape, {p.role: a for p, a in zip(stored, arrays, strict=True)})


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
    _, scales = quantize_groups(weights, scheme, "w")
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
    for scheme, tolerance in (
        (Q4_ASYMMETRIC, 0.3),
        (Q8_SYMMETRIC, 0.03),
        (IQ4_NL, 0.6),
        (IQ4_XS, 0.6),
        (FIVE, 0.3),
        (SIX, 0.15),
    ):
        assert np.abs(round_trip(weights, scheme) - weights).max() < tolerance
    for scheme in (Q4_ASYMMETRIC, Q8_SYMMETRIC):
        words, _ = quantize_groups(weights, scheme, "w")
        used_bits = columns * scheme.bits
        for row in words:
            assert int.from_bytes(row.tobytes(), "little") >> used_bits == 0


@pytest.mark.parametrize("scheme", [Q4_ASYMMETRIC, *OF_Q4])
def test_chunks_do_not_change_the_result(scheme: Grouped, monkeypatch: pytest.MonkeyPatch) -> None:
    """With two groups in each there are enough of them for several threads."""
    weights = np.random.default_rng(5).standard_normal((7, 96)).astype(np.float32)
    importance = np.linspace(0.1, 2, 96, dtype=np.float32)
    whole = quantize_groups(weights, scheme, "w", importance)
    monkeypatch.setattr(groups, "CHUNK_GROUPS", 2)
    for first, second in zip(whole, quantize_groups(weights, scheme, "w", importance), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("scheme", "value"),
    [(Q4_ASYMMETRIC, 70000.0), (Q4_ASYMMETRIC, -1e30), (Q8_SYMMETRIC, 1e7), (IQ4_NL, 1e7), (FIVE, -3e6)],
)
def test_overflow_is_an_error_not_infinity(scheme: Grouped, value: float) -> None:
    weights = np.ones((2, 64), np.float32)
    weights[1, 3] = value
    with pytest.raises(NomoatError) as caught:
        quantize_groups(weights, scheme, "w")
    assert (caught.value.code, caught.value.detail) == ("unsupported", {"tensor": "w"})


@pytest.mark.parametrize("scheme", OF_Q4, ids=NAMES.get)
@pytest.mark.parametrize("scale", [1.0, 0.02])
def test_the_error_is_what_the_allocation_counts_with(scheme: Grouped, scale: float) -> None:
    """Weights of a heavy tail, as those of models, about LOSS; and better than rounding to the plain scale."""
    weights = (np.random.default_rng(2).standard_t(6, (64, 512)) * scale).astype(np.float32)
    error = float(np.square(round_trip(weights, scheme) - weights).sum() / np.square(weights).sum())
    assert LOSS[scheme] * 0.66 < error < LOSS[scheme] * 1.5
    by_group = weights.reshape(-1, scheme.group_size)
    numbers = search.numbers_of(scheme)
    plain = np.abs(by_group).max(axis=1, keepdims=True) / min(-numbers.low, numbers.high)
    rounded = numbers.rounded(by_group / plain) * plain
    assert error < np.square(rounded - by_group).sum() / np.square(by_group).sum() * (
        1.001 if scheme is EIGHT else 0.97
    )


@pytest.mark.parametrize("codebook", ["iq4_nl", "mxfp4"])
def test_numbers_of_a_codebook_are_the_nearest(codebook: str) -> None:
    numbers = search.numbers_of(Grouped(4, 32, None, "float16", codebook))
    table = np.array(CODEBOOKS[codebook], np.float32)
    x = np.linspace(-140, 140, 4001, dtype=np.float32)[:-1]
    np.testing.assert_allclose(np.abs(numbers.rounded(x.copy()) - x), np.abs(table[:, None] - x).min(axis=0), rtol=1e-6)
    np.testing.assert_array_equal(table[numbers.q_of(x.copy())], numbers.rounded(x.copy()))


@pytest.mark.parametrize("scheme", [Q4_ASYMMETRIC, IQ4_XS, FIVE, SIX])
def test_importance_lowers_the_weighted_error(scheme: Grouped) -> None:
    """Of columns whose inputs differ by a factor of ten, against the same search without it."""
    rng = np.random.default_rng(3)
    weights = (rng.standard_t(5, (64, 512)) * 0.02).astype(np.float32)
    importance = np.exp(rng.standard_normal(512) * 2).astype(np.float32)

    def weighted_error(values: np.ndarray) -> float:
        return float((np.square(values - weights) * importance).sum())

    # A minimum and few levels leave more to choose than six bits do.
    gain = {4: 0.9, 5: 0.9, 6: 0.97}[scheme.bits]
    assert weighted_error(round_trip(weights, scheme, importance)) < gain * weighted_error(round_trip(weights, scheme))
    even = round_trip(weights, scheme, np.full(512, 1, np.float32))
    np.testing.assert_allclose(even, round_trip(weights, scheme), rtol=0, atol=2e-3)


@pytest.mark.parametrize("scheme", OF_Q4, ids=NAMES.get)
@pytest.mark.parametrize("value", [1e-42, 1e-30, 1e30])
def test_extreme_groups_stay_finite(scheme: Grouped, value: float) -> None:
    """A group of numbers that float16 cannot hold: small ones are lost, large ones refused."""
    weights = np.zeros((2, 320), np.float32)
    weights[1, 40:80] = value
    if value > 1 and not scheme.two_level:
        with pytest.raises(NomoatError) as caught:
            round_trip(weights, scheme)
        assert caught.value.code == "unsupported"
        return
    read = round_trip(weights, scheme)
    assert np.isfinite(read).all()
    lost = 2.0**-14 if scheme.codebook else 2.0**-15  # The codebook has no zero.
    assert np.abs(read - weights).max() <= max(value * 0.05, lost)
