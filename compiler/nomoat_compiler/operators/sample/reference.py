"""Random sampling: the NumPy sampler on the buffers of a step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...reference.sampling import NO_TOKEN, Sampling, sample
from ..known_answer import Arrays, Case
from ..sample_greedy.reference import advanced

CASES = (Case({"vocab_size": 1500}),)


def reference(definition: Mapping[str, Any], arrays: Arrays, tokens: int) -> Arrays:
    """token_counts (vocab_size,), state (8,) and tokens (64,) after the step"""
    numbers = [float(value) for value in arrays["sampling"]]
    options = Sampling(numbers[0], int(numbers[1]), *numbers[2:7])
    state, counts = arrays["state"], arrays["token_counts"].copy()
    token = sample(arrays["logits"], counts, options, int(state[3]), int(state[2]))
    if token != NO_TOKEN:
        counts[token] += 1
    return {"token_counts": counts} | advanced(arrays, token)
