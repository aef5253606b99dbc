"""The CPU kernels of sampling against the reference. Needs only wasmtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from nomoat_compiler.operators.cpu.emit import Build
from nomoat_compiler.operators.sample.cpu import PART_BYTES, SLICES
from nomoat_compiler.reference import sampling as reference
from nomoat_compiler.reference.sampling import Sampling

from tests.parity.cpu_harness import CpuMachine, each_build, random
from tests.parity.test_kernel_sampling import CASES as SAMPLING_CASES
from tests.parity.test_kernel_sampling import sampling_buffer


@each_build
@pytest.mark.parametrize("threads", [1, 3])
def test_argmax(build: Build, threads: int) -> None:
    for vocab, peaks in ((1001, [7]), (1001, [1000]), (50, [3, 40]), (4, [0, 1, 2, 3]), (1000, [333, 334, 999])):
        machine = CpuMachine(build, 8)
        logits = random(30).standard_normal(vocab).astype(np.float32)
        logits[peaks] = 9
        parts, tokens = machine.place(PART_BYTES * SLICES), machine.place(64 * 4)
        state = machine.place(np.array([1, 20, 65, 0, 0, 0, 0, 0], np.int32))
        padded = np.concatenate([logits, np.full(8, 100, np.float32)])  # nothing behind the vocabulary counts
        machine.call("argmax_share", machine.place(padded), parts, vocab, threads=threads)
        machine.call("argmax_finish", parts, state, tokens, threads=threads)
        assert machine.read(state, np.int32, (4,)).tolist() == [peaks[0], 21, 66, 0]
        assert machine.read(tokens, np.int32, (64,))[1] == peaks[0]


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
        u = reference.uniform(seed, seed * 3)
        running = np.cumsum(p)
        if np.abs(running - u).min() < 1e-5:
            continue  # sums are taken in another order: either neighbour is right
        assert result["token"] == reference.draw(p, u)
        assert result["counts"][result["token"]] == counts[result["token"]] + 1
        assert result["counts"].sum() == counts.sum() + 1


@each_build
def test_sample_of_a_flat_and_of_a_peaked_distribution(build: Build) -> None:
    flat = np.zeros(2000, np.float32)
    counts = np.zeros(2000, np.int32)
    for options in (Sampling(), Sampling(top_k=50), Sampling(top_p=0.5)):
        token = _sample(build, flat, counts, options, 4, 9, 2)["token"]
        # All tie, so every filter keeps all of them.
        assert token == reference.draw(np.full(2000, 1 / 2000), reference.uniform(4, 9))
    peaked = flat.copy()
    peaked[77] = 200
    assert _sample(build, peaked, counts, Sampling(), 4, 9, 2)["token"] == 77


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
    machine.call(
        "penalize_share", machine.place(np.pad(logits, (0, pad))), counts_at, sampling, weights, parts, vocab,
        threads=threads,
    )  # fmt: skip
    machine.call("exp_share", weights, parts, vocab, threads=threads)
    gathered = machine.place((vocab + pad) * 4)
    machine.call("draw", weights, parts, sampling, counts_at, state, tokens, gathered, vocab, threads=threads)
    after = machine.read(state, np.int32, (4,))
    assert after[1:3].tolist() == [21, step + 1]
    assert machine.read(tokens, np.int32, (64,))[step % 64] == after[0]
    return {"token": int(after[0]), "counts": machine.read(counts_at, np.int32, (vocab,))}
