"""The sampling kernels against reference/sampling.py: the same token from the same seed. On each adapter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from nomoat_compiler.reference import sampling as reference
from nomoat_compiler.reference.sampling import Sampling

from tests.parity.adapters import ADAPTERS, EVERY_KERNEL, SWIFTSHADER, SoftwareAdapter
from tests.parity.kernel_cases import Arrays, run_on_each

VOCAB = 1000
CASES = {
    "plain": Sampling(),
    "cold": Sampling(temperature=0.2),
    "top-k": Sampling(top_k=7),
    "top-k-1": Sampling(top_k=1),
    "top-p": Sampling(top_p=0.6),
    "min-p": Sampling(min_p=0.2),
    "all": Sampling(temperature=0.8, top_k=40, top_p=0.9, min_p=0.05),
    "penalties": Sampling(repetition_penalty=1.3, presence_penalty=0.4, frequency_penalty=0.2),
    "reward": Sampling(repetition_penalty=0.7, presence_penalty=-0.5, frequency_penalty=-0.3, top_p=0.95),
    "top-k-larger-than-vocabulary": Sampling(top_k=5000),
}
# Logits of 1, 2, 3, 4 repeated, and what is put at some places: what then is drawn from has no finite largest value.
NOT_FINITE: dict[str, dict[int, float]] = {
    "nan": {3: np.nan},
    "negative-nan-at-the-end": {VOCAB - 1: -np.nan},
    "nan-beside-infinity": {0: np.inf, 700: np.nan},
    "infinity": {640: np.inf},
    "all-minus-infinity": dict.fromkeys(range(VOCAB), -np.inf),
    "all-nan": dict.fromkeys(range(VOCAB), np.nan),
    "nan-among-minus-infinity": dict.fromkeys(range(VOCAB), -np.inf) | {VOCAB // 2: np.nan},
}

LARGEST = float(np.finfo(np.float32).max)
# Minus infinity forbids a token, and finite logits may lie as far apart as float32 goes. The answer is 901.
EXTREME: dict[str, dict[int, float]] = {
    "all-but-one-forbidden": dict.fromkeys(range(VOCAB), -np.inf) | {901: -3.0},
    "far-apart": dict.fromkeys(range(VOCAB), -LARGEST * 0.7) | {901: LARGEST * 0.7},
    "far-below-zero": dict.fromkeys(range(VOCAB), -LARGEST * 0.79) | {901: -LARGEST * 0.7, 3: -np.inf},
}


def logits_with(places: dict[int, float]) -> np.ndarray:
    logits = np.resize(np.array([1, 2, 3, 4], np.float32), VOCAB)
    for index, value in places.items():
        # As bits, since a sign of NaN does not survive every conversion.
        logits[index] = np.copysign(np.float32(np.nan), value) if np.isnan(value) else value
    return logits


def sampling_buffer(options: Sampling) -> np.ndarray:
    """The buffer ``sampling`` of docs/program-interface.md."""
    values = (
        options.temperature, options.top_k, options.top_p, options.min_p,
        options.repetition_penalty, options.presence_penalty, options.frequency_penalty, 0,
    )  # fmt: skip
    return np.array(values, dtype=np.float32)


def run_sampler(array_sets: list[Arrays], adapter: SoftwareAdapter = SWIFTSHADER) -> list[Arrays]:
    definition = {"op": "sample", "vocab_size": len(array_sets[0]["logits"])}
    (outputs,) = run_on_each(definition, array_sets, adapter=adapter)
    return outputs


# Vocabularies smaller than a workgroup, with a last part of every kind, and the largest that models have.
SIZES = (1, 2, 63, 257, 4097, 262144)
SIZE_OPTIONS = {
    "plain": Sampling(temperature=1.5),
    "top-k": Sampling(temperature=3, top_k=500),
    "top-p": Sampling(temperature=2, top_p=0.95),
    "all": Sampling(0.9, 40, 0.9, 0.02, 1.2, 0.1, 0.1),
}


def sized_case(vocab: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits and counts: plain ones, with many ties and with forbidden ones in turn."""
    rng = np.random.default_rng(seed)
    logits = (rng.standard_normal(vocab) * 3).astype(np.float32)
    if seed % 3 == 1:
        logits = (np.round(logits * 2) / 2).astype(np.float32)
    if seed % 3 == 2:
        logits[rng.random(vocab) < 0.3] = -np.inf
        logits[vocab // 2] = 0.5
    return logits, (rng.random(vocab) < 0.1).astype(np.int32)


def acceptable(logits: np.ndarray, counts: np.ndarray, options: Sampling, seed: int, step: int) -> set[int]:
    """The reference's token, and those that it would draw if sums or weights were rounded otherwise, by 1e-5."""
    accepted = set()
    for p_sign, m_sign in ((0, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)):
        top_p = options.top_p * (1 + 1e-5 * p_sign) if options.top_p < 1 else 1.0
        moved = replace(options, top_p=top_p, min_p=options.min_p * (1 + 1e-5 * m_sign))
        p = reference.probabilities(logits, counts, moved)
        kept = np.flatnonzero(p > 0)
        ratios = reference.waiting_times(kept, seed, step) / p[kept]
        accepted |= set(kept[ratios <= ratios.min() * (1 + 1e-5)].tolist())
    return accepted


@pytest.mark.parametrize("vocab", SIZES)
def test_sizes_of_the_vocabulary(vocab: int) -> None:
    draws = []
    for name, options in SIZE_OPTIONS.items():
        for seed in range(3 if vocab > 100_000 else 9):
            draws.append((name, options, seed, *sized_case(vocab, seed)))
    outputs = run_sampler(
        [
            {
                "logits": logits,
                "sampling": sampling_buffer(options),
                "token_counts": counts,
                "state": np.array([0, 9, seed * 7, seed, 0, 0, 0, 0], np.int32),
                "tokens": np.full(64, -1, np.int32),
            }
            for _, options, seed, logits, counts in draws
        ]
    )
    undecided = 0
    for (name, options, seed, logits, counts), output in zip(draws, outputs, strict=True):
        accepted = acceptable(logits, counts, options, seed, seed * 7)
        assert int(output["state"][0]) in accepted, (name, seed)
        undecided += len(accepted) > 1
    assert undecided <= 1


# These kernels know no subgroups, and lavapipe compiles `draw` for minutes: it proves them before a release.
@pytest.mark.parametrize("adapter", ADAPTERS if EVERY_KERNEL else [SWIFTSHADER], ids=lambda adapter: adapter.name)
@pytest.mark.parametrize("options", CASES.values(), ids=CASES.keys())
def test_sampler(options: Sampling, adapter: SoftwareAdapter) -> None:
    rng = np.random.default_rng(5)
    steps = []
    for _ in range(12):
        logits = rng.normal(scale=2, size=VOCAB).astype(np.float32)
        logits[100:104] = logits.max()  # ties at the top: all of them must survive a threshold
        counts = rng.integers(0, 3, VOCAB).astype(np.int32) * rng.integers(0, 2, VOCAB).astype(np.int32)
        steps.append((logits, counts, int(rng.integers(0, 2**32))))
    states = [
        np.array([0, 9, step, np.uint32(seed).view(np.int32), 0, 0, 0, 0], dtype=np.int32)
        for step, (_, _, seed) in enumerate(steps)
    ]
    drawn = run_sampler(
        [
            {
                "logits": logits,
                "sampling": sampling_buffer(options),
                "token_counts": counts,
                "state": states[step],
                "tokens": np.full(64, -1, np.int32),
            }
            for step, (logits, counts, _) in enumerate(steps)
        ],
        adapter,
    )
    for step, (logits, counts, seed) in enumerate(steps):
        expected_weights = reference.penalize(logits, counts, options) / np.float32(options.temperature)
        outputs = drawn[step]
        # The weights that the draw leaves behind: a relative error of e^x is the absolute one of x.
        exponentials = np.exp(expected_weights.astype(np.float64) - expected_weights.max())
        np.testing.assert_allclose(outputs["weights"], exponentials, rtol=1e-5, atol=1e-30)
        token = int(outputs["state"][0])
        assert token == reference.draw(reference.probabilities(logits, counts, options), seed, step)
        assert outputs["state"].tolist() == [token, 10, step + 1, int(states[step][3]), 0, 0, 0, 0]
        assert outputs["tokens"][step] == token
        counts[token] += 1
        np.testing.assert_array_equal(outputs["token_counts"], counts)


def sample_once(logits: np.ndarray, counts: np.ndarray, options: Sampling) -> Arrays:
    """sample at step 5 of seed 7, after token 8 at position 9."""
    arrays = {"logits": logits, "token_counts": counts, "sampling": sampling_buffer(options)}
    state = {"state": np.array([8, 9, 5, 7, 0, 0, 0, 0], np.int32), "tokens": np.full(64, 99, np.int32)}
    (drawn,) = run_sampler([arrays | state])
    return drawn


@pytest.mark.parametrize("counted", [0, 2])
@pytest.mark.parametrize("name", NOT_FINITE)
def test_nothing_is_drawn_from_what_is_not_finite(name: str, counted: int) -> None:
    logits, counts = logits_with(NOT_FINITE[name]), np.full(VOCAB, counted, np.int32)
    for options in (CASES["plain"], CASES["penalties"], CASES["all"]):
        assert reference.sample(logits, counts, options, 7, 5) == reference.NO_TOKEN
        drawn = sample_once(logits, counts, options)
        # The token before stays, since decode may embed it again before the host knows.
        assert drawn["state"].tolist() == [8, 10, 6, 7, 0, 0, 0, 0]
        assert drawn["tokens"][5] == reference.NO_TOKEN
        assert (np.delete(drawn["tokens"], 5) == 99).all()
        np.testing.assert_array_equal(drawn["token_counts"], counts)


@pytest.mark.parametrize(
    "options", [CASES["plain"], CASES["penalties"], CASES["all"]], ids=["plain", "penalties", "all"]
)
def test_extreme_logits_are_drawn_from(options: Sampling) -> None:
    """Minus infinity forbids a token, and finite logits may lie as far apart as float32 goes."""
    largest = float(np.finfo(np.float32).max)
    counts = np.zeros(VOCAB, np.int32)
    for places in (
        dict.fromkeys(range(VOCAB), -np.inf) | {901: -3.0},
        dict.fromkeys(range(VOCAB), -largest * 0.7) | {901: largest * 0.7},
        dict.fromkeys(range(VOCAB), -largest * 0.79) | {901: -largest * 0.7, 3: -np.inf},
    ):
        logits = logits_with(places)
        assert reference.sample(logits, counts, options, 7, 5) == 901
        drawn = sample_once(logits, counts, options)
        assert (drawn["state"][0], drawn["tokens"][5], drawn["token_counts"][901]) == (901, 901, 1)


def test_draws_follow_the_distribution() -> None:
    """Chi-squared over 400 draws of five tokens; p < 1e-4 is failure, and seeds are fixed, so it never flickers."""
    probabilities = np.array([0.4, 0.3, 0.15, 0.1, 0.05])
    logits = np.full(VOCAB, np.float32(-1e9))
    logits[[3, 200, 201, 640, 999]] = np.log(probabilities).astype(np.float32)
    hits = dict.fromkeys([3, 200, 201, 640, 999], 0)
    draws = [
        {
            "logits": logits,
            "sampling": sampling_buffer(Sampling()),
            "token_counts": np.zeros(VOCAB, np.int32),
            "state": np.array([0, 0, step, 1234, 0, 0, 0, 0], dtype=np.int32),
            "tokens": np.zeros(64, np.int32),
        }
        for step in range(400)
    ]
    for outputs in run_sampler(draws):
        hits[int(outputs["state"][0])] += 1
    expected = probabilities * 400
    chi_squared = float((((np.array(list(hits.values())) - expected) ** 2) / expected).sum())
    assert chi_squared < 23.5, hits  # the 1 - 1e-4 quantile with four degrees of freedom
