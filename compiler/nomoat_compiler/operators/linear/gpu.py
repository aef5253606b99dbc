"""The GPU kernels of ``linear``: one for each storage format, with and without swiglu, for decode and prefill."""

from __future__ import annotations

from ..gpu.operator import GpuOperator, Stage
from ..gpu.weight_reader import FORMATS
from .gpu_decode import decode_variants
from .gpu_prefill import prefill_variant


def gpu() -> GpuOperator:
    kinds = [(storage, swiglu) for swiglu in (False, True) for storage in FORMATS]
    decode = [variant for storage, swiglu in kinds for variant in decode_variants(storage, swiglu)]
    prefill = [prefill_variant(storage, swiglu) for storage, swiglu in kinds]
    return GpuOperator((Stage("linear", (*decode, *prefill)),))
