"""Unsigned integers of 4 or 8 bits in uint32 words: element r of a word sits at bit r*bits, r = 0 least significant."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def pack_words(values: npt.NDArray[np.uint8], bits: int) -> npt.NDArray[np.uint32]:
    """uint8 [..., K] below 2**bits, K * bits a multiple of 32 -> uint32 [..., K * bits / 32]."""
    if bits == 8:
        return np.ascontiguousarray(values).view("<u4")
    pairs = values[..., 0::2] | (values[..., 1::2] << np.uint8(4))  # [..., K / 2]: element 0 in the low nibble
    return np.ascontiguousarray(pairs).view("<u4")


def unpack_words(words: npt.NDArray[np.uint32], bits: int) -> npt.NDArray[np.uint8]:
    """uint32 [..., W] -> uint8 [..., W * 32 / bits]: the inverse of pack_words."""
    octets = np.ascontiguousarray(words, "<u4").view(np.uint8)  # [..., 4 * W]
    if bits == 8:
        return octets
    return np.stack([octets & np.uint8(15), octets >> np.uint8(4)], axis=-1).reshape(*octets.shape[:-1], -1)
