"""The KV cache of the CPU: int8, or with ``exact_cache`` float16, with a scale for each token and head.

    k = q * scale,  int8:     scale = max|k| / 127                        per token and KV head
                    float16:  scale = 1, or the least power of 2 for which max|k| / scale < 65536

A page holds 16 tokens of one layer's K or V, head by head: 16 float32 scales, then 16 * ``width`` numbers, where width
is head_dim rounded up to 16 and the dimensions that it adds are zero. The order is that of the sums, so that a page is
read from front to back and nothing is added up across a vector:

    int8     K  (width / 2, 16, 2)    pairs of dimensions of every token; a 32-bit lane of the sum is a token
             V  (width / 8, 8, 8, 2)  8 dimensions, of which pairs of tokens follow each other; a lane is a dimension
    float16  K  (width, 16)           the dimensions of every token; a lane is a token
             V  (width / 8, 16, 8)    8 dimensions of every token; a lane is a dimension

float16 is IEEE 754's binary16, rounded to nearest, ties to even, but for one thing: there are no infinities, so that
0x7C00 is 65536. Thus no key or value overflows, and numbers that float16 holds are never scaled.
"""

from __future__ import annotations

from typing import Any

PAGE_TOKENS = 16
SCALES_BYTES = PAGE_TOKENS * 4
LANES = 16
# Of V: dimensions that stand together, and the bytes of their 16 tokens.
V_DIMENSIONS = 8
V_BYTES = V_DIMENSIONS * PAGE_TOKENS
# Of exact caches, whose scale is 1 below 2^16.
HALF_BYTES = 2
MOST_EXPONENT = 15
# Of one query head in q: float32 scale, 12 bytes unused, then int16.
QUERY_HEADER_BYTES = 16
QUERY_STEPS = 32000  # of its largest magnitude


def padded(head_dim: Any) -> Any:
    """``head_dim`` rounded up to whole vectors: an int, or an int32 expression."""
    return (head_dim + (LANES - 1)) & -LANES


def head_bytes(width: Any, exact: bool = False) -> Any:
    """Bytes of one head in a page, from its ``padded`` width."""
    return (width * (HALF_BYTES if exact else 1) + 4) * PAGE_TOKENS
