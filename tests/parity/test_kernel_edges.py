"""Kernels at the edges of their numbers: scales subnormal in float16, and gates of every finite size and NaN."""

from __future__ import annotations

import numpy as np
import pytest

from tests.fixtures.finite_floats import finite_floats
from tests.parity.kernel_cases import POISON, SCHEMES, random_matrix, run_everywhere
from tests.parity.test_kernel_linear import SWIGLU, linear
from tests.parity.test_kernels import embed


@pytest.mark.parametrize("name", ["q4m_f16", "q4s_f16", "q8m_f16", "q8s_f16"])
def test_scales_below_the_smallest_normal_half_are_read(name: str) -> None:
    """Files of other programs have them. A device that takes them for zero fails here."""
    rng = np.random.default_rng(1)
    scheme = SCHEMES[name]
    values, matrix = random_matrix(rng, 24, 192, scheme, subnormal=True)
    assert np.abs(values).max() > 0
    x = rng.normal(size=(5, 192)).astype(np.float32)
    tolerance = 2e-6 * np.sqrt(192) * np.abs(x).max() * np.abs(values).max()
    for prefill, tokens in ((False, x[:1]), (True, x)):
        arrays = {"x": tokens, "out": np.full((len(tokens), 24), POISON)} | matrix
        for outputs in run_everywhere(linear(scheme, 24, 192), arrays, prefill=prefill, n=len(tokens)):
            np.testing.assert_allclose(outputs["out"], tokens @ values.T, rtol=0, atol=tolerance)
    ids = np.array([0, 23, 7], np.int32)
    arrays = {"token_ids": ids, "out": np.full((3, 192), POISON)} | matrix
    for outputs in run_everywhere(embed(scheme, 24, 192), arrays, prefill=True, n=3):
        np.testing.assert_allclose(outputs["out"], values[ids], rtol=1e-6, atol=1e-6 * np.abs(values).max())


@pytest.mark.parametrize("prefill", [False, True], ids=["decode", "prefill"])
def test_swiglu_over_all_finite_numbers(prefill: bool) -> None:
    """Gates of every size, and NaN, which must not be lost: the rows of the matrix are [gate, 0, 0, 0]."""
    gates = np.append(finite_floats(), np.float32(np.nan))
    w = np.zeros((2 * len(gates), 4), np.float32)
    w[: len(gates), 0], w[len(gates) :, 1] = gates, 0.5
    arrays = {"x": np.array([[1, 1, 0, 0]], np.float32), "w": w, "out": np.full((1, len(gates)), POISON)}
    wide = gates.astype(np.float64)
    with np.errstate(over="ignore"):
        expected = wide / (1 + np.exp(-wide)) * 0.5
    # WGSL allows exp(-x) an error of 3 + 2|x| units in the last place. silu(-87), 1.5e-36, stands for all below it.
    allowed = np.abs(expected) * (8 + 2 * np.abs(wide).clip(max=87)) * 2.0**-23 + 0.8e-36
    definition = linear(SCHEMES["f32"], len(w), 4, **SWIGLU)
    for outputs in run_everywhere(definition, arrays, prefill=prefill):
        out = outputs["out"][0]
        assert np.isnan(out[-1])
        assert (np.abs(out - expected)[:-1] <= allowed[:-1]).all()
