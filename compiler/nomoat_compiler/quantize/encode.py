"""Reads one logical tensor from its sources and encodes it under its scheme, a block of rows at a time.

In memory at once: the stored arrays of this tensor and one block of rows in float32. Neither grows with the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from ..checkpoint.checkpoint import Blocks, Checkpoint, Groups
from ..errors import NomoatError
from ..program.tensor_spec import TensorSpec
from ..scheme import Grouped, Parameter, Scheme, stored_parameters
from .choose import MLC_FLOAT_DTYPES
from .ggml_blocks import dequantize_blocks, import_blocks
from .groups import quantize_groups
from .mlc import quantize_mlc
from .sources import row_blocks

STORED_DTYPES: dict[str, npt.DTypeLike] = {
    "uint32": np.dtype("<u4"), "float32": np.dtype("<f4"), "float16": np.dtype("<f2"),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
}  # fmt: skip
NOTHING: Mapping[str, npt.NDArray[np.float32]] = MappingProxyType({})
EncodedTensor = list[tuple[Parameter, npt.NDArray[Any]]]


def encode_tensor(
    spec: TensorSpec,
    checkpoint: Checkpoint,
    scheme: Scheme,
    quantization: str,
    importance: Mapping[str, npt.NDArray[np.float32]] = NOTHING,
) -> EncodedTensor:
    """The stored parameters of ``spec`` with their arrays, in the order of ``stored_parameters``.

    ``importance``: by source, how much the error of each column counts where floats are quantized.
    ``invalid_checkpoint`` names a source with a value that is not finite; ``unsupported`` one that overflows.
    """
    parameters = stored_parameters(spec.name, spec.shape, scheme)
    arrays = [np.empty(parameter.shape, STORED_DTYPES[parameter.dtype]) for parameter in parameters]
    row = 0
    for source, values in row_blocks(spec, checkpoint):
        rows = values.data.shape[0] if isinstance(values, Blocks) else values.shape[0]
        for array, encoded in zip(
            arrays, _encode_rows(values, scheme, quantization, source, importance.get(source)), strict=True
        ):
            array[row : row + rows] = encoded
        row += rows
    assert row == spec.shape[0], "check_sources ran before"
    return list(zip(parameters, arrays, strict=True))


def _encode_rows(
    values: npt.NDArray[Any] | Blocks | Groups,
    scheme: Scheme,
    quantization: str,
    source: str,
    importance: npt.NDArray[np.float32] | None,
) -> list[npt.NDArray[Any]]:
    if isinstance(values, Groups):
        if quantization == values.kind:
            return [values.words, _finite_scales(values.scales, source)]
        values = values.dequantized()
    if isinstance(values, Blocks):
        if isinstance(scheme, Grouped) and quantization not in MLC_FLOAT_DTYPES:
            return list(import_blocks(values, scheme, source))
        values = dequantize_blocks(values)
    weights = values.astype(np.float32)
    if not np.isfinite(weights).all():
        raise NomoatError("invalid_checkpoint", f"{source} holds a value that is NaN or infinite.", tensor=source)
    if quantization in MLC_FLOAT_DTYPES:
        # MLC casts the checkpoint to its float dtype first; what follows starts from the cast values.
        cast = _cast(weights, np.dtype(MLC_FLOAT_DTYPES[quantization]), source)
        if not isinstance(scheme, Grouped):
            return [_cast(cast, STORED_DTYPES[scheme.dtype], source)]
        words, scales = quantize_mlc(cast, scheme)
        return [words, _cast(scales, STORED_DTYPES[scheme.scale_dtype], source)]
    if isinstance(scheme, Grouped):
        return list(quantize_groups(weights, scheme, source, importance))
    return [_cast(weights, STORED_DTYPES[scheme.dtype], source)]


def _finite_scales(scales: npt.NDArray[Any], source: str) -> npt.NDArray[Any]:
    if not np.isfinite(scales.astype(np.float32)).all():
        raise NomoatError("invalid_checkpoint", f"{source} has a scale that is NaN or infinite.", tensor=source)
    return scales


def _cast(values: npt.NDArray[Any], dtype: npt.DTypeLike, source: str) -> npt.NDArray[Any]:
    """Rounds to nearest even; ``unsupported`` where a finite value would become infinite."""
    if values.dtype == dtype:
        return values
    with np.errstate(over="ignore"):
        cast = values.astype(dtype)
    if not np.isfinite(cast).all():
        raise NomoatError(
            "unsupported",
            f"{source} holds {np.abs(values.astype(np.float32)).max():.4g}, too large for {np.dtype(dtype).name}. "
            "Compile with --quantization f32.",
            tensor=source,
        )
    return cast
