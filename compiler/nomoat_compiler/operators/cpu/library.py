"""Every kernel of the CPU library, by the name under which the runtime calls it."""

from __future__ import annotations

from typing import Any, get_args

from ...scheme import Bits
from ..catalog import modules
from ..declaration import ACTIVATIONS
from .bandwidth import stream_read
from .elementwise import activate, add, add_rows, gate, scale_cap
from .emit import Build
from .fine_activations import quantize_fine, quantize_fine_own
from .fixed import fix_halves
from .plain_numbers import DTYPES
from .quantize_activations import quantize, quantize_own
from .repack import copy, repack_integer_scales, repack_scales, repack_weights, widen


def library(build: Build) -> dict[str, Any]:
    """name -> PrimFunc, for one build: the kernels of every operator, and those that several of them share."""
    functions = [
        *(kernel for module in modules("cpu").values() for kernel in module.kernels(build)),
        quantize(build),
        quantize_own(build),
        quantize_fine(build),
        quantize_fine_own(build),
        add(),
        add_rows(),
        scale_cap(build),
        *(activate(build, index) for index in range(1, len(ACTIVATIONS))),
        *(gate(build, index) for index in range(len(ACTIVATIONS))),
        stream_read(),
        copy(),
        *(repack_weights(bits) for bits in get_args(Bits)),
        *(repack_scales(dtype, minimum) for dtype in DTYPES for minimum in (False, True)),
        repack_scales("bits16", False),
        repack_integer_scales(),
        fix_halves(),
        *(widen(dtype) for dtype in ("float16", "bfloat16")),
    ]
    return {str(function.attrs["global_symbol"]): function for function in functions}
