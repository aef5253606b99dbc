"""Unsigned integers of 2 to 8 bits in uint32 words, as ``scheme.Grouped`` says.

4 and 8 bits: element r of a word sits at bit r*bits, r = 0 least significant. 2, 3, 5 and 6 bits: ``QUAD_FIELDS``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..scheme import QUAD_COLUMNS, QUAD_FIELDS


def pack_words(values: npt.NDArray[np.uint8], bits: int) -> npt.NDArray[np.uint32]:
    """uint8 [..., K] below 2**bits, K * bits a multiple of 32 (of 2, 3, 5, 6 bits: K of 32) -> uint32 [..., words]."""
    if bits == 8:
        return np.ascontiguousarray(values).view("<u4")
    if bits == 4:
        pairs = values[..., 0::2] | (values[..., 1::2] << np.uint8(4))  # [..., K / 2]: element 0 in the low nibble
        return np.ascontiguousarray(pairs).view("<u4")
    quads = np.ascontiguousarray(values).view("<u4").reshape(*values.shape[:-1], -1, 8)  # [..., K / 32, 8]
    words = np.zeros((*quads.shape[:-1], bits), np.uint32)
    for quad, pieces in enumerate(QUAD_FIELDS[bits]):
        low = 0
        for word, bit, width in pieces:
            piece = (quads[..., quad] >> np.uint32(low)) & np.uint32(((1 << width) - 1) * 0x01010101)
            words[..., word] |= piece << np.uint32(bit)
            low += width
    return words.reshape(*values.shape[:-1], values.shape[-1] // QUAD_COLUMNS * bits)


def unpack_words(words: npt.NDArray[np.uint32], bits: int) -> npt.NDArray[np.uint8]:
    """uint32 [..., W] -> uint8 [..., W * 32 / bits]: the inverse of pack_words."""
    octets = np.ascontiguousarray(words, "<u4").view(np.uint8)  # [..., 4 * W]
    if bits == 8:
        return octets
    if bits == 4:
        return np.stack([octets & np.uint8(15), octets >> np.uint8(4)], axis=-1).reshape(*octets.shape[:-1], -1)
    blocks = np.ascontiguousarray(words, "<u4").reshape(*words.shape[:-1], -1, bits)  # [..., K / 32, bits]
    quads = np.zeros((*blocks.shape[:-1], 8), np.uint32)
    for quad, pieces in enumerate(QUAD_FIELDS[bits]):
        low = 0
        for word, bit, width in pieces:
            piece = (blocks[..., word] >> np.uint32(bit)) & np.uint32(((1 << width) - 1) * 0x01010101)
            quads[..., quad] |= piece << np.uint32(low)
            low += width
    return quads.view(np.uint8).reshape(*words.shape[:-1], -1)
