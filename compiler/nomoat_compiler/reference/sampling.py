"""The sampler in NumPy, in the order that docs/program-interface.md fixes, and its counter-based generator.

    penalties -> temperature -> top-k -> softmax -> top-p -> min-p -> a race of what is kept, by (seed, step)

Where a logit is NaN, or the largest is not finite (after penalties and temperature), there is no token: NO_TOKEN.
A threshold keeps every token that ties with it. In the race each token i has a waiting time E_i of the exponential
distribution, a hash of (seed, step, i), and the least E_i / p_i wins: with probability p_i, as of exponential
distributions of rates p_i (the Gumbel-max trick; Maddison et al. 2014, arXiv 1411.0030). No token depends on another,
so there is neither an order nor a running sum, and a draw can be repeated without any state.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
WORD = 0xFFFFFFFF
NO_TOKEN = -1


@dataclass(frozen=True)
class Sampling:
    """The numbers of the buffer ``sampling``; the defaults switch each filter off."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0


def sample(logits: Float32, token_counts: npt.NDArray[np.int32], options: Sampling, seed: int, step: int) -> int:
    """The next token id. logits (vocab_size,); token_counts (vocab_size,) of prompt and answer so far."""
    with np.errstate(all="ignore"):  # what is not finite here is the question
        l = penalize(logits, token_counts, options) / np.float32(options.temperature)  # noqa: E741 (vocab_size,)
    if not np.isfinite(l.max()):  # NaN if there is one
        return NO_TOKEN
    p = probabilities(logits, token_counts, options)  # (vocab_size,)
    return draw(p, seed, step)


def probabilities(logits: Float32, token_counts: npt.NDArray[np.int32], options: Sampling) -> npt.NDArray[np.float64]:
    """What the sampler draws from, (vocab_size,), summing to 1. float64 after the softmax's input."""
    l = penalize(logits, token_counts, options) / np.float32(options.temperature)  # noqa: E741 (vocab_size,)
    kept = np.ones(len(l), bool)  # (vocab_size,)
    if 0 < options.top_k < len(l):
        kept &= l >= np.sort(l)[-options.top_k]
    with np.errstate(over="ignore"):  # what is too far below the largest is nothing
        w = np.where(kept, np.exp((l - l.max()).astype(np.float64)), 0.0)  # (vocab_size,) largest is 1
    if options.top_p < 1:
        descending = np.sort(w)[::-1]
        enough = np.cumsum(descending) >= options.top_p * w.sum()
        # The last of the fewest tokens that reach top_p; rounding may leave even all of them short.
        threshold = descending[int(np.argmax(enough))] if enough.any() else 0.0
        kept &= w >= threshold
    kept &= w >= options.min_p * w.max()
    w = np.where(kept, w, 0.0)
    total: npt.NDArray[np.float64] = w / w.sum()
    return total


def penalize(logits: Float32, token_counts: npt.NDArray[np.int32], options: Sampling) -> Float32:
    """Repetition (Keskar et al. 2019), then frequency and presence penalty (OpenAI's), for tokens that
    occurred.
    """
    seen = token_counts > 0  # (vocab_size,)
    r = np.float32(options.repetition_penalty)
    with np.errstate(over="ignore"):  # of products that are not taken
        l = np.where(seen, np.where(logits > 0, logits / r, logits * r), logits)  # noqa: E741 (vocab_size,)
    l = l - np.float32(options.frequency_penalty) * token_counts.astype(np.float32)  # noqa: E741
    result: Float32 = (l - np.float32(options.presence_penalty) * seen).astype(np.float32)
    return result


def draw(p: npt.NDArray[np.float64], seed: int, step: int) -> int:
    """The token id whose waiting time over its probability ``p`` (vocab_size,) is least; the lowest of equal ones."""
    kept = np.flatnonzero(p > 0)
    return int(kept[np.argmin(waiting_times(kept, seed, step) / p[kept])])


def waiting_times(tokens: npt.NDArray[np.integer], seed: int, step: int) -> Float32:
    """E = -ln(v / 2^32) with v a hash of (seed, step, token id), odd; step is the number of tokens sampled before.

    From v / 2^32 = (1 - z) / 2^k with z in (0, 1/2]: E = k ln 2 - ln(1 - z), the logarithm by the terms of
    2 atanh(z / (2 - z)) up to the thirteenth power, whose remainder is 1e-8 relative. All in float32, which keeps the
    digits of the smallest waiting times, 2^-32 and more.
    """
    v = _hash(tokens, seed, step) | np.uint32(1)
    k = (32 - np.frexp(v.astype(np.float64))[1]).astype(np.uint32)
    z = (np.uint32(0) - (v << k)).astype(np.float32) * np.float32(2.0**-32)
    s = z / (np.float32(2) - z)
    square = s * s
    series = np.full_like(s, 1 / 13)
    for odd in (11, 9, 7, 5, 3, 1):
        series = series * square + np.float32(1 / odd)
    result: Float32 = k.astype(np.float32) * np.float32(np.log(2)) + np.float32(2) * s * series
    return result


def _hash(tokens: npt.NDArray[np.integer], seed: int, step: int) -> npt.NDArray[np.uint32]:
    first = pcg(pcg(seed) ^ (step & WORD))
    return _mix(_mix(tokens.astype(np.uint32) ^ np.uint32(first)) ^ np.uint32(pcg(first)))


def _mix(x: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """A bijection of 32 bits that spreads each over all (Wellons 2018, "lowbias32")."""
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    result: npt.NDArray[np.uint32] = x ^ (x >> np.uint32(16))
    return result


def pcg(x: int) -> int:
    """PCG-RXS-M-XS on 32 bits (O'Neill 2014): one multiply-add step and its output permutation."""
    state = ((x & WORD) * 747796405 + 2891336453) & WORD
    word = (((state >> ((state >> 28) + 4)) ^ state) * 277803737) & WORD
    return (word >> 22) ^ word


def greedy(logits: Float32) -> int:
    """The lowest index of the largest logit."""
    return int(np.argmax(logits)) if np.isfinite(logits.max()) else NO_TOKEN
