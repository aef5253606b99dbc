"""The CPU kernels of sampling against the reference. Needs only wasmtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from nomoat_compiler.operators.cpu.emit import Build
from nomoat_compiler.operators.sample.cpu import PART_BYTES, SLICES
from nomoat_compiler.reference import sampling as reference
from nomoat_compiler.reference.sampling import Sampling

from tests.parity.cpu_harness import BUILDS, CpuMachine, each_build, random
from tests.parity.test_kernel_sampling import CASES as SAMPLING_CASES
from tests.parity.test_kernel_sampling import (
    EXTREME,
    NOT_FINITE,
    SIZE_OPTIONS,
    SIZES,
    VOCAB,
    acceptable,
    logits_with,
    sampling_buffer,
    sized_case,
)  # fmt: skip


@each_build
@pytest.mark.parametrize("threads", [1, 3])
def test_argmax(build: Build, threads: int) -> None:
    lowest = float(np.finfo(np.float32).min)
    for vocab, peaks, others, peak in (
        (1001, [7], None, 9),
        (1001, [1000], None, 9),
        (50, [3, 40], None, 9),
        (4, [0, 1, 2, 3], None, 9),
        (1000, [333, 334, 999], None, 9),
        (1001, [17, 900], -1.0, -0.0),
        (1001, [17], lowest, lowest * 0.9),
        (1001, [1000], -np.inf, lowest),
    ):
        logits = random(30).standard_normal(vocab).astype(np.float32)
        if others is not None:
            logits[:] = others
        logits[peaks] = peak
        logits[peaks[1:]] = np.abs(peak)  # zeros of both signs are equal
        assert reference.greedy(logits) == peaks[0]
        assert _argmax(build, logits, threads) == {"token_id": peaks[0], "token": peaks[0]}


@each_build
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", NOT_FINITE)
def test_nothing_is_chosen_from_what_is_not_finite(build: Build, name: str, threads: int) -> None:
    logits = logits_with(NOT_FINITE[name])
    assert reference.greedy(logits) == reference.NO_TOKEN
    # The token before stays, since decode may embed it again before the host knows.
    assert _argmax(build, logits, threads) == {"token_id": 1, "token": reference.NO_TOKEN}
    for options in (SAMPLING_CASES["plain"], SAMPLING_CASES["penalties"], SAMPLING_CASES["all"]):
        for count in (0, 2):
            counts = np.full(VOCAB, count, np.int32)
            result = _sample(build, logits, counts, options, seed=3, step=5, threads=threads)
            assert (result["token_id"], result["token"]) == (1, reference.NO_TOKEN)
            np.testing.assert_array_equal(result["counts"], counts)


@each_build
@pytest.mark.parametrize("name", EXTREME)
def test_extreme_logits_are_drawn_from(build: Build, name: str) -> None:
    logits = logits_with(EXTREME[name])
    for options in (SAMPLING_CASES["plain"], SAMPLING_CASES["penalties"], SAMPLING_CASES["all"]):
        result = _sample(build, logits, np.zeros(VOCAB, np.int32), options, seed=3, step=5, threads=2)
        assert (result["token_id"], result["token"], result["counts"][901]) == (901, 901, 1)


@each_build
@pytest.mark.parametrize("name", SAMPLING_CASES)
@pytest.mark.parametrize("threads", [1, 2])
def test_sample(build: Build, name: str, threads: int) -> None:
    options: Sampling = SAMPLING_CASES[name]
    vocab = 1003
    for seed in range(12):
        generator = random(seed)
        logits = (generator.standard_normal(vocab) * 3).astype(np.float32)
        logits[5] = logits[900] = logits.max()  # a tie at the top
        counts = (generator.random(vocab) < 0.1).astype(np.int32) * generator.integers(1, 4, vocab, dtype=np.int32)
        result = _sample(build, logits, counts, options, seed, step=seed * 3, threads=threads)
        p = reference.probabilities(logits, counts, options)
        assert result["token_id"] == result["token"] == reference.draw(p, seed, seed * 3)
        assert result["counts"][result["token"]] == counts[result["token"]] + 1
        assert result["counts"].sum() == counts.sum() + 1


@pytest.mark.parametrize("vocab", SIZES)
def test_sizes_of_the_vocabulary(vocab: int) -> None:
    """The cases of the GPU's test: so both devices choose the same token where it is not a matter of rounding."""
    for name, options in SIZE_OPTIONS.items():
        for seed in range(3 if vocab > 100_000 else 9):
            logits, counts = sized_case(vocab, seed)
            result = _sample(BUILDS[0], logits, counts, options, seed, step=seed * 7, threads=2)
            assert result["token"] in acceptable(logits, counts, options, seed, seed * 7), (name, seed)


