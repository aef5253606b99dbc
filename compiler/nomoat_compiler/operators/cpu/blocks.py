"""The layout of a quantized matrix for the CPU: blocks of 4 rows by 32 columns, so that each 32-bit lane is one row.

A block is read front to back by one stream and needs no horizontal sum:

    4 bits: 4 vectors of 16 bytes; byte b of lane r of vector j: low nibble w[r, 4j + b], high nibble w[r, 16 + 4j + b]
    8 bits: 8 vectors of 16 bytes; byte b of lane r of vector j: w[r, 4j + b] - 128, which is signed
    scales: 4 values, one a row; then, in formats with a minimum, 4 minimums; f16 or f32

    value = q * scale + minimum     or     value = (q - zero) * scale

Blocks of one group of 4 rows follow each other along K; groups of rows follow each other. Rows are padded to a
multiple of 4 and columns to one of 32, with scale = minimum = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

ROWS = 4
COLUMNS = 32


@dataclass(frozen=True)
class Format:
    """How a block is stored. Its name is part of the kernels' names."""

    bits: int
    minimum: bool
    half: bool  # scales in f16, else f32

    @property
    def name(self) -> str:
        return f"q{self.bits}{'m' if self.minimum else 's'}{'' if self.half else 'f'}"

    @property
    def weight_bytes(self) -> int:
        return ROWS * COLUMNS * self.bits // 8

    @property
    def scale_bytes(self) -> int:
        return ROWS * (2 if self.half else 4)

    @property
    def nbytes(self) -> int:
        return self.weight_bytes + self.scale_bytes * (2 if self.minimum else 1)


FORMATS = tuple(Format(bits, minimum, half) for bits in (4, 8) for minimum in (False, True) for half in (True, False))
