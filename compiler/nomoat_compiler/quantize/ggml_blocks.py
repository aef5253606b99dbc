"""Imports ggml blocks into a grouped scheme without requantizing: the dequantized values stay equal.

Q4_0: w = d * (q - 8). Q4_1: w = d * q + m. Q8_0: w = d * q, q signed. A target with a minimum holds all three
(minimum = -zero * d, exact in float16 as zero is a power of two, unless it overflows); one with a constant zero holds
those that have one. Nibbles: the low ones are the first half of a block, the high ones the second.
Source: ggml-quants.c of the ggml project, and gguf.quants.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..checkpoint.checkpoint import BLOCK_SIZES, Blocks
from ..errors import NomoatError
from ..scheme import Grouped
from .packing import pack_words

BLOCK_VALUES = 32


@dataclass(frozen=True)
class ParsedBlocks:
    """The fields of [rows, blocks] blocks; ``minimum`` is None where the type has the constant zero ``zero``."""

    q: npt.NDArray[np.uint8]  # [rows, blocks, 32]
    scale: npt.NDArray[np.float16]  # [rows, blocks]
    minimum: npt.NDArray[np.float16] | None  # [rows, blocks]
    zero: int


def parse_blocks(blocks: Blocks) -> ParsedBlocks:
    """Splits packed blocks into their fields; Q8_0's signed values get 128 added."""
    rows = blocks.data.shape[0]
    data = blocks.data.reshape(rows, -1, BLOCK_SIZES[blocks.kind][1])
    scale = np.ascontiguousarray(data[..., :2]).view("<f2")[..., 0]
    if blocks.kind == "Q8_0":
        return ParsedBlocks(data[..., 2:] ^ np.uint8(0x80), scale, None, 128)
    if blocks.kind == "Q4_0":
        return ParsedBlocks(_nibbles(data[..., 2:]), scale, None, 8)
    minimum = np.ascontiguousarray(data[..., 2:4]).view("<f2")[..., 0]
    return ParsedBlocks(_nibbles(data[..., 4:]), scale, minimum, 0)


def import_blocks(blocks: Blocks, scheme: Grouped, name: str) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float16]]:
    """(q_weight [rows, words], q_scale [rows, groups] or q_scale_min [rows, groups, 2]) under ``scheme``.

    ``scheme`` must be able to hold the block type (choose.py sees to it). ``invalid_checkpoint`` for a scale that is
    not finite; ``unsupported`` where a minimum overflows float16.
    """
    parsed = parse_blocks(blocks)
    fields = [parsed.scale] + ([] if parsed.minimum is None else [parsed.minimum])
    if not all(np.isfinite(field).all() for field in fields):
        raise NomoatError("invalid_checkpoint", f"{name} has a block whose scale is not a finite number.", tensor=name)
    if scheme.zero is None:
        minimum = parsed.minimum if parsed.minimum is not None else _minimum_of_zero(parsed, name)
        q, scales = parsed.q, np.stack([parsed.scale, minimum], axis=-1)
    else:
        assert parsed.minimum is None, "a block with a minimum needs a scheme with one"
        q, scales = parsed.q + np.uint8(scheme.zero - parsed.zero), parsed.scale
    return pack_words(q.reshape(q.shape[0], -1), scheme.bits), scales


def dequantize_blocks(blocks: Blocks) -> npt.NDArray[np.float32]:
    """float32 [rows, columns], for schemes that do not keep the blocks."""
    parsed = parse_blocks(blocks)
    scale = parsed.scale.astype(np.float32)[..., None]
    if parsed.minimum is None:
        values = (parsed.q.astype(np.int16) - np.int16(parsed.zero)).astype(np.float32) * scale
    else:
        values = parsed.q.astype(np.float32) * scale + parsed.minimum.astype(np.float32)[..., None]
    return values.reshape(values.shape[0], -1)


def _minimum_of_zero(parsed: ParsedBlocks, name: str) -> npt.NDArray[np.float16]:
    minimum = parsed.scale.astype(np.float32) * -parsed.zero
    if np.abs(minimum).max(initial=0) > np.finfo(np.float16).max:
        raise NomoatError(
            "unsupported",
            f"{name} has a block scale too large for a float16 minimum. Compile with --quantization f16 or f32.",
            tensor=name,
        )
    return minimum.astype(np.float16)


def _nibbles(packed: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """uint8 [..., 16] -> [..., 32]."""
    return np.concatenate([packed & np.uint8(15), packed >> np.uint8(4)], axis=-1)
