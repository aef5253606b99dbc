"""The two matrices that a device multiplies with for one tensor of a plan, made of those of its modules.

    h = A · x,    y[n] += sum over r of B[r, n] · h[part(n) · rank + r]

Every part (module) of the tensor has ``rank`` rows in A, the largest rank of its modules rounded up to a multiple of 4,
filled up with zeros. The scale is in B.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import NomoatError
from ..program.tensor_spec import TensorSpec
from .peft_folder import PeftFolder
from .targets import Target

RANK_MULTIPLE = 4


@dataclass(frozen=True)
class StackedLora:
    """``a`` (parts * rank, columns) and ``b`` (rank, rows), float32."""

    spec: TensorSpec
    rank: int
    a: npt.NDArray[np.float32]
    b: npt.NDArray[np.float32]


def stack(adapter: PeftFolder, targets: Sequence[Target]) -> StackedLora:
    """``targets``: those of one tensor.

    Each row of A is brought to a largest value from 1 to 2 by a power of two that B gives back, which is exact, so that
    float16 holds any adapter as well as its eleven bits allow. ``unsupported`` where B passes float32.
    """
    spec = targets[0].spec
    rank = -(-max(target.rank for target in targets) // RANK_MULTIPLE) * RANK_MULTIPLE
    parts, (rows, columns) = len(spec.sources), spec.shape
    a = np.zeros((parts * rank, columns), np.float32)
    b = np.zeros((rank, rows), np.float64)
    for target in targets:
        own_a, own_b = adapter.matrices(target.path)  # (r, columns), (rows of the part, r)
        exponent = np.floor(np.log2(np.maximum(np.abs(own_a).max(axis=1), np.finfo(np.float32).tiny))).astype(np.int32)
        first_row = sum(source.rows for source in spec.sources[: target.part])
        at = target.part * rank
        a[at : at + target.rank] = np.ldexp(own_a, -exponent[:, None])
        scaled = np.ldexp(own_b.T.astype(np.float64) * target.scale, exponent[:, None])
        b[: target.rank, first_row : first_row + own_b.shape[0]] = scaled
    if np.abs(b).max() > np.finfo(np.float32).max:
        raise NomoatError(
            "unsupported", f"{adapter.name} changes {spec.name} by more than float32 holds. Check lora_alpha.",
            field="lora_alpha",
        )  # fmt: skip
    return StackedLora(spec, rank, a, b.astype(np.float32))
