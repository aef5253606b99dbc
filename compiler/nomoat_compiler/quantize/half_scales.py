"""Scales in float16 without subnormal numbers (below 2^-14 = 6.1e-5): a GPU may read those as zero, with which a whole
group would vanish. So a weight of a group that small is wrong by up to 2^-15 (docs/decisions/0087).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FLOAT16_MAX = float(np.finfo(np.float16).max)
FLOAT16_TINY = np.finfo(np.float16).tiny


def normal_half(values: npt.NDArray[np.float32], nearest: bool = False) -> npt.NDArray[np.float16]:
    """To float16; what would be subnormal becomes the smallest normal number of its sign, or zero where ``nearest``
    and that is nearer. Zeros stay, and what overflows is infinite.
    """
    tiny = np.float32(FLOAT16_TINY)
    magnitude = np.abs(values)
    low = tiny / 2 if nearest else np.float32(0)
    raised = np.where(magnitude > low, np.copysign(tiny, values), np.float32(0))
    with np.errstate(over="ignore"):
        return np.where(magnitude < tiny, raised, values).astype(np.float16)
