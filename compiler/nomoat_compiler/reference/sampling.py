"""The sampler in NumPy, in the order that docs/program-interface.md fixes, and its counter-based generator.

    penalties -> temperature -> top-k -> softmax -> top-p -> min-p -> renormalise -> draw with u(seed, step)

Where a logit is NaN, or the largest is not finite (after penalties and temperature), there is no token: NO_TOKEN.
A threshold keeps every token that ties with it. The draw walks token ids upwards and takes the first whose
running sum of probability passes u. u is a hash of (seed, step), so a draw can be repeated without any state.
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
    return draw(p, uniform(seed, step))


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


def draw(p: npt.NDArray[np.float64], u: float) -> int:
    """The first token id whose running sum of ``p`` (vocab_size,) exceeds u in [0, 1)."""
    running = np.cumsum(p)  # (vocab_size,)
    return int(np.searchsorted(running, u * running[-1], side="right"))


def uniform(seed: int, step: int) -> float:
    """A number in [0, 1) with 24 bits, from the seed and the number of tokens sampled before: both uint32."""
    return (pcg(pcg(seed) ^ (step & WORD)) >> 8) * 2.0**-24


def pcg(x: int) -> int:
    """PCG-RXS-M-XS on 32 bits (O'Neill 2014): one multiply-add step and its output permutation."""
    state = ((x & WORD) * 747796405 + 2891336453) & WORD
    word = (((state >> ((state >> 28) + 4)) ^ state) * 277803737) & WORD
    return (word >> 22) ^ word


def greedy(logits: Float32) -> int:
    """The lowest index of the largest logit."""
    return int(np.argmax(logits)) if np.isfinite(logits.max()) else NO_TOKEN
