"""Imports ggml blocks into grouped schemes without requantizing: the dequantized values stay equal.

``NATIVE`` is the scheme of each type that has its very numbers. Where sources of different types share a matrix
(choose.py), a type with 16-bit scales fits into more bits or beside a minimum (-zero * d, exact in float16 as zero is a
power of two, unless it overflows), and one with integer scales into ``MIXED``, where a zero becomes the minimum
-zero * d * scale: there a value may differ in its last bit, as two roundings stand for one.
Layouts: ggml_fields.py.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..checkpoint.checkpoint import Blocks
from ..errors import NomoatError
from ..scheme import CODEBOOKS, Grouped
from .ggml_fields import BlockFields, block_fields
from .packing import pack_words

NATIVE: dict[str, Grouped] = {
    "Q4_0": Grouped(4, 32, 8, "float16"),
    "Q4_1": Grouped(4, 32, None, "float16"),
    "Q5_0": Grouped(5, 32, 16, "float16"),
    "Q5_1": Grouped(5, 32, None, "float16"),
    "Q8_0": Grouped(8, 32, 128, "float16"),
    "Q2_K": Grouped(2, 16, None, "uint4"),
    "Q3_K": Grouped(3, 16, 4, "int8"),
    "Q4_K": Grouped(4, 32, None, "uint8"),
    "Q5_K": Grouped(5, 32, None, "uint8"),
    "Q6_K": Grouped(6, 16, 32, "int8"),
    "IQ4_NL": Grouped(4, 32, None, "float16", "iq4_nl"),
    "IQ4_XS": Grouped(4, 32, None, "int8", "iq4_nl"),
    "MXFP4": Grouped(4, 32, None, "bfloat16", "mxfp4"),
}
# Holds Q2_K to Q6_K side by side.
MIXED = Grouped(6, 16, None, "int8")


def import_blocks(blocks: Blocks, scheme: Grouped, name: str) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.generic]]:
    """(q_weight [rows, words], q_scale or q_scale_min) under ``scheme``, shaped as ``stored_parameters`` says.

    ``scheme`` must be able to hold the block type (choose.py sees to it). ``invalid_checkpoint`` for a scale that is
    not finite; ``unsupported`` where a minimum overflows float16.
    """
    fields, native = block_fields(blocks), NATIVE[blocks.kind]
    if not all(np.isfinite(scales.astype(np.float32)).all() for scales in fields.floats):
        raise NomoatError("invalid_checkpoint", f"{name} has a block whose scale is not a finite number.", tensor=name)
    q = fields.q
    if scheme != native:
        assert native.codebook is None, "what a codebook says has no other scheme"
        if native.two_level:
            fields = _mixed(fields, native, scheme)
        elif scheme.zero is not None:
            assert native.zero is not None, "a block with a minimum needs a scheme with one"
            q = q + np.uint8(scheme.zero - native.zero)
        elif native.zero is not None:
            fields = BlockFields(q, [*fields.floats, _minimum_of_zero(fields.floats[0], native.zero, name)])
    return pack_words(q, scheme.bits), _stored_scales(fields, scheme)


def dequantize_blocks(blocks: Blocks) -> npt.NDArray[np.float32]:
    """float32 [rows, columns], each step in float32, for schemes that do not keep the blocks."""
    fields, native = block_fields(blocks), NATIVE[blocks.kind]
    floats = [values.astype(np.float32) for values in fields.floats]  # [rows, groups or supers] each
    if native.two_level:
        floats = [
            (value[..., None] * integers.astype(np.float32)).reshape(value.shape[0], -1)
            for value, integers in zip(floats, fields.integers, strict=True)
        ]  # [rows, groups] each
    if native.codebook is not None:
        numbers = np.array(CODEBOOKS[native.codebook], np.float32)[fields.q]
    else:
        numbers = fields.q.astype(np.float32) - np.float32(native.zero or 0)
    values = numbers.reshape(*floats[0].shape, native.group_size) * floats[0][..., None]
    if native.minimum:
        values = values + floats[1][..., None]
    return values.reshape(values.shape[0], -1)


def _stored_scales(fields: BlockFields, scheme: Grouped) -> npt.NDArray[np.generic]:
    if not scheme.two_level:
        return np.stack(fields.floats, axis=-1) if scheme.minimum else fields.floats[0]
    supers = np.stack([values.astype("<f4") for values in fields.floats], axis=-1)  # [rows, supers, 1 or 2]
    integers = np.stack(fields.integers, axis=-1).view(np.uint8)  # [rows, supers, groups, 1 or 2]
    if scheme.scale_dtype == "uint4":
        integers = integers[..., 0] | (integers[..., 1] << np.uint8(4))
    packed = np.ascontiguousarray(integers.reshape(*supers.shape[:2], -1)).view("<u4")
    return np.concatenate([np.ascontiguousarray(supers).view("<u4"), packed], axis=-1)


def _mixed(fields: BlockFields, native: Grouped, scheme: Grouped) -> BlockFields:
    """Groups of 16 with a scale and a minimum in int8, which hold all that K-quants have (at most 63)."""
    assert scheme == MIXED, "integer scales fit into their own scheme and the mixed one"
    scale, *minimum = fields.floats
    factor, *offset = fields.integers
    if native.zero is not None:
        minimum, offset = [scale.astype(np.float32) * np.float32(-native.zero)], [factor]
    repeats = native.group_size // scheme.group_size
    return BlockFields(
        fields.q,
        [scale, *minimum],
        [np.repeat(integers.view(np.int8), repeats, axis=-1) for integers in (factor, *offset)],
    )


def _minimum_of_zero(scale: npt.NDArray[np.generic], zero: int, name: str) -> npt.NDArray[np.float16]:
    minimum = scale.astype(np.float32) * np.float32(-zero)
    if np.abs(minimum).max(initial=0) > np.finfo(np.float16).max:
        raise NomoatError(
            "unsupported",
            f"{name} has a block scale too large for a float16 minimum. Compile with --quantization f16 or f32.",
            tensor=name,
        )
    return minimum.astype(np.float16)
