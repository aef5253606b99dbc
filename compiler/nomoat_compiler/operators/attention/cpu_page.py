"""What attention does with one page of one KV head: scores from its keys, then the weighted sum of its values.

``count`` query heads share the KV head, so that keys and values are unpacked once for them. All arithmetic between
vectors is on whole lanes (kv_layout.py). What a thread keeps between pages is in its scratch:

    bounds     32 int32 masks, -1 then 0, and 32 float32, 0 then LOWEST: a window of 16 of each says which of a page's
               tokens there are, without a branch and whatever the page holds behind them
    edge       16 float32, 0 or LOWEST: in place of the latter for the page where a window begins
    constants  of 2^x. V8 makes a constant vector with three instructions, anew at every use; a load is one
    queries    (width / 2, count) vectors: a pair of dimensions of q in every lane
    sums       (count, width) float32: what the pages so far add to the result
    weights    (8, count) vectors: the weights of a pair of tokens, int16, in every lane
    scores     (pages, count, 16) float32
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tvm.script.ir_builder import tirx as T

from ..cpu.emit import (
    Build,
    Expr,
    Memory,
    Register,
    as_type,
    bind,
    dot_i16,
    f32,
    fma,
    horizontal_max,
    loop,
    narrow,
    shuffle,
    splat,
    splat_f32,
    splat_i32,
    steps_per,
    when,
    zeros,
)
from ..cpu.exponential import EXP2_CONSTANTS, exp2, tanh
from ..cpu.kv_layout import PAGE_TOKENS, QUERY_HEADER_BYTES, SCALES_BYTES, V_BYTES, V_DIMENSIONS

LOWEST = -1e30  # finite, so that LOWEST minus a maximum never is NaN
MOST_WEIGHT = 32767
QUADS = PAGE_TOKENS // 4
PAIRS = PAGE_TOKENS // 2
PAGE_SHIFT = PAGE_TOKENS.bit_length() - 1

_BIAS = 128
_EDGE = 256
_CONSTANTS = _EDGE + PAGE_TOKENS * 4
_QUERIES = _CONSTANTS + 16 * len(EXP2_CONSTANTS)


def bytes_per_dimension(*, exact: bool) -> int:
    """Of the scratch for each head: queries and sums."""
    return (16 if exact else 8) + 4


def scratch_bytes(count: int, *, exact: bool) -> int:
    """Bytes of a thread's scratch for ``count`` heads, without bytes_per_dimension * count * width and the scores."""
    return _QUERIES + count * (PAGE_TOKENS if exact else PAIRS) * 16


@dataclass
class Pages:
    """The pages of one KV head. The block table holds the place of each, in units of ``head_bytes``."""

    kv: Memory
    block_table: Memory
    head_bytes: Expr
    keys: Expr  # offset of the head's keys at place 0
    values: Expr

    def page(self, index: Expr, start: Expr) -> Memory:
        """Page ``index`` of the keys or values that begin at ``start``."""
        return self.kv.at(self.block_table.load("int32", index * 4) * self.head_bytes + start)


