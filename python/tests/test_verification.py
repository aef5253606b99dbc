"""Proves the figures of a comparison and by which limits each device is judged. Needs nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from nomoat.verification.compare import Comparison, compare
from nomoat.verification.tolerances import (
    FLOAT16_CACHE_EXECUTION,
    FLOAT_EXECUTION,
    INT8_EXECUTION,
    MAX_MEAN_KL,
    Tolerance,
    execution_tolerance,
    quantization_tolerance,
)
from nomoat.verification.verify import misses

PERFECT = Comparison(
    max_logit_error=0,
    logit_correlation=1,
    mean_kl=0,
    top1_agreement=1,
    positions=4,
    decided_positions=3,
    greedy_agreed=3,
)
# What rounded activations do: an error that no order of sums explains, and hardly another distribution.
ROUNDED = dataclasses.replace(PERFECT, max_logit_error=0.4, logit_correlation=0.9995, mean_kl=0.004, greedy_agreed=2)


def test_equal_logits_agree_in_every_figure() -> None:
    logits = np.random.default_rng(0).standard_normal((5, 32)).astype(np.float32)
    figures = compare([logits[:2], logits[2:]], [logits[:2], logits[2:]])
    assert (figures.max_logit_error, figures.mean_kl, figures.top1_agreement, figures.positions) == (0, 0, 1, 5)
    assert figures.logit_correlation == pytest.approx(1)
    assert figures.greedy_agreed == figures.decided_positions


def test_figures_of_two_positions_by_hand() -> None:
    reference = np.array([[0, 1, 2], [4, 0, 0.05]], np.float32)
    measured = np.array([[0, 2, 1], [4.5, 0.5, 0.55]], np.float32)  # another best token; the same plus a constant
    figures = compare([reference], [measured])
    assert figures.max_logit_error == 1
    assert figures.top1_agreement == 0.5
    assert (figures.decided_positions, figures.greedy_agreed) == (2, 1)
    assert figures.logit_correlation == pytest.approx((0.5 + 1) / 2)
    softmax = np.exp(reference[0]) / np.exp(reference[0]).sum()
    assert figures.mean_kl == pytest.approx((softmax[1] * (1 - 2) + softmax[2] * (2 - 1)) / 2)


@pytest.mark.parametrize("quantization", sorted(MAX_MEAN_KL))
def test_wasm_is_judged_by_shape_and_small_weights_less_strictly(quantization: str) -> None:
    of_wasm = INT8_EXECUTION if quantization.startswith(("q4", "q8")) else FLOAT16_CACHE_EXECUTION
    assert execution_tolerance("webgpu", quantization) == FLOAT_EXECUTION
    assert execution_tolerance("wasm", quantization) == of_wasm
    on_webgpu, on_wasm = (quantization_tolerance(device, quantization).max_mean_kl for device in ("webgpu", "wasm"))
    assert on_webgpu == MAX_MEAN_KL[quantization]
    assert on_wasm == on_webgpu + of_wasm.max_mean_kl


def test_what_is_within_the_limits_passes() -> None:
    assert misses("x", PERFECT, FLOAT_EXECUTION) == []
    assert misses("x", ROUNDED, INT8_EXECUTION) == []


@pytest.mark.parametrize(
    ("figures", "limits", "said"),
    [
        (ROUNDED, FLOAT_EXECUTION, ["max logit error", "mean KL", "1 of 3 decided"]),
        (dataclasses.replace(ROUNDED, logit_correlation=0.9), INT8_EXECUTION, ["correlation"]),
        (dataclasses.replace(ROUNDED, top1_agreement=0.8), INT8_EXECUTION, ["best tokens"]),
        (dataclasses.replace(ROUNDED, mean_kl=0.03), INT8_EXECUTION, ["mean KL"]),
        (dataclasses.replace(ROUNDED, mean_kl=0.03), Tolerance(max_mean_kl=0.02), ["mean KL"]),
        (
            dataclasses.replace(PERFECT, mean_kl=float("nan"), logit_correlation=float("nan")),
            INT8_EXECUTION,
            ["mean KL", "correlation"],
        ),
        (dataclasses.replace(PERFECT, max_logit_error=float("nan")), FLOAT_EXECUTION, ["max logit error"]),
    ],
)
def test_every_figure_out_of_its_limit_is_said(figures: Comparison, limits: Tolerance, said: list[str]) -> None:
    found = misses("the reference", figures, limits)
    assert len(found) == len(said)
    for sentence, part in zip(found, said, strict=True):
        assert part in sentence
        assert "the reference" in sentence
