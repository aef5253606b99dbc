"""Masking in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..known_answer import Arrays, Case

CASES = (Case({"vocab_size": 1500}),)


def reference(definition: Mapping[str, Any], arrays: Arrays, tokens: int) -> Arrays:
    """logits (vocab_size,)"""
    logits = arrays["logits"][: definition["vocab_size"]]
    words = np.ascontiguousarray(arrays["token_mask"]).view(np.uint8)
    allowed = np.unpackbits(words, bitorder="little")[: len(logits)].astype(bool)
    return {"logits": np.where(allowed, logits, np.finfo(np.float32).min)}