class Scratch:
    """One thread's scratch, and where in it everything is."""

    query_bytes = 8  # of a dimension
    weight_vectors = PAIRS  # of a head

    def __init__(self, build: Build, memory: Memory, start: Expr, count: int, width: Expr) -> None:
        self.build, self.count, self.width = build, count, width
        self.own = memory.at(start)
        self.queries = self.own.at(T.int32(_QUERIES))
        self.sums = self.queries.at(width * (self.query_bytes * count))
        self.weights = self.sums.at(width * (4 * count))
        self.scores = self.weights.at(T.int32(count * self.weight_vectors * 16))

    def prepare(self) -> None:
        """Writes bounds and constants."""
        for first, (mask, bias) in ((0, (-1, 0.0)), (PAGE_TOKENS, (0, LOWEST))):
            for quad in range(QUADS):
                at = (first + 4 * quad) * 4
                self.own.store("int32", at, splat_i32(mask), 4)
                self.own.store("float32", _BIAS + at, splat_f32(bias), 4)
        for i, value in enumerate(EXP2_CONSTANTS):
            self.own.store("float32", _CONSTANTS + 16 * i, splat_f32(value), 4)

    def exp2_constants(self) -> list[Expr]:
        return [self.own.load("float32", _CONSTANTS + 16 * i, 4) for i in range(len(EXP2_CONSTANTS))]

    def bounds(self, page: Expr, length: Expr) -> Memory:
        """The masks of a page's tokens."""
        tokens = T.min(length - page * PAGE_TOKENS, T.int32(PAGE_TOKENS))
        return self.own.at((PAGE_TOKENS - tokens) * 4)

    def bound_first(self, first: Expr, length: Expr) -> None:
        """Writes the edge: the biases of the page of token ``first``, behind and before which none is seen."""
        start = bind(first - T.bitwise_and(first, PAGE_TOKENS - 1))
        for quad in range(QUADS):
            position = bind(splat(start) + T.ramp(T.int32(4 * quad), 1, 4))
            seen = T.bitwise_and(position >= splat(first), position < splat(length))
            self.own.store("float32", _EDGE + 16 * quad, T.Select(seen, splat_f32(0), splat_f32(LOWEST)), 4)

    def biases(self, page: Expr, first: Expr, length: Expr) -> Memory:
        """16 float32: 0 for the page's tokens that are seen, LOWEST for others."""
        tokens = T.min(length - page * PAGE_TOKENS, T.int32(PAGE_TOKENS))
        usual = (PAGE_TOKENS - tokens) * 4 + _BIAS
        return self.own.at(T.Select(page == T.shift_right(first, PAGE_SHIFT), T.int32(_EDGE), usual))

    def page_scores(self, page: Expr) -> Memory:
        return self.scores.at(page * (self.count * PAGE_TOKENS * 4))

    def head_sums(self, g: int) -> Memory:
        """(width,) float32"""
        return self.sums.at(self.width * (4 * g))

    def spread(self, heads: list[Memory], head_dim: Expr) -> None:
        """Writes the queries, which are padded."""
        for g, head in enumerate(heads):
            with loop(0, T.truncdiv(self.width, 2)) as pair:
                value = head.splat("int32", pair * 4 + QUERY_HEADER_BYTES)
                self.queries.store("int32", pair * (self.count * 16) + g * 16, value, 4)

    def clear(self) -> None:
        """Clears the sums."""
        with loop(0, T.truncdiv(self.width * self.count, 4)) as quad:
            self.sums.store("float32", quad * 16, splat_f32(0), 4)


class Scores:
    """From products of queries and keys to scores in units of ln 2, by the bits of scale and softcap; softcap 0: none.

    Where there is a softcap, scores come in its units first, and ``capped`` makes the others of them.
    """

    def __init__(self, scale_bits: Expr, softcap_bits: Expr) -> None:
        scale, softcap = (T.reinterpret("float32", bits) for bits in (scale_bits, softcap_bits))
        self.is_capped = softcap_bits != 0
        unit = Register(T.float32(math.log2(math.e)), "float32")
        with when(self.is_capped):
            unit.set(f32(1) / softcap)
        self._scale = bind(scale * unit.get())
        self._softcap = bind(splat(softcap * f32(math.log2(math.e))))

    def factor(self, query_scale: Expr) -> Expr:
        """What the products of a query, whose integers have this scale, are multiplied with."""
        return bind(splat(query_scale * self._scale))

    def capped(self, build: Build, score: Expr) -> Expr:
        """float32x4; what is LOWEST stays."""
        return bind(T.Select(score > splat_f32(LOWEST / 2), self._softcap * tanh(build, score), splat_f32(LOWEST)))

    def cap_page(self, scratch: Scratch, page: Expr) -> None:
        """Caps the scores that page_scores wrote."""
        scores = scratch.page_scores(page)
        with loop(0, scratch.count * QUADS) as quad:
            scores.store("float32", quad * 16, self.capped(scratch.build, scores.load("float32", quad * 16, 4)), 4)


