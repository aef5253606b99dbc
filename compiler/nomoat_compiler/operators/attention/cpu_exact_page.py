"""cpu_page.py for exact caches: keys and values float16, queries, weights and sums float32.

A float16 becomes a float32 that is 2^112 too small by moving its bits. The factor is in what it is multiplied with, so
that it costs nothing: queries and weights are stored times 2^96, and products are in units of PRODUCT_UNIT = 2^-16. So
queries may be as large as 2^32; beyond that results are infinite, not wrong. Of the scratch differ

    queries    (width, count) vectors: a dimension of q in every lane
    weights    (16, count) vectors: the weight of a token in every lane
"""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from ..cpu.emit import (
    HALF_SCALE,
    Expr,
    Memory,
    Register,
    as_type,
    bind,
    f32,
    fma,
    half_bits,
    lane,
    loop,
    splat,
    splat_f32,
)
from ..cpu.kv_layout import HALF_BYTES, PAGE_TOKENS, SCALES_BYTES, V_BYTES, V_DIMENSIONS
from .cpu_page import Pages, Scratch, page_weights, value_scales

PRODUCT_UNIT = 2.0**16
FACTOR = HALF_SCALE / PRODUCT_UNIT
UNROLLED = 4  # dimensions of the loop over keys


class ExactScratch(Scratch):
    """The scratch of a thread."""

    query_bytes = 16
    weight_vectors = PAGE_TOKENS

    def spread(self, heads: list[Memory], head_dim: Expr) -> None:
        """Writes the queries, and zeros up to ``width``."""
        for g, head in enumerate(heads):
            with loop(0, head_dim) as j:
                value = bind(splat(head.load("float32", j * 4) * f32(FACTOR)))
                self.queries.store("float32", j * (self.count * 16) + g * 16, value, 4)
            with loop(head_dim, self.width) as j:
                self.queries.store("float32", j * (self.count * 16) + g * 16, splat_f32(0), 4)


def exact_scores(
    scratch: Scratch, pages: Pages, page: Expr, first: Expr, length: Expr, factors: list[Expr], peaks: list[Register]
) -> None:
    """Writes the scores of a page, LOWEST where there is no token, and raises ``peaks``, a maximum in each lane."""
    count, build = scratch.count, scratch.build
    keys = pages.page(page, pages.keys)
    bounds = scratch.bounds(page, length)
    biases = scratch.biases(page, first, length)
    scores = scratch.page_scores(page)
    row = PAGE_TOKENS * HALF_BYTES
    for half in (0, 1):
        sums = [[Register(splat_f32(0), "float32x4") for _ in (0, 1)] for _ in range(count)]
        with loop(0, T.truncdiv(scratch.width, UNROLLED)) as block:
            rows = keys.at(block * (UNROLLED * row) + (SCALES_BYTES + 16 * half))
            queries = scratch.queries.at(block * (UNROLLED * count * 16))
            for j in range(UNROLLED):
                quads = half_bits(rows.load("int16", j * row, 8))
                for g in range(count):
                    query = queries.load("float32", (j * count + g) * 16, 4)
                    for total, quad in zip(sums[g], quads, strict=True):
                        total.set(fma(build, quad, query, total.get()))
        for i in (0, 1):
            at = (2 * half + i) * 16
            mask = bounds.load("int32", at, 4)
            bias = biases.load("float32", at, 4)
            scale = bind(as_type("float32x4", T.bitwise_and(keys.load("int32", at, 4), mask)))
            for g in range(count):
                score = bind(fma(build, bind(sums[g][i].get() * scale), factors[g], bias))
                peaks[g].set(T.max(peaks[g].get(), score))
                scores.store("float32", g * PAGE_TOKENS * 4 + at, score, 4)


def exact_values(
    scratch: Scratch, pages: Pages, page: Expr, length: Expr, peaks: list[Expr], totals: list[Register]
) -> None:
    """Adds weights * V of a page to the sums, and the weights, 2^(score - peak), to ``totals``."""
    count, build = scratch.count, scratch.build
    values = pages.page(page, pages.values)
    bounds = scratch.bounds(page, length)
    scores = scratch.page_scores(page)
    constants = scratch.exp2_constants()
    scales = [bind(scale * splat_f32(FACTOR)) for scale in value_scales(values, bounds)]
    for g in range(count):
        weights = page_weights(scratch, scores, g, peaks[g], scales, totals[g], constants)
        for token in range(PAGE_TOKENS):
            weight = bind(splat(lane(weights[token // 4], token % 4)))
            scratch.weights.store("float32", (token * count + g) * 16, weight, 4)
    with loop(0, T.truncdiv(scratch.width, V_DIMENSIONS)) as chunk:
        rows = values.at(chunk * (V_BYTES * HALF_BYTES) + SCALES_BYTES)
        sums = [[Register(splat_f32(0), "float32x4") for _ in (0, 1)] for _ in range(count)]
        for token in range(PAGE_TOKENS):
            halves = half_bits(rows.load("int16", token * (V_DIMENSIONS * HALF_BYTES), 8))
            for g in range(count):
                weight = scratch.weights.load("float32", (token * count + g) * 16, 4)
                for total, half in zip(sums[g], halves, strict=True):
                    total.set(fma(build, half, weight, total.get()))
        for g in range(count):
            own = scratch.head_sums(g).at(chunk * (V_DIMENSIONS * 4))
            for i in (0, 1):
                at = 16 * i
                own.store(
                    "float32", at, fma(build, sums[g][i].get(), splat_f32(PRODUCT_UNIT), own.load("float32", at, 4)), 4
                )
