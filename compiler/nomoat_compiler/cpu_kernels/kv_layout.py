"""The KV cache of the CPU: int8 with a scale for each token and head.

    k = q * scale,  scale = max|k| / 127     per token and KV head

A page holds ``page_size`` tokens of one layer's K or V, head by head: page_size float32 scales, then page_size rows of
``width`` int8, where width is head_dim rounded up to 16 and the rest of a row is zero. Rows of V are interleaved in
pairs of tokens (even, odd, even, odd...), so that two tokens meet in one integer dot product; page_size is a multiple
of 4.
"""

from __future__ import annotations

LANES = 16


def head_bytes(page_size: int, head_dim: int) -> int:
    """Bytes of one head in a page."""
    width = -(-head_dim // LANES) * LANES
    return page_size * (4 + width)
