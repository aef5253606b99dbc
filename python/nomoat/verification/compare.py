"""The figures of two sets of logits over the same positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Logits = npt.NDArray[np.float32]  # (positions, vocab_size)
# Below this margin the reference's two best tokens are a tie as far as float32 summation order is concerned.
DECIDED_MARGIN = 0.1


@dataclass(frozen=True)
class Comparison:
    """``mean_kl`` is KL(reference || measured) in nats; greedy figures count positions with a decided margin.

    ``logit_correlation`` is Pearson's over the vocabulary, as its mean over positions. ``top1_agreement`` is the share
    of all positions, decided or not, at which both sides have the same best token.
    """

    max_logit_error: float
    logit_correlation: float
    mean_kl: float
    top1_agreement: float
    positions: int
    decided_positions: int
    greedy_agreed: int


def compare(reference: Sequence[Logits], measured: Sequence[Logits]) -> Comparison:
    """Over all prompts together; item i of both is (positions of prompt i, vocab_size)."""
    expected = np.concatenate(reference).astype(np.float64)
    got = np.concatenate(measured).astype(np.float64)
    log_p, log_q = log_softmax(expected), log_softmax(got)
    top_two = np.partition(expected, -2, axis=-1)[:, -2:]  # (positions, 2), ascending
    decided = top_two[:, 1] - top_two[:, 0] > DECIDED_MARGIN
    agreed = expected.argmax(axis=-1) == got.argmax(axis=-1)
    return Comparison(
        max_logit_error=float(np.abs(expected - got).max()),
        logit_correlation=float((normalized(expected) * normalized(got)).sum(axis=-1).mean()),
        mean_kl=float(np.maximum(0, (np.exp(log_p) * (log_p - log_q)).sum(axis=-1)).mean()),
        top1_agreement=float(agreed.mean()),
        positions=len(expected),
        decided_positions=int(decided.sum()),
        greedy_agreed=int((decided & agreed).sum()),
    )


def log_softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def normalized(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rows of mean 0 and length 1; NaN where all logits of a row are equal, which no model gives."""
    centred = logits - logits.mean(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return centred / np.linalg.norm(centred, axis=-1, keepdims=True)
