"""Causal attention over the int8 cache (kv_layout.py):  out[t, h] = softmax(q[t, h] · K^T / sqrt(head_dim)) · V

q: for each token and head a float32 scale, 12 bytes unused, then ``width`` int16 (rope_append.py); K and V int8.
Scores are exact integer products times scales, softmax is float32. The sum over V is of integers within a page, with
weights rounded to int16 of the page's largest, and float32 across pages; so what a weight loses is below 2^-16 of a
neighbour, never of the whole context. Token t attends to positions 0 ... state[1] + t. Tolerance against NumPy on the
dequantized q, k, v: 1e-4 * max|v|.

A kernel serves ``heads_at_once`` query heads of one KV head, so that keys and values are unpacked once for them; a
group of more heads takes several calls. Scores of a whole context stay in the thread's scratch, so the maximum is
known before the first exponential and nothing is rescaled.

Decode splits the context into PARTS parts, by pages, and the parts of all KV heads among threads; ``attention_combine``
joins them (the identity of the online softmax, Milakov and Gimelshein 2018). The parts do not depend on the number of
threads, so neither does the result. Prefill splits the tokens, every ``threads``-th to one thread, since late tokens
take longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tvm.script.ir_builder import tirx as T

from .emit import (
    Build,
    Expr,
    Memory,
    Register,
    bind,
    dot_i16,
    exp,
    f32,
    fma,
    function,
    horizontal_max,
    horizontal_sum,
    lane,
    loop,
    offset,
    round_to_int,
    share,
    shuffle,
    splat,
    splat_f32,
    steps_per,
    zeros,
)

HEADS_AT_ONCE = (1, 2, 3, 4)
PARTS = 8
MOST_WEIGHT = 32767
LOWEST = -1e30  # finite, so that exp(LOWEST - m) is 0 and never NaN
# A part of a head: maximum, sum, 8 bytes unused, then ``width`` float32.
PART_HEADER_BYTES = 16

_SHAPE = (
    "heads", "kv_heads", "head_dim", "page_size", "page_bytes", "k_offset", "v_offset", "first_head", "scratch_stride",
)  # fmt: skip


@dataclass
class _Cache:
    """Where the pages of one KV head are, and the sizes that go with it."""

    kv: Memory
    block_table: Memory
    page_size: Expr
    page_bytes: Expr
    width: Expr
    keys: Expr  # offset of the head's keys in a page
    values: Expr

    def page(self, index: Expr, start: Expr) -> Expr:
        """Byte offset of part ``start`` of logical page ``index``; the cache stays below 2^31 bytes."""
        return offset(self.block_table.load("int32", index * 4) * self.page_bytes + start)


def attention_decode(build: Build, count: int) -> Any:
    """attention_decode_<count>(q, kv, block_table, state, scratch, parts, <shape>, thread, threads)"""

    def body(
        q: Memory,
        kv: Memory,
        block_table: Memory,
        state: Memory,
        scratch: Memory,
        parts: Memory,
        heads: Expr,
        kv_heads: Expr,
        head_dim: Expr,
        page_size: Expr,
        page_bytes: Expr,
        k_offset: Expr,
        v_offset: Expr,
        first_head: Expr,
        scratch_stride: Expr,
        thread: Expr,
        threads: Expr,
    ) -> None:
        width = bind(T.bitwise_and(head_dim + 15, -16))
        length = bind(state.load("int32", 4) + 1)
        pages = bind(T.truncdiv(length + page_size - 1, page_size))
        first_item, last_item = share(kv_heads * PARTS, thread, threads)
        group = bind(T.truncdiv(heads, kv_heads))
        head_bytes = bind(page_size * (width + 4))
        part_bytes = bind(width * 4 + PART_HEADER_BYTES)
        with loop(first_item, last_item) as item:
            kv_head = bind(T.truncdiv(item, PARTS))
            index = bind(item - kv_head * PARTS)
            begin, end = share(pages, index, T.int32(PARTS))
            inside = bind(kv_head * head_bytes)
            cache = _Cache(kv, block_table, page_size, page_bytes, width, k_offset + inside, v_offset + inside)
            head = bind(kv_head * group + first_head)
            q_start = bind(head * (width * 2 + 16))
            part = bind((index * heads + head) * part_bytes)
            maxima, sums = _weights(
                build, count, q, q_start, cache, scratch, scratch_stride * thread, head_dim, begin, end, length
            )
            for g in range(count):
                parts.store("float32", part + part_bytes * g, maxima[g])
                parts.store("float32", part + part_bytes * g + 4, sums[g])

            def put(g: int, dimension: Expr, value: Expr, part: Expr = part) -> None:
                parts.store("float32", part + part_bytes * g + PART_HEADER_BYTES + dimension * 4, value, 4)

            _values(build, count, cache, scratch, scratch_stride * thread, begin, end, length, put)

    pointers = ("q", "kv", "block_table", "state", "scratch", "parts")
    return function(f"attention_decode_{count}", pointers, (*_SHAPE, "thread", "threads"), body)


def attention_prefill(build: Build, count: int) -> Any:
    """attention_prefill_<count>(q, kv, block_table, state, scratch, out, n, <shape>, thread, threads)

    out (n, heads * head_dim) float32.
    """

    def body(
        q: Memory,
        kv: Memory,
        block_table: Memory,
        state: Memory,
        scratch: Memory,
        out: Memory,
        n: Memory,
        heads: Expr,
        kv_heads: Expr,
        head_dim: Expr,
        page_size: Expr,
        page_bytes: Expr,
        k_offset: Expr,
        v_offset: Expr,
        first_head: Expr,
        scratch_stride: Expr,
        thread: Expr,
        threads: Expr,
    ) -> None:
        width = bind(T.bitwise_and(head_dim + 15, -16))
        tokens = n.load("int32", 0)
        first = state.load("int32", 4)
        group = bind(T.truncdiv(heads, kv_heads))
        head_bytes = bind(page_size * (width + 4))
        mine = bind(T.truncdiv(tokens - thread + threads - 1, threads))
        with loop(0, kv_heads) as kv_head:
            inside = bind(kv_head * head_bytes)
            cache = _Cache(kv, block_table, page_size, page_bytes, width, k_offset + inside, v_offset + inside)
            head = bind(kv_head * group + first_head)
            with loop(0, mine) as i:
                token = bind(i * threads + thread)
                length = bind(first + token + 1)
                pages = bind(T.truncdiv(length + page_size - 1, page_size))
                q_start = bind((token * heads + head) * (width * 2 + 16))
                row = bind((token * heads + head) * head_dim * 4)
                scratch_start = scratch_stride * thread
                _, sums = _weights(
                    build, count, q, q_start, cache, scratch, scratch_start, head_dim, T.int32(0), pages, length
                )
                inverse = [bind(splat(f32(1) / s)) for s in sums]

                def put(g: int, dimension: Expr, value: Expr, row: Expr = row, inverse: Any = inverse) -> None:
                    at = row + head_dim * (4 * g)
                    _store_head(out, at, dimension, head_dim, bind(value * inverse[g]))

                _values(build, count, cache, scratch, scratch_start, T.int32(0), pages, length, put)

    pointers = ("q", "kv", "block_table", "state", "scratch", "out", "n")
    return function(f"attention_prefill_{count}", pointers, (*_SHAPE, "thread", "threads"), body)


def attention_combine(build: Build) -> Any:
    """attention_combine(parts, out, heads, head_dim, thread, threads): (PARTS, heads) -> out (heads * head_dim,)"""

    def body(parts: Memory, out: Memory, heads: Expr, head_dim: Expr, thread: Expr, threads: Expr) -> None:
        width = bind(T.bitwise_and(head_dim + 15, -16))
        part_bytes = bind(width * 4 + PART_HEADER_BYTES)
        begin, end = share(heads, thread, threads)
        with loop(begin, end) as head:
            starts = [bind((part * heads + head) * part_bytes) for part in range(PARTS)]
            peaks = [parts.load("float32", start) for start in starts]
            maximum = peaks[0]
            for peak in peaks[1:]:
                maximum = bind(T.max(maximum, peak))
            # A part without tokens has the weight exp(LOWEST - maximum), nothing.
            weights = [exp(build, splat(peak - maximum)) for peak in peaks]
            total = f32(0)
            for start, weight in zip(starts, weights, strict=True):
                total = bind(total + lane(weight, 0) * parts.load("float32", start + 4))
            inverse = bind(splat(f32(1) / total))
            with loop(0, T.truncdiv(head_dim + 3, 4)) as quad:
                value = splat_f32(0)
                for start, weight in zip(starts, weights, strict=True):
                    at = offset(start + PART_HEADER_BYTES + quad * 16)
                    value = bind(value + weight * parts.load("float32", at, 4))
                _store_head(out, (head * head_dim) * 4, quad * 4, head_dim, bind(value * inverse))

    return function("attention_combine", ("parts", "out"), ("heads", "head_dim", "thread", "threads"), body)


def _store_head(out: Memory, row: Expr, dimension: Expr, head_dim: Expr, value: Expr) -> None:
    """Four dimensions of a head. The last vector may reach past head_dim, where the next head is."""
    at = bind(row + dimension * 4)
    with T.If(dimension + 4 <= head_dim):
        with T.Then():
            out.store("float32", at, value, 4)
        with T.Else():
            for k in range(4):
                with T.If(dimension + k < head_dim), T.Then():
                    out.store("float32", at + 4 * k, lane(value, k))


def _weights(
    build: Build,
    count: int,
    q: Memory,
    q_start: Expr,
    cache: _Cache,
    scratch: Memory,
    scratch_start: Expr,
    head_dim: Expr,
    begin: Expr,
    end: Expr,
    length: Expr,
) -> tuple[list[Expr], list[Expr]]:
    """Scores of pages [begin, end), then exp(score - max) * scale of V, into scratch (pages, count, page_size).

    Returns the maximum and the sum of exp for each head. A page's weights of one head end up as int16, and behind them
    the float32 that one step of them stands for.
    """
    page_size, width = cache.page_size, cache.width
    q_bytes = bind(width * 2 + 16)
    root = bind(f32(1) / T.sqrt(T.Cast("float32", head_dim)))
    factors = [bind(splat(q.load("float32", q_start + q_bytes * g) * root)) for g in range(count)]
    start = bind(scratch_start)
    maxima = [Register(splat_f32(LOWEST), "float32x4") for _ in range(count)]
    quads = bind(T.truncdiv(page_size, 4))
    with loop(begin, end) as page:
        keys = cache.page(page, cache.keys)
        with loop(0, quads) as quad:
            row = offset(keys + page_size * 4 + quad * 4 * width)
            # Two tokens at a time: the sums of more do not fit into the registers.
            pairs = [
                _products(count, cache.kv, offset(row + width * 2 * i), width, q, q_start, q_bytes) for i in (0, 1)
            ]
            position = bind(page * page_size + quad * 4)
            scales = cache.kv.load("float32", offset(keys + quad * 16), 4)
            inside = splat(position) + T.ramp(T.int32(0), 1, 4) < splat(length)
            for g in range(count):
                integers = _transposed_sum([*pairs[0][g], *pairs[1][g]])
                score = T.Cast("float32x4", integers) * scales * factors[g]
                masked = bind(T.Select(inside, score, splat_f32(LOWEST)))
                maxima[g].set(T.max(maxima[g].get(), masked))
                scratch.store("float32", start + (page * count + g) * page_size * 4 + quad * 16, masked, 4)
    peaks = [bind(horizontal_max(m.get())) for m in maxima]
    totals = [Register(splat_f32(0), "float32x4") for _ in range(count)]
    with loop(begin, end) as page:
        values = cache.page(page, cache.values)
        for g in range(count):
            tile = bind(start + (page * count + g) * page_size * 4)
            largest = Register(splat_f32(0), "float32x4")
            with loop(0, quads) as quad:
                at = bind(tile + quad * 16)
                weight = exp(build, scratch.load("float32", at, 4) - splat(peaks[g]))
                totals[g].add(weight)
                scaled = weight * cache.kv.load("float32", offset(values + quad * 16), 4)
                # Beyond the length a page holds rubbish, which need not even be a number.
                inside = splat(page * page_size + quad * 4) + T.ramp(T.int32(0), 1, 4) < splat(length)
                kept = bind(T.Select(inside, scaled, splat_f32(0)))
                largest.set(T.max(largest.get(), kept))
                scratch.store("float32", at, kept, 4)
            peak = horizontal_max(largest.get())
            inverse = steps_per(peak, MOST_WEIGHT)
            # In place: an int16 is written where a float32 before it was read.
            with loop(0, quads) as quad:
                integers = round_to_int(scratch.load("float32", tile + quad * 16, 4) * inverse)
                scratch.store("int16", tile + quad * 8, T.Cast("int16x4", integers), 4)
            scratch.store("float32", tile + page_size * 2, peak * f32(1 / MOST_WEIGHT))
    return peaks, [bind(horizontal_sum(t.get())) for t in totals]


def _products(
    count: int, kv: Memory, row: Expr, width: Expr, q: Memory, q_start: Expr, q_bytes: Expr
) -> list[list[Expr]]:
    """[head][token] of the two tokens whose keys are at ``row``: int32x4 whose lanes add up to q · k."""
    sums = [[Register(zeros("int32", 4), "int32x4") for _ in range(2)] for _ in range(count)]
    with loop(0, T.truncdiv(width, 16)) as chunk:
        halves = []
        for token in range(2):
            vector = kv.load("int8", offset(row + width * token + chunk * 16), 16)
            halves.append([bind(T.Cast("int16x8", T.Shuffle([vector], list(range(h, h + 8))))) for h in (0, 8)])
        for g in range(count):
            at = offset(q_start + q_bytes * g + 16 + chunk * 32)
            low, high = q.load("int16", at, 8), q.load("int16", at + 16, 8)
            for token, (key_low, key_high) in enumerate(halves):
                sums[g][token].add(bind(dot_i16(key_low, low)) + dot_i16(key_high, high))
    return [[bind(s.get()) for s in row_sums] for row_sums in sums]


def _values(
    build: Build,
    count: int,
    cache: _Cache,
    scratch: Memory,
    scratch_start: Expr,
    begin: Expr,
    end: Expr,
    length: Expr,
    put: Any,
) -> None:
    """put(g, dimension, sum over positions of weight * q of V), for each head and four dimensions at a time."""
    page_size, width = cache.page_size, cache.width
    start = bind(scratch_start)
    with loop(0, T.truncdiv(width, 16)) as chunk:
        sums = [[Register(splat_f32(0), "float32x4") for _ in range(4)] for _ in range(count)]
        with loop(begin, end) as page:
            rows = offset(cache.page(page, cache.values) + page_size * 4 + chunk * 32)
            tile = offset(start + page * count * page_size * 4)
            tokens = T.min(page_size, length - page * page_size)
            integers = [[Register(zeros("int32", 4), "int32x4") for _ in range(4)] for _ in range(count)]
            with loop(0, T.truncdiv(tokens + 1, 2)) as pair:
                at = offset(rows + pair * 2 * width)
                weights = [scratch.splat("int32", offset(tile + page_size * 4 * g + pair * 4)) for g in range(count)]
                for part in range(4):
                    # Four dimensions of two tokens.
                    both = bind(T.Cast("int16x8", cache.kv.load("int8", at + 8 * part, 8)))
                    for g in range(count):
                        integers[g][part].add(dot_i16(both, weights[g]))
            for g in range(count):
                factor = scratch.splat("float32", tile + page_size * 4 * g + page_size * 2)
                for part in range(4):
                    number = T.Cast("float32x4", integers[g][part].get())
                    sums[g][part].set(fma(build, number, factor, sums[g][part].get()))
        for g in range(count):
            for part in range(4):
                put(g, bind(chunk * 16 + part * 4), sums[g][part].get())


def _transposed_sum(vectors: list[Expr]) -> Expr:
    """Lane i is the sum of the lanes of vector i."""
    a, b, c, d = (bind(v) for v in vectors)
    ab = bind(shuffle(a, b, (0, 1, 4, 5)) + shuffle(a, b, (2, 3, 6, 7)))
    cd = bind(shuffle(c, d, (0, 1, 4, 5)) + shuffle(c, d, (2, 3, 6, 7)))
    return bind(shuffle(ab, cd, (0, 2, 4, 6)) + shuffle(ab, cd, (1, 3, 5, 7)))
