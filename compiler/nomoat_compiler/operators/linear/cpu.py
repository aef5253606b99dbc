"""The kernels of linear; those of what follows a product are shared (cpu/elementwise.py)."""

from __future__ import annotations

from typing import Any

from ..cpu.blocks import FORMATS
from ..cpu.emit import Build
from ..cpu.plain_numbers import DTYPES
from .cpu_float_matmul import float_matmul
from .cpu_gemm import gemm
from .cpu_gemv import gemv
from .cpu_row_sums import row_sums


def kernels(build: Build) -> list[Any]:
    """A kernel for each way in which a matrix is stored, for one token and for several."""
    return [
        *(gemv(build, layout) for layout in FORMATS),
        *(gemm(build, layout) for layout in FORMATS),
        *(float_matmul(build, dtype) for dtype in DTYPES),
        *(row_sums(layout) for layout in FORMATS if layout.bits == 8),
    ]
