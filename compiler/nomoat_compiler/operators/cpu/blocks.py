"""The layout of a quantized matrix for the CPU: blocks of 4 rows by 32 columns, so that each 32-bit lane is one row.

A block is read front to back by one stream and needs no horizontal sum:

    weights: a vector of 16 bytes for each bit. Byte b of lane r has of row r, of quads i (columns 4i to 4i + 3):
             8 bits: vector i: w[r, 4i + b] - 128, which is signed
             other:  element b of the quads in the words of scheme.QUAD_FIELDS; 4 bits: low nibble of vector j quad j,
                     high nibble quad 4 + j
    scales:  4 values, one a row; then, in formats with a minimum, 4 minimums; f16, bf16 or f32
    integer scales: for each group of the 32 columns 4 scales, one a row, then 4 minimums; bytes. Of uint4 one byte has
             both, the scale in its low nibble.

    value = q * scale + minimum     or     value = (q - zero) * scale     or     value = codebook[q] * scale

Blocks of one group of 4 rows follow each other along K; groups of rows follow each other. With integer scales a group
begins with a header: for each 8 blocks the float32 numbers that their scales, and then their minimums, are multiples
of, one a row. Rows are padded to a multiple of 4 and columns to one of 32, with scale = minimum = 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...scheme import CODEBOOKS, Bits, Codebook, IntegerScale

ROWS = 4
COLUMNS = 32
SUPER_BLOCKS = 8


@dataclass(frozen=True)
class Format:
    """How a block is stored. Its name is part of the kernels' names."""

    bits: Bits
    minimum: bool
    scales: Literal["half", "float", "bfloat"] | IntegerScale
    group_size: int = COLUMNS
    codebook: Codebook | None = None

    @property
    def name(self) -> str:
        suffix = {"half": "", "float": "f", "bfloat": "b"}.get(self.scales, f"_{self.scales}")
        return f"q{self.bits}{self.codebook or ('m' if self.minimum else 's')}{suffix}"

    @property
    def half(self) -> bool:
        return self.scales == "half"

    @property
    def integer(self) -> bool:
        return self.scales not in ("half", "float", "bfloat")

    @property
    def plain(self) -> bool:
        """Integers of 4 or 8 bits with float scales: those that kernels of their own multiply."""
        return self.bits in (4, 8) and not self.integer and self.codebook is None

    @property
    def groups(self) -> int:
        """Of a block."""
        return COLUMNS // self.group_size

    @property
    def parts(self) -> int:
        return 2 if self.minimum else 1

    @property
    def weight_bytes(self) -> int:
        return ROWS * COLUMNS * self.bits // 8

    @property
    def scale_bytes(self) -> int:
        """Of the scales alone, of formats whose scales are no integers."""
        return ROWS * (4 if self.scales == "float" else 2)

    @property
    def integers(self) -> int:
        """Bytes of integer scales that a block has of one row."""
        return self.groups * (1 if self.scales == "uint4" else self.parts) if self.integer else 0

    @property
    def nbytes(self) -> int:
        return self.weight_bytes + (ROWS * self.integers if self.integer else self.scale_bytes * self.parts)

    @property
    def super_bytes(self) -> int:
        """Of the header, for each 8 blocks."""
        return 4 * ROWS * self.parts if self.integer else 0


FORMATS: tuple[Format, ...] = (
    *(Format(bits, minimum, scales) for bits in (4, 8) for minimum in (False, True) for scales in ("half", "float")),
    *(Format(5, minimum, "half") for minimum in (False, True)),
    Format(2, True, "uint4", 16),
    Format(3, False, "int8", 16),
    Format(4, True, "uint8"),
    Format(5, True, "uint8"),
    Format(6, False, "int8", 16),
    Format(6, True, "int8", 16),
    Format(4, False, "half", codebook="iq4_nl"),
    Format(4, False, "int8", codebook="iq4_nl"),
    Format(4, False, "bfloat", codebook="mxfp4"),
)  # fmt: skip


def codebook_zero(codebook: Codebook) -> int:
    """What is added to a codebook's numbers so that none is negative."""
    return -min(CODEBOOKS[codebook])
