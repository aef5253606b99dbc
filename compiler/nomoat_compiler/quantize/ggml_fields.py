"""Takes ggml's blocks apart: integers in the order of the columns, and the scales as the file has them.

A nibble plane has its low nibbles first, of 16 bytes in blocks of 32 values, of each 32 bytes in blocks of 256.
K-quants subtract a minimum; here it is negated and added, which gives the same bits.
Source: ggml-quants.c and ggml-common.h of the ggml project, and gguf.quants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from ..checkpoint.checkpoint import BLOCK_SIZES, Blocks

Bytes = npt.NDArray[np.uint8]
SUPER = 256


@dataclass(frozen=True)
class BlockFields:
    """``floats``: scales and, where the type has them, minimums, [rows, groups]; with integer scales of super-blocks,
    [rows, supers], and then ``integers``: scales (and minimums) of one byte, [rows, supers, groups of one].
    """

    q: Bytes  # [rows, columns]
    floats: list[npt.NDArray[Any]]
    integers: list[npt.NDArray[Any]] = field(default_factory=list)


def block_fields(blocks: Blocks) -> BlockFields:
    """The fields of all blocks of some rows."""
    values, nbytes = BLOCK_SIZES[blocks.kind]
    rows = blocks.data.shape[0]
    fields = _READERS[blocks.kind](blocks.data.reshape(-1, nbytes))
    count = blocks.data.shape[1] // nbytes
    return BlockFields(
        fields.q.reshape(rows, count * values),
        [values.reshape(rows, -1) for values in fields.floats],
        [np.ascontiguousarray(values).reshape(rows, count, -1) for values in fields.integers],
    )


def _q4_0(data: Bytes) -> BlockFields:
    return BlockFields(_nibbles(data[:, 2:], 16), [_half(data, 0)])


def _q4_1(data: Bytes) -> BlockFields:
    return BlockFields(_nibbles(data[:, 4:], 16), [_half(data, 0), _half(data, 2)])


def _q5_0(data: Bytes) -> BlockFields:
    return BlockFields(_nibbles(data[:, 6:], 16) | (_bits(data[:, 2:6]) << np.uint8(4)), [_half(data, 0)])


def _q5_1(data: Bytes) -> BlockFields:
    q = _nibbles(data[:, 8:], 16) | (_bits(data[:, 4:8]) << np.uint8(4))
    return BlockFields(q, [_half(data, 0), _half(data, 2)])


def _q8_0(data: Bytes) -> BlockFields:
    return BlockFields(data[:, 2:] ^ np.uint8(0x80), [_half(data, 0)])


def _q2_k(data: Bytes) -> BlockFields:
    """uint8 scales[16], qs[64]; float16 d, dmin."""
    q = _planes(data[:, 16:80], 2)
    return BlockFields(
        q, [_half(data, 80), -_half(data, 82)], [data[:, :16] & np.uint8(15), data[:, :16] >> np.uint8(4)]
    )


def _q3_k(data: Bytes) -> BlockFields:
    """uint8 hmask[32], qs[64], scales[12]; float16 d. The third bit is 1 where nothing is subtracted."""
    q = _planes(data[:, 32:96], 2) | (_planes(data[:, :32], 1) << np.uint8(2))
    packed = data[:, 96:108]
    low = np.concatenate([packed[:, :8] & np.uint8(15), packed[:, :8] >> np.uint8(4)], axis=1)
    high = np.concatenate([(packed[:, 8:] >> np.uint8(2 * i)) & np.uint8(3) for i in range(4)], axis=1)
    scales = (low | (high << np.uint8(4))).astype(np.int8) - np.int8(32)
    return BlockFields(q, [_half(data, 108)], [scales])


def _q4_k(data: Bytes) -> BlockFields:
    """float16 d, dmin; uint8 scales[12], qs[128]."""
    return BlockFields(_nibbles(data[:, 16:], 32), [_half(data, 0), -_half(data, 2)], _six_bits(data[:, 4:16]))


def _q5_k(data: Bytes) -> BlockFields:
    """float16 d, dmin; uint8 scales[12], qh[32], qs[128]."""
    q = _nibbles(data[:, 48:], 32) | (_planes(data[:, 16:48], 1) << np.uint8(4))
    return BlockFields(q, [_half(data, 0), -_half(data, 2)], _six_bits(data[:, 4:16]))


def _q6_k(data: Bytes) -> BlockFields:
    """uint8 ql[128], qh[64]; int8 scales[16]; float16 d."""
    q = _nibbles(data[:, :128], 64) | (_planes(data[:, 128:192], 2) << np.uint8(4))
    return BlockFields(q, [_half(data, 208)], [data[:, 192:208].view(np.int8)])


def _iq4_nl(data: Bytes) -> BlockFields:
    return BlockFields(_nibbles(data[:, 2:], 16), [_half(data, 0)])


def _iq4_xs(data: Bytes) -> BlockFields:
    """float16 d; uint16 scales_h; uint8 scales_l[4], qs[128]."""
    high = np.ascontiguousarray(data[:, 2:4]).view("<u2") >> np.arange(0, 16, 2, dtype=np.uint16)  # [blocks, 8]
    low = np.stack([data[:, 4:8] & np.uint8(15), data[:, 4:8] >> np.uint8(4)], axis=-1).reshape(len(data), 8)
    scales = (low | ((high.astype(np.uint8) & np.uint8(3)) << np.uint8(4))).astype(np.int8) - np.int8(32)
    return BlockFields(_nibbles(data[:, 8:], 16), [_half(data, 0)], [scales])


def _mxfp4(data: Bytes) -> BlockFields:
    """uint8 e, qs[16]; the scale is 2^(e - 128), subnormal for e below 2, which bfloat16 holds."""
    e = data[:, 0].astype(np.uint16)
    bits = np.where(e < 2, np.uint16(0x20) << e, (e - np.uint16(1)) << np.uint16(7)).astype("<u2")
    return BlockFields(_nibbles(data[:, 1:], 16), [bits.view(ml_dtypes.bfloat16)])


_READERS: dict[str, Callable[[Bytes], BlockFields]] = {
    "Q4_0": _q4_0, "Q4_1": _q4_1, "Q5_0": _q5_0, "Q5_1": _q5_1, "Q8_0": _q8_0,
    "Q2_K": _q2_k, "Q3_K": _q3_k, "Q4_K": _q4_k, "Q5_K": _q5_k, "Q6_K": _q6_k,
    "IQ4_NL": _iq4_nl, "IQ4_XS": _iq4_xs, "MXFP4": _mxfp4,
}  # fmt: skip


def _half(data: Bytes, at: int) -> npt.NDArray[np.float16]:
    return np.ascontiguousarray(data[:, at : at + 2]).view("<f2")[:, 0]


def _nibbles(packed: Bytes, run: int) -> Bytes:
    """[blocks, n] -> [blocks, 2n]: of each ``run`` bytes first the low nibbles, then the high ones."""
    runs = packed.reshape(len(packed), -1, run)
    return np.concatenate([runs & np.uint8(15), runs >> np.uint8(4)], axis=-1).reshape(len(packed), -1)


def _planes(packed: Bytes, bits: int) -> Bytes:
    """[blocks, n] -> [blocks, n * 8 / bits]: of each 32 bytes the lowest ``bits`` of all, then the next, and so on."""
    runs = packed.reshape(len(packed), -1, 1, 32)
    shifts = np.arange(0, 8, bits, dtype=np.uint8).reshape(1, 1, -1, 1)
    return ((runs >> shifts) & np.uint8((1 << bits) - 1)).reshape(len(packed), -1)


def _bits(packed: Bytes) -> Bytes:
    """[blocks, 4] -> [blocks, 32], bit 0 first."""
    return np.unpackbits(packed, axis=-1, bitorder="little")


def _six_bits(packed: Bytes) -> list[Bytes]:
    """uint8 [blocks, 12] -> scales and minimums [blocks, 8] each: four of each whole, then four in three pieces."""
    scale, minimum, rest = packed[:, :4], packed[:, 4:8], packed[:, 8:]
    low, two = np.uint8(63), np.uint8(0x30)
    return [
        np.concatenate([scale & low, (rest & np.uint8(15)) | ((scale >> np.uint8(2)) & two)], axis=1),
        np.concatenate([minimum & low, (rest >> np.uint8(4)) | ((minimum >> np.uint8(2)) & two)], axis=1),
    ]
