"""The inner product of blocks of quads (blocks.py) and of activations (activations.py): weights of 2, 3, 5 and 6 bits,
and of 4 bits with integer scales or a codebook.

    sum = sum over groups of integer scale * (q - zero) · x                         integers but for the zero
    y  += super_scale * x_scale * sum + super_minimum * integer minimum * sum of x

An integer scale costs nothing: it is the factor with which sums of 16 bits are added up to 32. int16 holds a sum of as
many products of two as the bits allow; where that is fewer than a group has, it is added up in between.
"""

from __future__ import annotations

from collections.abc import Iterator

from tvm.script.ir_builder import tirx as T

from ...scheme import QUAD_FIELDS
from ..cpu.activations import BLOCK_BYTES, HALF_SUMS, SUM, activation_word, result_factor
from ..cpu.blocks import Format, codebook_zero
from ..cpu.emit import (
    Build,
    Expr,
    Memory,
    as_type,
    bind,
    dot_i8,
    dot_i16,
    fma,
    pair_sums,
    pinned,
    shuffle,
    splat,
    splat_f32,
    splat_i32,
    swizzle,
)
from ..cpu.quads import NIBBLE_FIELDS, codebook_numbers, table_vector
from .cpu_block_product import Activations, Scales

LOW, HIGH = [0, 1, 2, 3], [4, 5, 6, 7]
# Blocks whose quads are taken apart side by side: more need more registers than there are.
SIDE_BY_SIDE = 2


def quad_steps(build: Build, layout: Format, w: Memory) -> Iterator[list[tuple[int, Expr]]]:
    """Vector by vector of a block: the quads whose last bits are in it, (quad, uint8x16 of q)."""
    fields = QUAD_FIELDS.get(layout.bits, NIBBLE_FIELDS)
    found: dict[int, Expr] = {}
    for vector in range(layout.bits):
        loaded = w.load("uint8", 16 * vector, 16)
        done = []
        for quad, pieces in enumerate(fields):
            low = 0
            for word, bit, width in pieces:
                if word == vector:
                    piece = _moved(loaded, bit - low, ((1 << width) - 1) << low)
                    found[quad] = bind(T.bitwise_or(found[quad], piece)) if quad in found else piece
                low += width
            if vector == max(word for word, _, _ in pieces):
                done.append((quad, found.pop(quad)))
        yield done


def _moved(vector: Expr, right: int, mask: int) -> Expr:
    """Bytes moved ``right`` by bits, and what ``mask`` leaves of them. Shifts of 16-bit lanes are one instruction, of
    bytes four; the mask drops the neighbour's bits.
    """
    words = as_type("uint16x8", vector)
    if right > 0:
        words = T.shift_right(words, T.broadcast(T.uint16(right), 8))
    elif right < 0:
        words = T.shift_left(words, T.broadcast(T.uint16(-right), 8))
    return bind(T.bitwise_and(as_type("uint8x16", words), T.broadcast(T.uint8(mask), 16)))


