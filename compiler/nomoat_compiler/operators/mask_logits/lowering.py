"""The CPU's launch plan of mask_logits: one call, shared by words of the mask."""

from __future__ import annotations

from ..cpu.lowering import call, lowering, step

LOWERING = lowering(step(call("mask_logits", "token_mask.address", "logits.address", "vocab_size")))
