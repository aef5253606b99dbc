"""What kernels share that read blocks of quads (blocks.py): fields, codebooks, and where the headers are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from tvm.script.ir_builder import tirx as T

from ...scheme import CODEBOOKS
from .blocks import SUPER_BLOCKS, Format, codebook_zero
from .emit import Expr, as_type, bind, pinned

# As scheme.QUAD_FIELDS, of the blocks of 4 bits.
NIBBLE_FIELDS = tuple(((i % 4, i // 4 * 4, 4),) for i in range(8))


def codebook_numbers(layout: Format) -> npt.NDArray[np.int64]:
    """What each q stands for, plus ``codebook_zero``."""
    assert layout.codebook is not None
    return np.array(CODEBOOKS[layout.codebook], np.int64) + codebook_zero(layout.codebook)


def codebook_table(layout: Format) -> Expr:
    """The same as uint8x16."""
    return table_vector(codebook_numbers(layout))


def table_vector(numbers: npt.NDArray[Any]) -> Expr:
    """Sixteen bytes as uint8x16."""
    low, high = numbers.astype(np.uint8).view("<i8")
    return pinned("uint8x16", as_type("uint8x16", T.Shuffle([T.int64(int(low)), T.int64(int(high))], [0, 1])))


def header_bytes(layout: Format, k_blocks: Expr) -> Expr:
    """Before the first block of 4 rows."""
    if not layout.integer:
        return T.int32(0)
    return bind(T.truncdiv(k_blocks + (SUPER_BLOCKS - 1), SUPER_BLOCKS) * layout.super_bytes)


def header_place(layout: Format, block: Expr) -> Expr:
    """Bytes from the start of 4 rows to what the scales of ``block`` are multiples of."""
    return T.truncdiv(block, SUPER_BLOCKS) * layout.super_bytes
