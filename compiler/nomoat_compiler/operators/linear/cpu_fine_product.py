"""The inner product of blocks of 8-bit weights (blocks.py) and blocks of fine activations (fine_activations.py).

An 8-bit weight as such meets two parts of 6 bits, where int8 activations would want it taken apart into nibbles: as
many instructions for several tokens, fewer for one, and activations that are 16 times finer.
"""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from ..cpu.activations import activation_word
from ..cpu.blocks import ROWS, Format
from ..cpu.emit import HALF_SCALE, Build, Expr, Memory, as_type, bind, dot_i8, dot_i16, pinned, splat, splat_f32
from ..cpu.fine_activations import BLOCK_BYTES, HEAD_BYTES, PART_BITS, SUM, excess
from .cpu_block_product import Scales


def centred_zero(layout: Format, zero: Expr) -> Expr:
    """The zero point of the stored bytes, which are q - 128, in every lane. Where there are minimums, q has none."""
    return splat_f32(-128) if layout.minimum else bind(splat(T.Cast("float32", zero - 128)))


class FineProduct:
    """Products of 8-bit weights and fine activations, as gemv.py and gemm.py want them (products.py).

    ``sums`` (4 * n_blocks,) float32: sum_k W[n, k] of row n.
    """

    pointers: tuple[str, ...] = ("sums",)
    # From memory, four were 4 % faster than six.
    streams = 4
    head_bytes = HEAD_BYTES

    def __init__(self, build: Build, layout: Format, zero: Expr, sums: Memory) -> None:
        self.build, self.layout, self.sums = build, layout, sums
        self.zero = centred_zero(layout, zero)

    @staticmethod
    def block_bytes(build: Build) -> int:
        return BLOCK_BYTES

    def add(
        self,
        blocks: list[Memory],
        tokens: list[Memory],
        totals: list[list[Expr]],
        headers: list[Memory] | None = None,
    ) -> list[list[Expr]]:
        """Before the token's scale."""
        integers: list[list[Expr | None]] = [[None] * len(tokens) for _ in blocks]
        for j in range(0, 8, 2):
            for t, token in enumerate(tokens):
                if self.build.relaxed:
                    _add_relaxed(blocks, token, integers, j, t)
                else:
                    for k in (j, j + 1):
                        _add_plain(blocks, token, integers, k, t)
        results = []
        for block, row, row_totals in zip(blocks, integers, totals, strict=True):
            scales = Scales(self.layout, block)
            result_row = []
            for token, integer, total in zip(tokens, row, row_totals, strict=True):
                x_sum = token.splat("float32", SUM)
                centred = bind(T.Cast("float32x4", integer) - self.zero * x_sum)
                result_row.append(scales.add(self.build, centred, x_sum, total))
            results.append(result_row)
        return results

    def finish(self, total: Expr, row: Expr, token: Memory) -> Expr:
        """What the excess of the activations added is taken out, then comes their scale."""
        more = excess(self.build)
        result = bind(total * splat_f32(HALF_SCALE)) if self.layout.half else total
        if more:
            result = bind(result - self.sums.load("float32", row * (ROWS * 4), 4) * splat_f32(more))
        return result * token.splat("float32", 0)


def _add_relaxed(blocks: list[Memory], token: Memory, integers: list[list[Expr | None]], j: int, t: int) -> None:
    """Vectors j and j + 1. A block's sum reaches 32 * 128 * 4095, which float32 holds exactly."""
    words = [[token.splat("int32", 32 * part + 4 * k) for k in (j, j + 1)] for part in range(2)]
    for block, row in zip(blocks, integers, strict=True):
        weights = [block.load("int8", 16 * k, 16) for k in (j, j + 1)]
        for part, (first, second) in enumerate(words):
            # Four products reach 4 * 128 * 63 = 32256, so int16 holds two pairs.
            pairs = bind(dot_i8(weights[0], first) + dot_i8(weights[1], second))
            row[t] = _plus(row[t], dot_i16(pairs, T.broadcast(T.int16(1 << (PART_BITS * part)), 8)))


def _add_plain(blocks: list[Memory], token: Memory, integers: list[list[Expr | None]], k: int, t: int) -> None:
    """Vector k: the bytes of each 16-bit lane with their signs."""
    even, odd = (token.splat("int32", 4 * activation_word(8, k, part)) for part in range(2))
    eight = T.broadcast(T.int16(8), 8)
    for block, row in zip(blocks, integers, strict=True):
        both = bind(as_type("int16x8", block.load("int8", 16 * k, 16)))
        row[t] = _plus(row[t], dot_i16(T.shift_right(bind(T.shift_left(both, eight)), eight), even))
        row[t] = _plus(row[t], dot_i16(T.shift_right(both, eight), odd))


def _plus(total: Expr | None, product: Expr) -> Expr:
    return pinned("int32x4", product if total is None else total + product)