@each_build
def test_sample_of_a_flat_and_of_a_peaked_distribution(build: Build) -> None:
    flat = np.zeros(2000, np.float32)
    counts = np.zeros(2000, np.int32)
    for options in (Sampling(), Sampling(top_k=50), Sampling(top_p=0.5)):
        token = _sample(build, flat, counts, options, 4, 9, 2)["token"]
        # All tie, so every filter keeps all of them.
        assert token == reference.draw(np.full(2000, 1 / 2000), 4, 9)
    peaked = flat.copy()
    peaked[77] = 200
    assert _sample(build, peaked, counts, Sampling(), 4, 9, 2)["token"] == 77


@each_build
@pytest.mark.parametrize("threads", [1, 3])
def test_mask_logits(build: Build, threads: int) -> None:
    """Every length of the last word, whatever a logit is; behind the vocabulary up to a group of four may change."""
    for vocab in (1, 31, 32, 33, 1000, 1027):
        logits = random(vocab).standard_normal(vocab).astype(np.float32)
        logits[:: max(1, vocab // 3)] = np.nan
        words = random(2).integers(-(2**31), 2**31, -(-vocab // 32)).astype(np.int32)
        machine = CpuMachine(build, 8)
        padded = machine.place(np.pad(logits, (0, -vocab % 4 + 4), constant_values=5))
        machine.call("mask_logits", machine.place(words), padded, vocab, threads=threads)
        after = machine.read(padded, np.float32, (vocab + -vocab % 4 + 4,))
        allowed = np.unpackbits(words.view(np.uint8), bitorder="little")[:vocab].astype(bool)
        np.testing.assert_array_equal(after[:vocab], np.where(allowed, logits, np.finfo(np.float32).min))
        assert (after[-4:] == 5).all()


def _argmax(build: Build, logits: np.ndarray, threads: int) -> dict[str, int]:
    machine = CpuMachine(build, 8)
    parts, tokens = machine.place(PART_BYTES * SLICES), machine.place(64 * 4)
    state = machine.place(np.array([1, 20, 65, 0, 0, 0, 0, 0], np.int32))
    padded = np.concatenate([logits, np.full(8, np.nan, np.float32)])  # nothing behind the vocabulary counts
    machine.call("argmax_share", machine.place(padded), parts, len(logits), threads=threads)
    machine.call("argmax_finish", parts, state, tokens, threads=threads)
    after = machine.read(state, np.int32, (4,))
    assert after[1:].tolist() == [21, 66, 0]
    return {"token_id": int(after[0]), "token": int(machine.read(tokens, np.int32, (64,))[1])}


def _sample(
    build: Build, logits: np.ndarray, counts: np.ndarray, options: Sampling, seed: int, step: int, threads: int
) -> dict[str, Any]:
    machine = CpuMachine(build, 8)
    vocab = len(logits)
    pad = -vocab % 4
    counts_at = machine.place(np.pad(counts, (0, pad)))
    weights, parts = machine.place((vocab + pad) * 4), machine.place(PART_BYTES * SLICES)
    state = machine.place(np.array([1, 20, step, seed, 0, 0, 0, 0], np.int32))
    sampling, tokens = machine.place(sampling_buffer(options)), machine.place(64 * 4)
    padded = np.pad(logits, (0, pad), constant_values=np.nan)  # nothing behind the vocabulary counts
    machine.call(
        "penalize_share", machine.place(padded), counts_at, sampling, weights, parts, vocab,
        threads=threads,
    )  # fmt: skip
    machine.call("exp_share", weights, parts, vocab, threads=threads)
    gathered = machine.place((vocab + pad) * 4)
    machine.call("draw", weights, parts, sampling, counts_at, state, tokens, gathered, vocab, threads=threads)
    after = machine.read(state, np.int32, (4,))
    assert after[1:3].tolist() == [21, step + 1]
    token = int(machine.read(tokens, np.int32, (64,))[step % 64])
    return {"token_id": int(after[0]), "token": token, "counts": machine.read(counts_at, np.int32, (vocab,))}
