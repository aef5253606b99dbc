"""Proves the reference sampler against transformers' logits processors and known values. Needs torch, no browser."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nomoat_compiler.reference.sampling import (
    NO_TOKEN,
    Sampling,
    draw,
    greedy,
    pcg,
    penalize,
    probabilities,
    sample,
    uniform,
)
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

VOCABULARY = 50
NOTHING_SEEN = np.zeros(VOCABULARY, np.int32)


def test_generator_has_known_values() -> None:
    """The formula of docs, and the value of pcg(0) that is published with it."""
    for x in (0, 1, 12345, 2**32 - 1):
        state = (x * 747796405 + 2891336453) % 2**32
        word = (((state >> ((state >> 28) + 4)) ^ state) * 277803737) % 2**32
        assert pcg(x) == (word >> 22) ^ word
    assert pcg(0) == 129708002
    assert uniform(7, 3) == (pcg(pcg(7) ^ 3) >> 8) / 2**24


def test_generator_is_uniform() -> None:
    """A chi-square of 64 bins over 20,000 steps, for neighbouring seeds: 64 ± 6 standard deviations."""
    for seed in (0, 1, 2, 2**32 - 1):
        counts = np.bincount([int(uniform(seed, step) * 64) for step in range(20_000)], minlength=64)
        chi_square = float(((counts - 312.5) ** 2 / 312.5).sum())
        assert 63 - 6 * np.sqrt(126) < chi_square < 63 + 6 * np.sqrt(126)


@settings(deadline=None, max_examples=200)
@given(
    seed=st.integers(0, 2**32 - 1),
    temperature=st.floats(0.2, 3),
    top_k=st.integers(0, VOCABULARY + 5),
    top_p=st.floats(0.05, 1),
    min_p=st.floats(0, 0.5),
    penalty=st.floats(0.5, 2),
)
def test_probabilities_equal_transformers(
    seed: int, temperature: float, top_k: int, top_p: float, min_p: float, penalty: float
) -> None:
    """Without ties, where transformers keeps an arbitrary one of them and we keep all."""
    rng = np.random.default_rng(seed)
    logits = (rng.standard_normal(VOCABULARY) * 4).astype(np.float32)
    seen = rng.integers(0, VOCABULARY, 12)
    processors = LogitsProcessorList(
        [RepetitionPenaltyLogitsProcessor(penalty), TemperatureLogitsWarper(temperature)]
        + ([TopKLogitsWarper(top_k)] if top_k else [])
        + ([TopPLogitsWarper(top_p)] if top_p < 1 else [])
        + ([MinPLogitsWarper(min_p)] if min_p > 0 else [])
    )
    expected = processors(torch.from_numpy(seen)[None], torch.from_numpy(logits.copy())[None])
    expected = torch.softmax(expected.double(), -1)[0].numpy()
    counts = np.bincount(seen, minlength=VOCABULARY).astype(np.int32)
    options = Sampling(temperature, top_k, top_p, min_p, penalty)
    actual = probabilities(logits, counts, options)
    # A sum that meets top_p, or a weight that meets min_p, to the last bit may fall on either side.
    differing = (expected > 0) != (actual > 0)
    assert differing.sum() <= 1
    if not differing.any():
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-7)


def test_presence_and_frequency_penalties() -> None:
    counts = np.array([0, 1, 3], np.int32)
    logits = np.array([1.0, 1.0, -1.0], np.float32)
    options = Sampling(repetition_penalty=2, presence_penalty=0.5, frequency_penalty=0.25)
    np.testing.assert_allclose(penalize(logits, counts, options), [1, 0.5 - 0.25 - 0.5, -2 - 0.75 - 0.5])


def test_ties_are_all_kept() -> None:
    logits = np.array([2.0, 1.0, 2.0, 1.0, 0.0], np.float32)
    counts = np.zeros(5, np.int32)
    assert (probabilities(logits, counts, Sampling(top_k=1)) > 0).tolist() == [True, False, True, False, False]
    assert (probabilities(logits, counts, Sampling(top_k=3)) > 0).tolist() == [True, True, True, True, False]
    assert (probabilities(logits, counts, Sampling(top_p=0.1)) > 0).tolist() == [True, False, True, False, False]


def test_draws_follow_the_probabilities() -> None:
    """Frequencies of 20,000 draws, within five standard deviations; excluded tokens never."""
    logits = np.random.default_rng(3).standard_normal(VOCABULARY).astype(np.float32) * 2
    options = Sampling(temperature=0.8, top_k=8)
    p = probabilities(logits, NOTHING_SEEN, options)
    steps = 20_000
    counts = np.bincount([draw(p, uniform(11, step)) for step in range(steps)], minlength=VOCABULARY)
    assert (counts[p == 0] == 0).all()
    assert (np.abs(counts - steps * p) <= 5 * np.sqrt(steps * p)).all()
    assert sample(logits, NOTHING_SEEN, options, 11, 5) == draw(p, uniform(11, 5))


@pytest.mark.parametrize(("u", "token"), [(0.0, 1), (0.249, 1), (0.25, 3), (0.99999, 3)])
def test_draw_takes_the_first_token_past_u(u: float, token: int) -> None:
    assert draw(np.array([0, 0.25, 0, 0.75]), u) == token


def test_greedy_takes_the_lowest_of_equals() -> None:
    assert greedy(np.array([1, 3, 3, 2], np.float32)) == 1


@pytest.mark.parametrize("largest", [np.nan, -np.nan, np.inf])
def test_nothing_is_chosen_from_what_is_not_finite(largest: float) -> None:
    logits = np.array([1, largest, 2], np.float32)
    assert (greedy(logits), sample(logits, np.zeros(3, np.int32), Sampling(), 1, 2)) == (NO_TOKEN, NO_TOKEN)
    nothing = np.full(3, -np.inf, np.float32)
    assert (greedy(nothing), sample(nothing, np.zeros(3, np.int32), Sampling(), 1, 2)) == (NO_TOKEN, NO_TOKEN)


def test_a_token_of_minus_infinity_is_never_chosen() -> None:
    logits = np.array([-np.inf, 3, -np.inf], np.float32)
    assert (greedy(logits), sample(logits, np.ones(3, np.int32), Sampling(temperature=0.5), 1, 2)) == (1, 1)
