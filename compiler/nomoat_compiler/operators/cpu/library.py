"""Every kernel of the CPU library, by the name under which the runtime calls it."""

from __future__ import annotations

from typing import Any

from ..attention.cpu import HEADS_AT_ONCE, attention_combine, attention_decode, attention_prefill
from ..embed.cpu import embed, float_embed
from ..linear.cpu_float_matmul import DTYPES, float_matmul
from ..linear.cpu_gemm import gemm
from ..linear.cpu_gemv import gemv
from ..rope_append.cpu import rope_append, rope_table
from ..sample.cpu import argmax_finish, argmax_share, draw, exp_share, penalize_share
from .bandwidth import stream_read
from .blocks import FORMATS
from .elementwise import add, add_bias, geglu, gelu, swiglu
from .emit import Build
from .fine_activations import quantize_fine, quantize_fine_own
from .layer_norm import layer_norm
from .quantize_activations import quantize, quantize_own, rms_norm, rms_norm_own
from .repack import copy, repack_scales, repack_weights, widen
from .row_sums import row_sums


def library(build: Build) -> dict[str, Any]:
    """name -> PrimFunc, for one build."""
    functions = [
        *(gemv(build, layout) for layout in FORMATS),
        *(gemm(build, layout) for layout in FORMATS),
        *(float_matmul(build, dtype) for dtype in DTYPES),
        *(embed(layout) for layout in FORMATS),
        *(float_embed(dtype) for dtype in DTYPES),
        quantize(build),
        quantize_own(build),
        quantize_fine(build),
        quantize_fine_own(build),
        rms_norm(),
        rms_norm_own(),
        add(),
        add_bias(),
        swiglu(build),
        geglu(build),
        gelu(build),
        layer_norm(),
        rope_table(build),
        rope_append(build),
        *(attention_decode(build, count) for count in HEADS_AT_ONCE),
        *(attention_prefill(build, count) for count in HEADS_AT_ONCE),
        attention_combine(build),
        argmax_share(),
        argmax_finish(),
        penalize_share(),
        exp_share(build),
        draw(),
        stream_read(),
        copy(),
        *(repack_weights(bits) for bits in (4, 8)),
        *(repack_scales(dtype, minimum) for dtype in DTYPES for minimum in (False, True)),
        *(row_sums(layout) for layout in FORMATS if layout.bits == 8),
        *(widen(dtype) for dtype in ("float16", "bfloat16")),
    ]
    return {str(function.attrs["global_symbol"]): function for function in functions}
