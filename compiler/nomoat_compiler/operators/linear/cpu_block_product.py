"""The inner product of one block of 4-bit weights (blocks.py) and one block of activations (activations.py).

Taking a block apart (nibbles, scales) is separate from multiplying it, so that one block serves several tokens.
"""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from ..cpu.activations import BLOCK_BYTES, SCALE, SUM, activation_word, result_factor
from ..cpu.blocks import Format
from ..cpu.emit import (
    Build,
    Expr,
    Memory,
    as_type,
    bind,
    dot_i8,
    dot_i16,
    fma,
    half_bits,
    half_bits_low,
    pair_sums,
    pinned,
    splat,
    splat_f32,
    splat_i32,
)


class Activations:
    """One block of 32 activations of one token; each word is loaded once."""

    def __init__(self, build: Build, x: Memory) -> None:
        self.build, self.x = build, x
        self._words: dict[int, Expr] = {}
        self._factors: dict[int, Expr] = {}

    def word(self, index: int) -> Expr:
        if index not in self._words:
            self._words[index] = self.x.splat("int32", 4 * index)
        return self._words[index]

    def factor(self, offset: int) -> Expr:
        if offset not in self._factors:
            self._factors[offset] = self.x.splat("float32", SCALE[self.build.relaxed] + offset)
        return self._factors[offset]


class Scales:
    """The scales of a block's 4 rows, and its minimums if it has them."""

    def __init__(self, layout: Format, w: Memory) -> None:
        at = layout.weight_bytes
        if layout.scales == "bfloat":
            wide = T.Cast("int32x4", w.load("uint16", at, 4))
            self.scale = bind(as_type("float32x4", T.shift_left(wide, splat_i32(16))))
            self.minimum = None
        elif not layout.half:
            self.scale = w.load("float32", at, 4)
            self.minimum = w.load("float32", at + 16, 4) if layout.minimum else None
        elif layout.minimum:
            both = w.load("int16", at, 8)
            self.scale, self.minimum = half_bits(both)
        else:
            self.scale, self.minimum = bind(half_bits_low(w.load("int16", at, 4))), None

    def add(self, build: Build, product: Expr, x_sum: Expr, total: Expr) -> Expr:
        """total + product * scale + minimum * ``x_sum``, the sum of the activations."""
        result = bind(fma(build, product, self.scale, total))
        return result if self.minimum is None else bind(fma(build, self.minimum, x_sum, result))


class Accumulator:
    """Integer sums of one token and the 4 rows of one block, fed vector by vector."""

    def __init__(self, build: Build, x: Activations) -> None:
        self.build, self.x = build, x
        # Sums by how far their products must be shifted, 0 or to the right; int16x8 if relaxed, else int32x4.
        self._sums: dict[int, Expr] = {}

    def feed(self, part: Expr, word: int, shift: int) -> None:
        product = (dot_i8 if self.build.relaxed else dot_i16)(self.x.word(word), part)
        total = self._sums.get(shift)
        dtype = "int16x8" if self.build.relaxed else "int32x4"
        self._sums[shift] = pinned(dtype, product if total is None else total + product)

    def total(self) -> Expr:
        """sum_k q[r, k] x[k], int32x4."""
        result = None
        for shift, value in self._sums.items():
            lanes = pair_sums("int32x4", value) if self.build.relaxed else value
            if shift < 0:
                lanes = T.shift_right(lanes, splat_i32(-shift))
            result = lanes if result is None else result + lanes
        return result


def block_parts(build: Build, w: Memory, j: int) -> list[tuple[Expr, int, int]]:
    """Vector ``j`` taken apart: (weights ready to be multiplied, word of activations, shift of the product).

    Relaxed: 16 values below 16. Plain: 8 int16; nibbles stay where they are in the lane where that is positive, and
    their sums are shifted back at the end (shift < 0), which is exact.
    """
    vector = w.load("uint8", 16 * j, 16)
    if build.relaxed:
        mask = T.broadcast(T.uint8(15), 16)
        low = bind(T.bitwise_and(vector, mask))
        # Shifts of 16-bit lanes are one instruction, of bytes four; the mask drops the neighbour's bits.
        words = T.shift_right(as_type("uint16x8", vector), T.broadcast(T.uint16(4), 8))
        high = bind(T.bitwise_and(as_type("uint8x16", words), mask))
        return [(low, j, 0), (high, 4 + j, 0)]
    words = bind(as_type("uint16x8", vector))
    parts = []
    for s in range(3):
        part = bind(T.bitwise_and(words, T.broadcast(T.uint16(15 << (4 * s)), 8)))
        parts.append((part, activation_word(4, j, s), -4 * s))
    top = bind(T.shift_right(words, T.broadcast(T.uint16(12), 8)))
    return [*parts, (top, activation_word(4, j, 3), 0)]


class BlockProduct:
    """Products of 4-bit weights and activation blocks, as gemv.py and gemm.py want them (products.py)."""

    pointers: tuple[str, ...] = ()
    # From memory, six were 3 % faster than four, and four 25 % faster than one.
    streams = 6
    head_bytes = 0

    def __init__(self, build: Build, layout: Format, zero: Expr) -> None:
        self.build, self.layout = build, layout
        self.zero = bind(splat(T.Cast("float32", zero)))

    @staticmethod
    def block_bytes(build: Build) -> int:
        return BLOCK_BYTES[build.relaxed]

    def add(
        self,
        blocks: list[Memory],
        tokens: list[Memory],
        totals: list[list[Expr]],
        headers: list[Memory] | None = None,
    ) -> list[list[Expr]]:
        """The loop over vectors is the outer one, so that a word of activations is needed for a short time only: there
        are 16 vector registers.
        """
        activations = [Activations(self.build, token) for token in tokens]
        accumulators = [[Accumulator(self.build, x) for x in activations] for _ in blocks]
        for j in range(self.layout.weight_bytes // 16):
            for block, row in zip(blocks, accumulators, strict=True):
                for part, word, shift in block_parts(self.build, block, j):
                    for accumulator in row:
                        accumulator.feed(part, word, shift)
        results = []
        for block, row, row_totals in zip(blocks, accumulators, totals, strict=True):
            scales = Scales(self.layout, block)
            result_row = []
            for x, accumulator, total in zip(activations, row, row_totals, strict=True):
                scaled = T.Cast("float32x4", accumulator.total()) * x.factor(0)
                if scales.minimum is None:
                    scaled = scaled - self.zero * x.factor(SUM)
                result_row.append(scales.add(self.build, bind(scaled), x.factor(SUM), total))
            results.append(result_row)
        return results

    def finish(self, total: Expr, row: Expr, token: Memory) -> Expr:
        return total * splat_f32(result_factor(self.layout.half))
