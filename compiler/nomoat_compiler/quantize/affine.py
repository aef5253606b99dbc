"""Scale and minimum of each group, both float16: w ~ q * scale + minimum, with q of 0 to 2**bits - 1.

A few shrunken ranges are tried; for each, scale and minimum are fitted to the rounded q by least squares, and the group
keeps what has the smallest weighted squared error *after* rounding both to float16. The plain range min...max is among
them, so the search never loses to it. Idea: make_qkx2_quants in ggml-quants.c.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .half_scales import normal_half
from .search import Float32, safe_inverse, sums

# Levels that the range min...max is spread over; above 15 (for 4 bits) the ends are clipped to gain resolution.
EXTRA_LEVELS = (-0.6, 0.6, 1.2, 1.8)


def best_scales_and_minimums(
    w: Float32, importance: Float32 | None, bits: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float16]]:
    """w and importance float32 [group_size, groups] -> q [group_size, groups], (scale, minimum) [groups, 2]."""
    levels = np.float32(2**bits - 1)
    low, high = w.min(axis=0), w.max(axis=0)
    spread = high - low
    best_q, best_scales, best_error = _rounded(w, importance, spread / levels, low, levels)
    for extra in EXTRA_LEVELS:
        inverse = safe_inverse(spread / (levels + np.float32(extra)))
        centre_shift = np.float32(extra / 2)  # Both ends give way alike.
        q = np.clip(np.rint((w - low) * inverse - centre_shift), 0, levels)
        scale, minimum = _least_squares(w, importance, q)
        q8, scales, error = _rounded(w, importance, scale, minimum, levels)
        better = error < best_error
        best_q = np.where(better, q8, best_q)
        best_scales[better] = scales[better]
        best_error = np.minimum(error, best_error)
    return best_q, best_scales


def _least_squares(w: Float32, importance: Float32 | None, q: Float32) -> tuple[Float32, Float32]:
    """The (scale, minimum) of each group that minimises the weighted squared error for these q."""
    a = np.ones_like(w) if importance is None else importance
    total, weighted = sums(a), a * q
    sum_w, sum_q = sums(a * w), sums(weighted)
    sum_qq, sum_qw = sums(weighted * q), sums(weighted * w)
    scale = (total * sum_qw - sum_q * sum_w) * safe_inverse(total * sum_qq - sum_q * sum_q)
    minimum: Float32 = np.divide(sum_w - scale * sum_q, total)
    return scale, minimum


def _rounded(
    w: Float32, importance: Float32 | None, scale: Float32, minimum: Float32, levels: np.float32
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float16], Float32]:
    """q, float16 (scale, minimum) and error of each group when those two are what will be read back."""
    scales = np.stack([normal_half(scale), normal_half(minimum, nearest=True)], axis=-1)
    scale, minimum = scales[:, 0].astype(np.float32), scales[:, 1].astype(np.float32)
    q = np.clip(np.rint((w - minimum) * safe_inverse(scale)), 0, levels)
    difference = q * scale
    difference += minimum
    difference -= w
    error = sums((difference if importance is None else difference * importance) * difference)
    return q.astype(np.uint8), scales, np.where(np.isfinite(error), error, np.float32(np.inf))
