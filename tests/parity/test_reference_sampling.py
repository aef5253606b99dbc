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
    waiting_times,
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


def test_waiting_times_are_logarithms_of_a_hash() -> None:
    """Against the same hash in Python's integers and float64, of ids that are no neighbours and of neighbours."""

    def mix(x: int) -> int:
        x = (x ^ (x >> 16)) * 0x7FEB352D % 2**32
        x = (x ^ (x >> 15)) * 0x846CA68B % 2**32
        return x ^ (x >> 16)

    tokens = np.concatenate([np.arange(2000), 2 ** np.arange(18), [262143]])
    for seed, step in ((0, 0), (7, 3), (2**32 - 1, 2**31 - 1)):
        first = pcg(pcg(seed) ^ step)
        hashed = [mix(mix(int(token) ^ first) ^ pcg(first)) | 1 for token in tokens]
        expected = -np.log(np.array(hashed, np.float64) / 2**32)
        np.testing.assert_allclose(waiting_times(tokens, seed, step), expected, rtol=5e-7)


@pytest.mark.parametrize("seed", [0, 1, 2, 2**32 - 1])
def test_waiting_times_are_exponential(seed: int) -> None:
    """A chi-square of 64 bins over 20,000 steps of a token, and over 20,000 tokens of a step: 63 ± 6 deviations."""
    of_steps = np.concatenate([waiting_times(np.array([5]), seed, step) for step in range(20_000)])
    for times in (of_steps, waiting_times(np.arange(20_000), seed, 9)):
        counts = np.bincount((np.exp(-times.astype(np.float64)) * 64).astype(int), minlength=64)
        assert abs(chi_square(counts, np.full(64, 312.5)) - 63) < 6 * np.sqrt(126)


OPTIONS = {
    "plain": Sampling(),
    "top-k": Sampling(top_k=4),
    "top-p": Sampling(temperature=1.5, top_p=0.7),
    "min-p": Sampling(min_p=0.1),
    "all": Sampling(1.2, 6, 0.9, 0.05, 1.3, 0.2, 0.1),
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_draws_follow_the_distribution(options: Sampling) -> None:
    """Chi-square of 8,000 draws against the exact probabilities; 1 - 1e-6 of such sums are smaller. Seeds are fixed."""
    rng = np.random.default_rng(3)
    logits = (rng.standard_normal(10) * 1.5).astype(np.float32)
    counts = rng.integers(0, 3, 10).astype(np.int32)
    p = probabilities(logits, counts, options)
    for draws in (
        [sample(logits, counts, options, 77, step) for step in range(8000)],
        [sample(logits, counts, options, seed, 5) for seed in range(8000)],
    ):
        hits = np.bincount(draws, minlength=10)
        assert not hits[p == 0].any()
        kept = p > 0
        if kept.sum() > 1:
            assert chi_square(hits[kept], p[kept] * 8000) < chi_square_limit(int(kept.sum()) - 1)


def test_a_step_tells_nothing_of_the_next() -> None:
    """Pairs of draws one after the other, of a flat distribution over 4,096 tokens in eight groups."""
    flat = np.full(4096, 1 / 4096)
    draws = np.array([draw(flat, 9, step) for step in range(8001)])
    groups = draws // 512
    pairs = np.bincount(groups[:-1] * 8 + groups[1:], minlength=64)
    assert chi_square(pairs, np.full(64, 125.0)) < chi_square_limit(63)
    # And within a group: the lowest bits of the token.
    assert chi_square(np.bincount(draws % 8, minlength=8), np.full(8, 8001 / 8)) < chi_square_limit(7)


def chi_square_limit(freedom: int) -> float:
    """What one in a million exceeds, to a percent (Wilson and Hilferty 1931)."""
    third = 2 / (9 * freedom)
    return freedom * (1 - third + 4.753 * third**0.5) ** 3


def chi_square(counts: np.ndarray, expected: np.ndarray) -> float:
    return float(((counts - expected) ** 2 / expected).sum())


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


def test_a_draw_does_not_depend_on_what_cannot_be_drawn() -> None:
    """A token races by itself: others that are taken away change nothing but where one of them had won."""
    p = np.random.default_rng(2).random(500)
    for step in range(50):
        winner = draw(p, 4, step)
        without = p.copy()
        without[np.random.default_rng(step).permutation(500)[:400]] = 0
        without[winner] = p[winner]
        assert draw(without, 4, step) == winner
        without[winner] = 0
        assert draw(without, 4, step) != winner


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
