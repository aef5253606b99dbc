"""MLC's group quantization, bit for bit: every step in the scheme's own float dtype.

scale = max|w| / 7, q = clamp(round(w / scale + 7), 0, 14) with round half to even, and (q - 7) * scale to read.
A group of zeros has scale 0 and words of 0; columns added to fill the last group are 0 bits.
Source: mlc_llm/quantization/group_quantization.py (GroupQuantize._quantize) and reference measurements of the project.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..scheme import Grouped
from .packing import pack_words


def quantize_mlc(
    weights: npt.NDArray[np.floating], scheme: Grouped
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.floating]]:
    """[rows, K] in float16 or float32 (which sets the arithmetic) -> q_weight [rows, words], q_scale [rows, groups].

    Columns beyond K fill the last group.
    """
    assert scheme.zero is not None
    rows, columns = weights.shape
    padding = -columns % scheme.group_size
    groups = np.pad(weights, ((0, 0), (0, padding))).reshape(rows, -1, scheme.group_size)
    zero = weights.dtype.type(scheme.zero)
    scale = np.abs(groups).max(axis=-1) / zero  # [rows, groups]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        rounded = np.rint(groups / scale[..., None] + zero)
        q = np.where(np.isnan(rounded), 0, np.clip(rounded, 0, 2 * scheme.zero)).astype(np.uint8)
    q = q.reshape(rows, -1)
    q[:, columns:] = 0
    return pack_words(q, scheme.bits), scale
