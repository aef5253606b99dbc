"""What a device multiplies with for one tensor of a plan, made of the matrices of its modules.

    h = scale * (A · x),    y[n] += sum over r of B[r, n] · h[part(n) · rank + r]

Every part (module) of the tensor has ``rank`` rows in A, the largest rank of its modules rounded up to a multiple of 4,
filled up with zeros. What PEFT scales with is in ``scale``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import NomoatError
from ..program.adapters import check_parts
from ..program.tensor_spec import TensorSpec
from .peft_folder import PeftFolder
from .targets import Target

RANK_MULTIPLE = 4


@dataclass(frozen=True)
class StackedLora:
    """``a`` (parts * rank, columns), ``b`` (rank / 2, 2 * rows), in which two r of a row are neighbours, and ``scale``
    (parts * rank,), float32.
    """

    spec: TensorSpec
    rank: int
    a: npt.NDArray[np.float32]
    b: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]


def stack(adapter: PeftFolder, targets: Sequence[Target]) -> StackedLora:
    """``targets``: those of one tensor.

    Each row of A, and what each part has of each row of B, is brought to a largest value from 1 to 2 by a power of two
    that ``scale`` gives back, which is exact, so that float16 holds any adapter as well as its eleven bits allow.
    ``unsupported`` where the scale passes float32; ``invalid_request`` for a tensor of too many parts.
    """
    spec = targets[0].spec
    check_parts(spec.name, len(spec.sources))
    rank = -(-max(target.rank for target in targets) // RANK_MULTIPLE) * RANK_MULTIPLE
    parts, (rows, columns) = len(spec.sources), spec.shape
    a = np.zeros((parts * rank, columns), np.float32)
    b = np.zeros((rank, rows), np.float32)
    scale = np.zeros(parts * rank, np.float64)
    for target in targets:
        own_a, own_b = adapter.matrices(target.path)  # (r, columns), (rows of the part, r)
        a_exponent, b_exponent = exponents(own_a), exponents(own_b.T)
        first_row = sum(source.rows for source in spec.sources[: target.part])
        at = slice(target.part * rank, target.part * rank + target.rank)
        a[at] = np.ldexp(own_a, -a_exponent[:, None])
        b[: target.rank, first_row : first_row + own_b.shape[0]] = np.ldexp(own_b.T, -b_exponent[:, None])
        scale[at] = np.ldexp(np.float64(target.scale), a_exponent + b_exponent)
    if np.abs(scale).max() > np.finfo(np.float32).max:
        raise NomoatError(
            "unsupported", f"{adapter.name} changes {spec.name} by more than float32 holds. Check lora_alpha.",
            field="lora_alpha",
        )  # fmt: skip
    pairs = b.reshape(rank // 2, 2, rows).swapaxes(1, 2).reshape(rank // 2, 2 * rows)
    return StackedLora(spec, rank, a, np.ascontiguousarray(pairs), scale.astype(np.float32))


def exponents(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
    """Of the largest power of two that is not above a row's largest magnitude; 0 for a row of zeros."""
    largest = np.abs(rows).max(axis=1)
    return np.where(largest > 0, np.frexp(largest)[1] - 1, 0).astype(np.int32)