class Numbers:
    """What q stands for, as unsigned numbers in one or two digits: (their shift, uint8x16 of q -> digit)."""

    def __init__(self, build: Build, layout: Format) -> None:
        self.build = build
        self.largest = (1 << layout.bits) - 1
        self.tables: list[tuple[int, Expr]] = []
        if layout.codebook is None:
            return
        numbers = codebook_numbers(layout)
        self.largest = int(numbers.max())
        # Relaxed SIMD multiplies numbers below 128.
        if build.relaxed and self.largest > 127:
            self.largest = 15
            self.tables = [(0, table_vector(numbers % 16)), (4, table_vector(numbers // 16))]
        else:
            self.tables = [(0, table_vector(numbers))]

    def digits(self, q: Expr) -> list[tuple[int, Expr]]:
        if not self.tables:
            return [(0, q)]
        return [(shift, bind(swizzle(self.build, table, q))) for shift, table in self.tables]


class IntegerScales:
    """The integer scales of a block: int16x8 or int32x4 to multiply sums with, and float32x4 of scales and minimums."""

    def __init__(self, layout: Format, w: Memory) -> None:
        at = layout.weight_bytes
        signed = "int8" if layout.scales == "int8" else "uint8"
        if layout.integers == 1:
            row = as_type("int8x16", w.splat("int32", at))
            pairs = [bind(T.Cast("int16x8", T.Shuffle([row], list(range(8)))))]
        else:
            pairs = [bind(T.Cast("int16x8", w.load(signed, at + 8 * i, 8))) for i in range(layout.integers // 2)]
        # (vector, lanes) of each group
        self._minimums: list[tuple[Expr, list[int]]] = []
        if layout.scales == "uint4":
            low = bind(T.bitwise_and(pairs[0], T.broadcast(T.int16(15), 8)))
            high = bind(T.shift_right(pairs[0], T.broadcast(T.int16(4), 8)))
            self._scales, self._minimums = [(low, LOW), (low, HIGH)], [(high, LOW), (high, HIGH)]
        elif layout.minimum:
            self._scales = [(pair, LOW) for pair in pairs]
            self._minimums = [(pair, HIGH) for pair in pairs]
        else:
            self._scales = [(pairs[0], LOW), (pairs[0], HIGH)][: layout.groups]

    def for_pairs(self, group: int) -> Expr:
        """int16x8: the scale of each row twice."""
        vector, lanes = self._scales[group]
        return bind(shuffle(vector, vector, [lane for lane in lanes for _ in range(2)]))

    def for_rows(self, group: int) -> Expr:
        """int32x4"""
        return _wide(*self._scales[group])

    def scale(self, group: int) -> Expr:
        return bind(T.Cast("float32x4", _wide(*self._scales[group])))

    def minimum(self, group: int) -> Expr:
        return bind(T.Cast("float32x4", _wide(*self._minimums[group])))


def _wide(vector: Expr, lanes: list[int]) -> Expr:
    return T.Cast("int32x4", T.Shuffle([vector], lanes))


class QuadAccumulator:
    """sum over quads of (integer scale *) q · x of one token and the 4 rows of one block."""

    def __init__(self, build: Build, layout: Format, x: Activations, largest: int, scales: list[Expr] | None) -> None:
        self.build, self.layout, self.x, self.scales = build, layout, x, scales
        # Sums of two products each that int16 holds.
        self.most = 32767 // (2 * 127 * largest)
        self.short: dict[tuple[int, int], tuple[Expr, int]] = {}  # (group, shift): sums of 16 bits, how many
        self.long: dict[tuple[int, int], Expr] = {}

    def feed(self, quad: int, shift: int, digit: Expr) -> None:
        key = (quad * 4 // self.layout.group_size, shift)
        if not self.build.relaxed:
            words = as_type("uint16x8", digit)
            even = T.bitwise_and(words, T.broadcast(T.uint16(255), 8))
            odd = T.shift_right(words, T.broadcast(T.uint16(8), 8))
            for part, values in enumerate((even, odd)):
                self._add(key, dot_i16(self.x.word(activation_word(8, quad, part)), bind(values)))
            return
        product = dot_i8(self.x.word(quad), digit)
        total, count = self.short.pop(key, (None, 0))
        total = pinned("int16x8", product if total is None else total + product)
        if count + 1 < self.most:
            self.short[key] = (total, count + 1)
        else:
            self._widen(key, total)

    def total(self) -> Expr:
        """int32x4"""
        for key, (total, _) in list(self.short.items()):
            self._widen(key, total)
        result = None
        for (group, shift), value in sorted(self.long.items(), key=lambda item: item[0]):
            if self.scales is not None and not self.build.relaxed:
                value = value * self.scales[group]
            if shift:
                value = T.shift_left(value, splat_i32(shift))
            result = value if result is None else bind(result + value)
        return result

    def _widen(self, key: tuple[int, int], total: Expr) -> None:
        scales = self.scales
        self._add(key, pair_sums("int32x4", total) if scales is None else dot_i16(total, scales[key[0]]))

    def _add(self, key: tuple[int, int], value: Expr) -> None:
        # What is scaled already needs no sum of its own.
        key = (0 if self.build.relaxed else key[0], key[1])
        before = self.long.get(key)
        self.long[key] = pinned("int32x4", value if before is None else before + value)


class QuadProduct:
    """As gemv.py and gemm.py want it (products.py)."""

    pointers: tuple[str, ...] = ()
    streams = 4
    head_bytes = 0

    def __init__(self, build: Build, layout: Format, zero: Expr) -> None:
        self.build, self.layout = build, layout
        self.numbers = Numbers(build, layout)
        zero_point = codebook_zero(layout.codebook) if layout.codebook else zero
        self.zero = bind(splat(T.Cast("float32", zero_point)))

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
        results = []
        for first in range(0, len(blocks), SIDE_BY_SIDE):
            some = slice(first, first + SIDE_BY_SIDE)
            results += self._add_some(blocks[some], tokens, totals[some], headers[some] if headers else None)
        return results

    def finish(self, total: Expr, row: Expr, token: Memory) -> Expr:
        return total * splat_f32(result_factor(self.layout.half))

    def _add_some(
        self, blocks: list[Memory], tokens: list[Memory], totals: list[list[Expr]], headers: list[Memory] | None
    ) -> list[list[Expr]]:
        layout = self.layout
        activations = [Activations(self.build, token) for token in tokens]
        scales = [IntegerScales(layout, block) for block in blocks] if layout.integer else None
        accumulators = []
        for index in range(len(blocks)):
            factors = None
            if scales is not None:
                make = scales[index].for_pairs if self.build.relaxed else scales[index].for_rows
                factors = [make(group) for group in range(layout.groups)]
            accumulators.append(
                [QuadAccumulator(self.build, layout, x, self.numbers.largest, factors) for x in activations]
            )
        for step in zip(*(quad_steps(self.build, layout, block) for block in blocks), strict=True):
            for row, quads in zip(accumulators, step, strict=True):
                for quad, q in quads:
                    for shift, digit in self.numbers.digits(q):
                        for accumulator in row:
                            accumulator.feed(quad, shift, digit)
        results = []
        for index, (block, row, row_totals) in enumerate(zip(blocks, accumulators, totals, strict=True)):
            sums = [bind(T.Cast("float32x4", accumulator.total())) for accumulator in row]
            if scales is not None and headers is not None:
                results.append(self._with_integers(scales[index], headers[index], activations, sums, row_totals))
            else:
                results.append(self._with_floats(Scales(layout, block), activations, sums, row_totals))
        return results

    def _with_floats(
        self, scales: Scales, activations: list[Activations], sums: list[Expr], totals: list[Expr]
    ) -> list[Expr]:
        results = []
        for x, integer, total in zip(activations, sums, totals, strict=True):
            scaled = integer * x.factor(0)
            if scales.minimum is None:
                scaled = scaled - self.zero * x.factor(SUM)
            results.append(scales.add(self.build, bind(scaled), x.factor(SUM), total))
        return results

    def _with_integers(
        self,
        scales: IntegerScales,
        header: Memory,
        activations: list[Activations],
        sums: list[Expr],
        totals: list[Expr],
    ) -> list[Expr]:
        build, layout = self.build, self.layout
        kind = scales.minimum if layout.minimum else scales.scale
        lows = [kind(group) for group in range(layout.groups)]
        places = HALF_SUMS if layout.groups == 2 else (SUM,)
        super_scale = header.load("float32", 0, 4)
        super_minimum = header.load("float32", 16, 4) if layout.minimum else None
        results = []
        for x, integer, total in zip(activations, sums, totals, strict=True):
            # What the minimums, or the zero point of each group, come to.
            low = bind(lows[0] * x.factor(places[0]))
            for value, place in zip(lows[1:], places[1:], strict=True):
                low = bind(fma(build, value, x.factor(place), low))
            scaled = integer * x.factor(0)
            if super_minimum is None:
                scaled = scaled - self.zero * low
                results.append(bind(fma(build, bind(scaled), super_scale, total)))
            else:
                result = bind(fma(build, bind(scaled), super_scale, total))
                results.append(bind(fma(build, low, super_minimum, result)))
        return results
