"""The CPU's launch plan of sample: penalties and exponentials by slices of the vocabulary, then the draw."""

from __future__ import annotations

from ..cpu.lowering import call, lowering, scratch, step, times
from ..sample_greedy.cpu import PART_BYTES, SLICES

LOWERING = lowering(
    step(
        call(
            "penalize_share", "logits.address", "token_counts.address", "sampling.address", "weights.address",
            "parts.address", "vocab_size",
        )
    ),
    step(call("exp_share", "weights.address", "parts.address", "vocab_size")),
    step(
        call(
            "draw", "weights.address", "parts.address", "sampling.address", "token_counts.address", "state.address",
            "tokens.address", "gathered.address", "vocab_size",
        )
    ),
    memory=(
        scratch("parts", PART_BYTES * SLICES),
        scratch("weights", times("vocab_size", 4)),
        scratch("gathered", times("vocab_size", 4)),
    ),
)  # fmt: skip
