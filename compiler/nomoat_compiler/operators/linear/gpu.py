"""The GPU kernels of ``linear``: one for each storage format, with and without a gate, for decode and prefill."""

from __future__ import annotations

from ..gpu.operator import GpuOperator, Stage
from .gpu_decode import decode_variants
from .gpu_prefill import prefill_variant
from .gpu_product import KINDS


def gpu() -> GpuOperator:
    decode = [variant for kind in KINDS for variant in decode_variants(kind)]
    return GpuOperator((Stage("linear", (*decode, *map(prefill_variant, KINDS))),))
