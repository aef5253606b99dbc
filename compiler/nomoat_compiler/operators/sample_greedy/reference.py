"""Greedy sampling in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...reference.sampling import NO_TOKEN, greedy
from ..known_answer import RING, Arrays, Case

CASES = (Case({"vocab_size": 1500}),)


def reference(definition: Mapping[str, Any], arrays: Arrays, tokens: int) -> Arrays:
    """state (8,) and tokens (64,) after the step"""
    return advanced(arrays, greedy(arrays["logits"][: definition["vocab_size"]]))


def advanced(arrays: Arrays, token: int) -> Arrays:
    """What every sampler leaves behind: the token in ring and, where there is one, in state; position and step one
    further.
    """
    state, ring = arrays["state"].copy(), arrays["tokens"].copy()
    ring[state[2] % RING] = token
    state[:3] = state[0] if token == NO_TOKEN else token, state[1] + 1, state[2] + 1
    return {"state": state, "tokens": ring}
