"""Floats into the groups of any scheme but MLC's: scales that are searched for, then the nearest numbers.

Schemes with a minimum: affine.py. Those with a zero or a codebook: search.py; of 8 bits the largest weight gets the
last number, which is exact enough. Scales are float16 (half_scales.py), or float32 numbers of 256 columns times int8.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import NomoatError
from ..scheme import QUAD_BITS, QUAD_COLUMNS, SUPER_COLUMNS, Grouped
from .affine import best_scales_and_minimums
from .half_scales import FLOAT16_MAX, normal_half
from .packing import pack_words
from .search import Float32, best_scales, numbers_of, safe_inverse

# Groups handled at once: a working set that stays in a core's cache makes NumPy several times faster.
CHUNK_GROUPS = 2048
# NumPy lets other threads run while it computes; more threads than this wait for each other's memory.
THREADS = min(4, os.cpu_count() or 1)


def quantize_groups(
    weights: Float32, scheme: Grouped, name: str, importance: Float32 | None = None
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[Any]]:
    """float32 [rows, K] -> q_weight [rows, words] and q_scale or q_scale_min, as ``stored_parameters`` says.

    ``importance`` [K], positive: how much the squared error of a column counts. K is filled up to whole groups with 0
    bits. ``unsupported`` where a scale or minimum overflows float16.
    """
    rows, columns = weights.shape
    padding = -columns % scheme.group_size
    if padding:  # The last value repeated: it widens no group's range.
        weights = np.pad(weights, ((0, 0), (0, padding)), mode="edge")
        importance = None if importance is None else np.pad(importance, (0, padding), mode="edge")
    groups = _Groups(weights, scheme, importance)
    if scheme.minimum:
        _check_range(weights, FLOAT16_MAX, name)
        q, scales = groups.with_minimums()
        stored: npt.NDArray[Any] = scales.reshape(rows, -1, 2)
    else:
        wanted = groups.scales().reshape(rows, -1)  # [rows, groups]
        stored, kept = _two_level(wanted, scheme) if scheme.two_level else _half(wanted, weights, name)
        q = groups.nearest(kept.reshape(-1))
    q = q.reshape(rows, -1)
    q[:, columns:] = 0
    if scheme.bits in QUAD_BITS and q.shape[1] % QUAD_COLUMNS:
        q = np.pad(q, ((0, 0), (0, -q.shape[1] % QUAD_COLUMNS)))
    return pack_words(q, scheme.bits), stored


class _Groups:
    """The groups of some rows, a chunk at a time and several at once; a chunk is [group_size, groups]."""

    def __init__(self, weights: Float32, scheme: Grouped, importance: Float32 | None) -> None:
        self._scheme = scheme
        self._groups = weights.reshape(-1, scheme.group_size)
        # [groups of a row, group_size]
        self._importance = None if importance is None else importance.reshape(-1, scheme.group_size)

    def scales(self) -> Float32:
        """The scale that each group should have, [groups]."""
        scales = np.empty(len(self._groups), np.float32)
        plain = self._scheme.bits == 8

        def search(chunk: slice) -> None:
            w = self._chunk(chunk)
            numbers = numbers_of(self._scheme)
            if plain:
                scales[chunk] = np.abs(w).max(axis=0) / np.float32(numbers.high)
            else:
                scales[chunk] = best_scales(w, self._importance_of(chunk), numbers)

        self._for_chunks(search)
        return scales

    def nearest(self, scales: Float32) -> npt.NDArray[np.uint8]:
        """q of the nearest numbers, [groups, group_size]."""
        q = np.empty(self._groups.shape, np.uint8)
        numbers = numbers_of(self._scheme)

        def round_chunk(chunk: slice) -> None:
            inverse = safe_inverse(scales[chunk])[:, None]
            q[chunk] = numbers.q_of(self._groups[chunk] * inverse)

        self._for_chunks(round_chunk)
        return q

    def with_minimums(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float16]]:
        """q [groups, group_size], (scale, minimum) [groups, 2]."""
        q = np.empty(self._groups.shape, np.uint8)
        scales = np.empty((len(self._groups), 2), np.float16)

        def search(chunk: slice) -> None:
            found, scales[chunk] = best_scales_and_minimums(
                self._chunk(chunk), self._importance_of(chunk), self._scheme.bits
            )
            q[chunk] = found.T

        self._for_chunks(search)
        return q, scales

    def _chunk(self, chunk: slice) -> Float32:
        return np.ascontiguousarray(self._groups[chunk].T)

    def _importance_of(self, chunk: slice) -> Float32 | None:
        if self._importance is None:
            return None
        columns = np.arange(chunk.start, min(chunk.stop, len(self._groups))) % len(self._importance)
        return np.ascontiguousarray(self._importance[columns].T)

    def _for_chunks(self, work: Any) -> None:
        chunks = [slice(start, start + CHUNK_GROUPS) for start in range(0, len(self._groups), CHUNK_GROUPS)]
        if len(chunks) < 2 * THREADS:
            _finish(map(work, chunks))
            return
        with ThreadPoolExecutor(THREADS) as pool:
            _finish(pool.map(work, chunks))


def _finish(results: Iterable[None]) -> None:
    for _ in results:  # An exception of a chunk is raised here.
        pass


def _half(scales: Float32, weights: Float32, name: str) -> tuple[npt.NDArray[np.float16], Float32]:
    """Scales as they are stored, and their values."""
    stored = normal_half(scales)
    if not np.isfinite(stored).all():
        raise _too_large(weights, name)
    return stored, stored.astype(np.float32)


def _two_level(scales: Float32, scheme: Grouped) -> tuple[npt.NDArray[np.uint32], Float32]:
    """[rows, groups] -> words [rows, supers, super_words] and the values of the scales [rows, groups]."""
    rows, count = scales.shape
    groups = SUPER_COLUMNS // scheme.group_size
    padded = np.pad(scales, ((0, 0), (0, -count % groups))).reshape(rows, -1, groups)
    supers = np.abs(padded).max(axis=-1) / np.float32(127)  # [rows, supers]
    integers = np.rint(padded * safe_inverse(supers)[..., None]).astype(np.int8)
    values = (supers[..., None] * integers.astype(np.float32)).reshape(rows, -1)[:, :count]
    words = np.concatenate([supers[..., None].view("<u4"), integers.view("<u4")], axis=-1)
    return words, np.ascontiguousarray(values)


def _check_range(weights: Float32, limit: float, name: str) -> None:
    if np.abs(weights).max(initial=0) > limit:
        raise _too_large(weights, name)


def _too_large(weights: Float32, name: str) -> NomoatError:
    return NomoatError(
        "unsupported",
        f"{name} holds {np.abs(weights).max():.4g}, too large for float16 scales. Compile with --quantization f32.",
        tensor=name,
    )
