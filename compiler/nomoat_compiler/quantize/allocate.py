"""Which scheme each matrix of floats gets in a model of a given size, so that the model loses as little as it can.

What a model loses by a matrix is taken as LOSS of its scheme, which is the squared error as a share of the squared
weights, times how much its kind matters, and not its size: a small projection shifts the hidden state as much as a
large one. So bits are spent where a byte gains most, which is in matrices of few values.

The default size is that of the file that llama.cpp's Q4_K_M makes of a model with these matrices, since that is what
people compare with; rows that are no multiple of 256 have more bits there, which are those of small models.
Measurements: docs/benchmarks/quantizers.md; why: docs/decisions/0140.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from ..errors import NomoatError
from ..program.tensor_spec import TensorKind, TensorSpec
from ..scheme import Grouped, stored_parameters

# From few bits to many. All have kernels of their own kind on both devices, since GGUF files have them.
LOSS: dict[Grouped, float] = {
    Grouped(4, 32, None, "int8", "iq4_nl"): 6.0e-3,
    Grouped(4, 32, None, "float16", "iq4_nl"): 6.1e-3,  # smaller than integers where rows are short
    Grouped(5, 32, 16, "float16"): 1.9e-3,
    Grouped(6, 16, 32, "int8"): 3.2e-4,
    Grouped(8, 32, 128, "float16"): 3.0e-5,
}
# Of the matrices of layers those that read the hidden state (q, k and v; gate and up) matter more than those that write
# to it, which have no more rows than columns. The head is alone, where each layer has two of each.
READING, WRITING, EMBEDDING, HEAD = 1.0, 0.35, 1.0, 20.0
# Bits of Q4_K and Q6_K, and of what llama.cpp falls back to: Q5_0 and Q8_0. It gives Q6_K to half of the layers' last
# matrices, which have fewer rows than columns, and to the head.
FEW_BITS, MORE_BITS = {True: 4.5, False: 5.5}, {True: 6.5625, False: 8.5}


class _Step(NamedTuple):
    """From one scheme of a tensor to its next."""

    gain_per_byte: float
    tensor: int
    scheme: Grouped
    nbytes: int


def allocate(specs: Sequence[TensorSpec], bits_per_weight: float | None) -> dict[str, Grouped]:
    """The scheme of each of ``specs``, matrices all; ``bits_per_weight`` None: the default size.

    ``invalid_request`` for fewer bits than the smallest schemes have.
    """
    values = sum(math.prod(spec.shape) for spec in specs)
    kinds = _kinds(specs)
    if bits_per_weight is None:
        budget = sum(default_bits(spec.shape, kind) for spec, kind in zip(specs, kinds, strict=True)) / 8
    else:
        budget = values * bits_per_weight / 8
    hulls = [_hull(spec, weight(spec.shape, kind)) for spec, kind in zip(specs, kinds, strict=True)]
    chosen = [hull[0][2] for hull in hulls]
    left = budget - sum(hull[0][0] for hull in hulls)
    if left < 0 and bits_per_weight is not None:
        least = 8 * (budget - left) / values
        raise NomoatError(
            "invalid_request",
            f"{bits_per_weight:g} bits per weight are too few: these matrices need at least {least:.3f}.",
            least=round(least, 3),
        )
    steps = [
        _Step((loss - next_loss) / (next_bytes - nbytes), tensor, scheme, next_bytes - nbytes)
        for tensor, hull in enumerate(hulls)
        for (nbytes, loss, _), (next_bytes, next_loss, scheme) in pairwise(hull)
    ]
    closed = set()
    for step in sorted(steps, key=lambda step: -step.gain_per_byte):  # Stable: the steps of a tensor keep their order.
        if step.nbytes > left:
            closed.add(step.tensor)
        elif step.tensor not in closed:
            chosen[step.tensor] = step.scheme
            left -= step.nbytes
    return {spec.name: scheme for spec, scheme in zip(specs, chosen, strict=True)}


def weight(shape: tuple[int, ...], kind: TensorKind) -> float:
    """How much an error of a matrix matters, as a share of its weights."""
    if kind == "linear":
        return READING if shape[0] > shape[1] else WRITING
    return HEAD if kind == "lm_head" else EMBEDDING


def default_bits(shape: tuple[int, ...], kind: TensorKind) -> float:
    """Of all values of a matrix together."""
    rows, columns = shape
    whole = columns % 256 == 0
    few, more = FEW_BITS[whole], MORE_BITS[whole]
    each = more if kind == "lm_head" else (few + more) / 2 if rows < columns and kind == "linear" else few
    return rows * columns * each


def stored_bytes(spec: TensorSpec, scheme: Grouped) -> int:
    return sum(parameter.nbytes for parameter in stored_parameters(spec.name, spec.shape, scheme))


def _kinds(specs: Sequence[TensorSpec]) -> list[TensorKind]:
    """What each is for: a table of embeddings without a head beside it is the head, too."""
    tied = not any(spec.kind == "lm_head" for spec in specs)
    return ["lm_head" if tied and spec.kind == "embedding" else spec.kind for spec in specs]


def _hull(spec: TensorSpec, matters: float) -> list[tuple[int, float, Grouped]]:
    """(bytes, loss, scheme) with growing bytes, without those that a mixture of two others is better than."""
    hull: list[tuple[int, float, Grouped]] = []
    for nbytes, loss, scheme in _by_size(spec, matters):
        if hull and loss >= hull[-1][1]:
            continue
        while len(hull) > 1 and _slope(hull[-2], hull[-1]) <= _slope(hull[-1], (nbytes, loss, scheme)):
            hull.pop()
        hull.append((nbytes, loss, scheme))
    return hull


def _by_size(spec: TensorSpec, matters: float) -> list[tuple[int, float, Grouped]]:
    points = [(stored_bytes(spec, scheme), matters * loss, scheme) for scheme, loss in LOSS.items()]
    return sorted(points, key=lambda point: point[:2])


def _slope(one: tuple[int, float, Grouped], other: tuple[int, float, Grouped]) -> float:
    """What a byte gains between two."""
    return (one[1] - other[1]) / (other[0] - one[0])
