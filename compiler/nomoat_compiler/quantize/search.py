"""The scale of each group of weights that leaves the smallest weighted squared error: sum of a * (w - d * n)**2.

n is one of the numbers that a scheme has, evenly spaced or of a codebook; a says how much the error of a weight
matters. For numbers n that were chosen for some scale, the best scale is d = sum(a w n) / sum(a n n), and it lowers
the error by sum(a w n)**2 / sum(a n n). So: let the largest weight fall on several numbers near both ends, round the
others, keep the choice that lowers it most, and repeat from its best scale. Idea: make_qx_quants and
quantize_row_iq4_nl_impl in ggml-quants.c; the candidates are this project's (docs/decisions/0140).

Arrays are [group_size, groups]: sums over a group then run along contiguous memory. The importer of the runtime makes
the same scales, bit for bit (runtime/src/import/scales.ts), so every step is of float32 and sums have a stated order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from ..scheme import CODEBOOKS, Grouped

Float32 = npt.NDArray[np.float32]
# Where the largest weight falls, as shares of the last number: it is clipped, or leaves room above it.
ENDS = (0.9, 0.95, 1.0, 1.05)
REPEATS = 2


@dataclass(frozen=True, eq=False)
class Numbers:
    """The numbers of a scheme. Of a codebook, by twice the distance from ``low``: the q of the nearest number, and that
    number; its numbers are whole, so those midway between two lie at whole or half numbers.
    """

    low: float
    high: float
    nearest: npt.NDArray[np.uint8] | None = None
    rounded_to: Float32 | None = None

    def q_of(self, x: Float32) -> npt.NDArray[np.uint8]:
        """q of the number nearest to each x."""
        if self.nearest is None:
            return (self.rounded(x) - np.float32(self.low)).astype(np.uint8)
        return self.nearest[self._places(x)]

    def rounded(self, x: Float32) -> Float32:
        """The number nearest to each x, which is overwritten."""
        if self.rounded_to is None:
            rounded: Float32 = np.clip(np.rint(x, out=x), self.low, self.high, out=x)
            return rounded
        return self.rounded_to[self._places(x)]

    def _places(self, x: Float32) -> npt.NDArray[np.int16]:
        np.clip(x, self.low, self.high, out=x)
        x -= np.float32(self.low)
        x *= np.float32(2)
        return x.astype(np.int16)


@cache
def numbers_of(scheme: Grouped) -> Numbers:
    """``scheme`` has a zero or a codebook."""
    if scheme.codebook is None:
        assert scheme.zero is not None
        return Numbers(-scheme.zero, (1 << scheme.bits) - 1 - scheme.zero)
    values = np.array(CODEBOOKS[scheme.codebook], np.float32)
    places = np.arange(2 * values.min(), 2 * values.max() + 1, dtype=np.float32) / 2 + np.float32(0.25)
    nearest = np.abs(places[:, None] - values).argmin(axis=1).astype(np.uint8)
    return Numbers(float(values.min()), float(values.max()), nearest, values[nearest])


def best_scales(w: Float32, importance: Float32 | None, numbers: Numbers) -> Float32:
    """w and importance float32 [group_size, groups] -> d [groups], 0 for a group of zeros."""
    peak = np.take_along_axis(w, np.abs(w).argmax(axis=0)[None], axis=0)[0]  # [groups], with its sign
    w = w * safe_inverse(peak)  # So that no square overflows or vanishes; the largest weight is 1.
    weighted = w if importance is None else w * importance
    best, best_fall = np.zeros_like(peak), np.zeros_like(peak)
    for place in [end * number for number in (numbers.low, numbers.high) for end in ENDS]:
        d, fall = _fitted(w, weighted, importance, np.float32(place), numbers)
        best, best_fall = np.where(fall > best_fall, d, best), np.maximum(fall, best_fall)
    for _ in range(REPEATS):
        d, fall = _fitted(w, weighted, importance, safe_inverse(best), numbers)
        best, best_fall = np.where(fall > best_fall, d, best), np.maximum(fall, best_fall)
    scales: Float32 = best * peak
    return scales


def _fitted(
    w: Float32, weighted: Float32, importance: Float32 | None, inverse: Float32 | np.float32, numbers: Numbers
) -> tuple[Float32, Float32]:
    """The best scale for the numbers that ``inverse`` gives, and by how much the error falls."""
    n = numbers.rounded(w * inverse)
    of_weights = sums(weighted * n)
    of_numbers = sums((n if importance is None else n * importance) * n)
    d = of_weights * safe_inverse(of_numbers)
    return d, of_weights * d


def sums(values: Float32) -> Float32:
    """[group_size, groups] -> [groups], row after row; NumPy's own order depends on the shape and on the processor."""
    total = np.zeros_like(values[0])
    for row in values:
        total += row
    return total


def safe_inverse(values: Float32) -> Float32:
    """1 / values, and 0 where a value is 0 or so small that the inverse overflows."""
    large = np.abs(values) >= np.finfo(np.float32).tiny
    return np.divide(np.float32(1), values, out=np.zeros_like(values), where=large)
