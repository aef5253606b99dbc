"""The GPU kernels of ``linear``: for each storage format those of one token, of a few and of many."""

from __future__ import annotations

from ..gpu.operator import GpuOperator, Stage
from ..gpu.weight_reader import FORMATS
from .gpu_decode import decode_variants
from .gpu_prefill import prefill_variant


def gpu() -> GpuOperator:
    few = [variant for storage in FORMATS for variant in decode_variants(storage)]
    return GpuOperator((Stage("linear", (*few, *map(prefill_variant, FORMATS))),))
