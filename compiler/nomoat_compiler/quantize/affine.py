"""Native q4 and q8 from floating-point weights, in groups along K, with float16 scales.

With a minimum: w ~ q * scale + minimum. A few shrunken ranges are tried; for each, scale and minimum are fitted to the
rounded q by least squares, and the group keeps what has the smallest squared error *after* rounding both to float16.
The plain range min...max is among them, so the search never loses to it. Idea: make_qkx2_quants in ggml-quants.c.
With a constant zero: w ~ (q - zero) * scale, scale = max|w| / (zero - 1).

No scale or minimum is a subnormal float16 (below 2^-14 = 6.1e-5): a GPU may read those as zero, with which a whole
group would vanish. So a weight of a group that small is wrong by up to 2^-15 (docs/decisions/0087).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import NomoatError
from ..scheme import Grouped
from .packing import pack_words

FLOAT16_MAX = float(np.finfo(np.float16).max)
FLOAT16_TINY = np.finfo(np.float16).tiny
# Levels that the range min...max is spread over; above 15 (for 4 bits) the ends are clipped to gain resolution.
EXTRA_LEVELS = (-0.6, 0.6, 1.2, 1.8)
# Groups handled at once: a working set that stays in a core's cache makes NumPy several times faster.
CHUNK_GROUPS = 2048


def quantize_affine(
    weights: npt.NDArray[np.float32], scheme: Grouped, name: str
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float16]]:
    """float32 [rows, K] -> q_weight [rows, words] and q_scale [rows, groups] or q_scale_min [rows, groups, 2].

    K is filled up to whole groups with the value that the padding of the last group leaves at 0 bits. ``unsupported``
    where a scale or minimum overflows float16.
    """
    rows, columns = weights.shape
    group_size = scheme.group_size
    padding = -columns % group_size
    if padding:  # The last value repeated: it widens no group's range.
        weights = np.pad(weights, ((0, 0), (0, padding)), mode="edge")
    groups = weights.reshape(-1, group_size)
    limit = FLOAT16_MAX if scheme.zero is None else FLOAT16_MAX * (scheme.zero - 1)
    if np.abs(groups).max(initial=0) > limit:
        raise NomoatError(
            "unsupported",
            f"{name} holds {np.abs(groups).max():.4g}, too large for float16 scales. Compile with --quantization f32.",
            tensor=name,
        )
    q = np.empty(groups.shape, np.uint8)
    scales = np.empty((len(groups), 2 if scheme.zero is None else 1), np.float16)
    for start in range(0, len(groups), CHUNK_GROUPS):
        chunk = slice(start, start + CHUNK_GROUPS)
        # [group_size, groups]: sums over a group then run along contiguous memory.
        transposed = np.ascontiguousarray(groups[chunk].T)
        quantize_chunk = _with_minimum if scheme.zero is None else _symmetric
        chunk_q, scales[chunk] = quantize_chunk(transposed, scheme)
        q[chunk] = chunk_q.T
    q = q.reshape(rows, -1)
    q[:, columns:] = 0
    shape = (rows, -1, 2) if scheme.zero is None else (rows, -1)
    return pack_words(q, scheme.bits), scales.reshape(shape)


def _with_minimum(w: npt.NDArray[np.float32], scheme: Grouped) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float16]]:
    """w float32 [group_size, groups] -> q [group_size, groups], (scale, minimum) [groups, 2]."""
    levels = np.float32(2**scheme.bits - 1)
    low, high = w.min(axis=0), w.max(axis=0)
    spread = high - low
    sum_w = w.sum(axis=0)
    best_q, best_scales, best_error = _rounded(w, spread / levels, low, levels)
    for extra in EXTRA_LEVELS:
        inverse = _safe_inverse(spread / (levels + np.float32(extra)))
        centre_shift = np.float32(extra / 2)  # Both ends give way alike.
        q = np.clip(np.rint((w - low) * inverse - centre_shift), 0, levels)
        scale, minimum = _least_squares(w, q, sum_w)
        q8, scales, error = _rounded(w, scale, minimum, levels)
        better = error < best_error
        best_q = np.where(better, q8, best_q)
        best_scales[better] = scales[better]
        best_error = np.minimum(error, best_error)
    return best_q, best_scales


def _least_squares(
    w: npt.NDArray[np.float32], q: npt.NDArray[np.float32], sum_w: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The (scale, minimum) of each group that minimises the squared error for these q."""
    count = np.float32(len(w))
    sum_q = q.sum(axis=0)
    sum_qq = np.einsum("ij,ij->j", q, q)
    sum_qw = np.einsum("ij,ij->j", q, w)
    determinant = count * sum_qq - sum_q * sum_q
    scale = (count * sum_qw - sum_q * sum_w) * _safe_inverse(determinant)
    return scale, (sum_w - scale * sum_q) / count


def _rounded(
    w: npt.NDArray[np.float32], scale: npt.NDArray[np.float32], minimum: npt.NDArray[np.float32], levels: np.float32
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float16], npt.NDArray[np.float32]]:
    """q, float16 (scale, minimum) and squared error of each group when those two are what will be read back."""
    with np.errstate(over="ignore"):
        scales = np.stack([_normal(scale), _normal(minimum, nearest=True)], axis=-1).astype(np.float16)
    scale, minimum = scales[:, 0].astype(np.float32), scales[:, 1].astype(np.float32)
    q = np.clip(np.rint((w - minimum) * _safe_inverse(scale)), 0, levels)
    difference = q * scale
    difference += minimum
    difference -= w
    error = np.einsum("ij,ij->j", difference, difference)
    return q.astype(np.uint8), scales, np.where(np.isfinite(error), error, np.float32(np.inf))


def _symmetric(w: npt.NDArray[np.float32], scheme: Grouped) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float16]]:
    """w float32 [group_size, groups] -> q [group_size, groups], scale [groups, 1]."""
    assert scheme.zero is not None
    reach = np.float32(scheme.zero - 1)
    largest = np.abs(w).max(axis=0)
    scale = _normal(largest / reach).astype(np.float16)
    inverse = _safe_inverse(scale.astype(np.float32))
    q = np.clip(np.rint(w * inverse), -reach - 1, reach) + np.float32(scheme.zero)
    return q.astype(np.uint8), scale[:, None]


def _normal(values: npt.NDArray[np.float32], nearest: bool = False) -> npt.NDArray[np.float32]:
    """Without what would be subnormal float16: that becomes the smallest normal number of its sign, or zero where
    ``nearest`` and that is nearer. Zeros stay.
    """
    tiny = np.float32(FLOAT16_TINY)
    magnitude = np.abs(values)
    low = tiny / 2 if nearest else np.float32(0)
    raised = np.where(magnitude > low, np.copysign(tiny, values), np.float32(0))
    return np.where(magnitude < tiny, raised, values)


def _safe_inverse(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """1 / values, and 0 where a value is 0 or so small that the inverse overflows."""
    large = np.abs(values) >= np.finfo(np.float32).tiny
    return np.divide(np.float32(1), values, out=np.zeros_like(values), where=large)
