"""The CPU's launch plan of sample_greedy: the best of each slice of the vocabulary, then the best of all."""

from __future__ import annotations

from ..cpu.lowering import call, lowering, scratch, step
from .cpu import PART_BYTES, SLICES

LOWERING = lowering(
    step(call("argmax_share", "logits.address", "parts.address", "vocab_size")),
    step(call("argmax_finish", "parts.address", "state.address", "tokens.address")),
    memory=(scratch("parts", PART_BYTES * SLICES),),
)
