"""The gated short convolution in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..known_answer import Arrays, Case

CASES = (
    Case({"channels": 100, "taps": 3}, position=3),
    Case({"channels": 100, "taps": 4, "bias": True}),
    Case({"channels": 100, "taps": 3}, tokens=4, prefill=True),
    Case({"channels": 100, "taps": 4, "bias": True}, tokens=2, prefill=True, position=2),
)


def reference(definition: Mapping[str, Any], arrays: Arrays, tokens: int) -> Arrays:
    """out (tokens, channels); memory (slots, channels, taps - 1) with the row of this sequence brought up to date"""
    channels, kept = definition["channels"], definition["taps"] - 1
    b, c, x = np.split(arrays["bcx"].reshape(tokens, 3 * channels).astype(np.float64), 3, axis=1)
    w = arrays["w"].reshape(channels, kept + 1).astype(np.float64)
    memory = arrays["memory"].reshape(-1, channels, kept).astype(np.float64)
    slot, position = int(arrays["state"][4]), int(arrays["state"][1])
    before = memory[slot] if position > 0 else np.zeros((channels, kept))
    seen = np.concatenate([before, (b * x).T], axis=1)  # (channels, taps - 1 + tokens)
    convolved = np.stack([(seen[:, t : t + kept + 1] * w).sum(axis=1) for t in range(tokens)])
    if definition["bias"]:
        convolved = convolved + arrays["bias"].astype(np.float64)
    memory[slot] = seen[:, -kept:]
    return {"memory": memory, "out": c * convolved}