def page_scores(
    scratch: Scratch, pages: Pages, page: Expr, first: Expr, length: Expr, factors: list[Expr], peaks: list[Register]
) -> None:
    """Writes the scores of a page, LOWEST where there is no token, and raises ``peaks``, a maximum in each lane."""
    count = scratch.count
    keys = pages.page(page, pages.keys)
    bounds = scratch.bounds(page, length)
    biases = scratch.biases(page, first, length)
    scores = scratch.page_scores(page)
    for half in (0, 1):
        sums = [[Register(zeros("int32", 4), "int32x4") for _ in (0, 1)] for _ in range(count)]
        with loop(0, T.truncdiv(scratch.width, 8)) as block:
            rows = keys.at(block * (8 * PAGE_TOKENS) + (SCALES_BYTES + 16 * half))
            queries = scratch.queries.at(block * (4 * count * 16))
            for pair in range(4):
                quads = [bind(T.Cast("int16x8", rows.load("int8", 2 * PAGE_TOKENS * pair + 8 * i, 8))) for i in (0, 1)]
                for g in range(count):
                    query = queries.load("int16", (pair * count + g) * 16, 8)
                    for i, quad in enumerate(quads):
                        sums[g][i].add_in_order(dot_i16(quad, query))
        for i in (0, 1):
            at = (2 * half + i) * 16
            mask = bounds.load("int32", at, 4)
            bias = biases.load("float32", at, 4)
            scale = bind(as_type("float32x4", T.bitwise_and(keys.load("int32", at, 4), mask)))
            for g in range(count):
                score = bind(fma(scratch.build, T.Cast("float32x4", sums[g][i].get()) * scale, factors[g], bias))
                peaks[g].set(T.max(peaks[g].get(), score))
                scores.store("float32", g * PAGE_TOKENS * 4 + at, score, 4)


def page_weights(
    scratch: Scratch, scores: Memory, g: int, peak: Expr, scales: list[Expr], total: Register, constants: list[Expr]
) -> list[Expr]:
    """2^(score - peak) of head ``g``, which ``total`` gets, times the scales of V: of four tokens each."""
    weights = []
    for quad in range(QUADS):
        score = scores.load("float32", (g * PAGE_TOKENS + quad * 4) * 4, 4)
        weight = exp2(scratch.build, bind(score - splat(peak)), constants)
        total.add(weight)
        weights.append(bind(weight * scales[quad]))
    return weights


def value_scales(values: Memory, bounds: Memory) -> list[Expr]:
    """The scales of a page of V, 0 where there is no token."""
    scales = []
    for quad in range(QUADS):
        mask = bounds.load("int32", quad * 16, 4)
        scales.append(bind(as_type("float32x4", T.bitwise_and(values.load("int32", quad * 16, 4), mask))))
    return scales


def page_values(
    scratch: Scratch, pages: Pages, page: Expr, length: Expr, peaks: list[Expr], totals: list[Register]
) -> None:
    """Adds weights * V of a page to the sums, and the weights, 2^(score - peak), to ``totals``.

    The weights times the scales of V become int16, in steps of the page's largest.
    """
    count, build = scratch.count, scratch.build
    values = pages.page(page, pages.values)
    bounds = scratch.bounds(page, length)
    scores = scratch.page_scores(page)
    constants = scratch.exp2_constants()
    scales = value_scales(values, bounds)
    steps = []
    for g in range(count):
        weights = page_weights(scratch, scores, g, peaks[g], scales, totals[g], constants)
        pairs = [bind(T.max(weights[i], weights[i + 1])) for i in range(0, QUADS, 2)]
        largest = horizontal_max(bind(T.max(pairs[0], pairs[1])))
        inverse = steps_per(largest, MOST_WEIGHT)
        steps.append(bind(splat(largest * f32(1 / MOST_WEIGHT))))
        rounder = constants[1]
        integers = [
            bind(as_type("int32x4", bind(fma(build, w, inverse, rounder))) - as_type("int32x4", rounder))
            for w in weights
        ]
        for i in range(0, QUADS, 2):
            both = bind(as_type("int32x4", narrow(integers[i], integers[i + 1])))
            for k in range(4):
                at = ((2 * i + k) * count + g) * 16
                scratch.weights.store("int32", at, shuffle(both, both, (k, k, k, k)), 4)
    with loop(0, T.truncdiv(scratch.width, V_DIMENSIONS)) as chunk:
        rows = values.at(chunk * V_BYTES + SCALES_BYTES)
        sums = [[Register(zeros("int32", 4), "int32x4") for _ in (0, 1)] for _ in range(count)]
        for pair in range(PAIRS):
            halves = [bind(T.Cast("int16x8", rows.load("int8", 16 * pair + 8 * i, 8))) for i in (0, 1)]
            for g in range(count):
                weight = scratch.weights.load("int16", (pair * count + g) * 16, 8)
                for i, half in enumerate(halves):
                    sums[g][i].add_in_order(dot_i16(half, weight))
        for g in range(count):
            own = scratch.head_sums(g).at(chunk * (V_DIMENSIONS * 4))
            for i in (0, 1):
                number = T.Cast("float32x4", sums[g][i].get())
                own.store("float32", 16 * i, fma(build, number, steps[g], own.load("float32", 16 * i, 4)), 4)
