"""Attention over the CPU's caches (kv_layout.py):  out[t, h] = softmax(capped(scale * q[t, h] · K^T)) · V

q: for each token and head a float32 scale, 12 bytes unused, then ``width`` int16 (rope_append.py); K and V int8.
Scores are exact integer products times scales, softmax is float32. The sum over V is of integers within a page, with
weights rounded to int16 of the page's largest, and float32 across pages; so what a weight loses is below 2^-16 of a
neighbour, never of the whole context. Token t attends to positions 0 ... p, p = state[1] + t; with ``window`` to
p - window + 1 ... p; ``bidirectional`` to all up to the last token of the call, or p + window - 1. Capped: softcap *
tanh(s / softcap).
Tolerance against NumPy on the dequantized q, k, v: 1e-4 * max|v|.

The kernels of exact caches read q (n, heads * head_dim) as float32, and everything is float32: 2e-5 * max|v|.

A kernel serves ``heads_at_once`` query heads of one KV head; a group of more heads takes several calls. Scores of a
whole context stay in the thread's scratch (cpu_page.py), so the maximum is known before the first exponential and
nothing is rescaled. They are in units of ln 2: exponentials are powers of 2.

Decode splits the context into PARTS parts, by pages, and the parts of all KV heads among threads; ``attention_combine``
joins them (the identity of the online softmax, Milakov and Gimelshein 2018). The parts do not depend on the number of
threads, so neither does the result. Prefill splits the tokens, every ``threads``-th to one thread, since late tokens
take longer.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from ..cpu.emit import (
    Build,
    Expr,
    Memory,
    Register,
    absolute,
    bind,
    f32,
    function,
    horizontal_max,
    horizontal_sum,
    lane,
    loop,
    offset,
    round_to_int,
    share,
    splat,
    splat_f32,
    steps_per,
    when,
)
from ..cpu.exponential import EXP2_CONSTANTS, exp2
from ..cpu.kv_layout import PAGE_TOKENS, QUERY_HEADER_BYTES, QUERY_STEPS, head_bytes, padded
from .cpu_exact_page import PRODUCT_UNIT, ExactScratch, exact_scores, exact_values
from .cpu_page import LOWEST, Pages, Scores, Scratch, page_scores, page_values

HEADS_AT_ONCE = (1, 2, 3, 4)
MOST_HEAD_DIM = 512
PARTS = 8
# A part of a head: maximum, sum, 8 bytes unused, then ``width`` float32.
PART_HEADER_BYTES = 16

_SHAPE = (
    "heads", "kv_heads", "head_dim", "scale_bits", "softcap_bits", "window", "head_stride", "k_offset", "v_offset",
    "first_head", "scratch_stride",
)  # fmt: skip


def kernels(build: Build) -> list[Any]:
    """Every kernel of attention."""
    return [
        attention_queries(),
        *(attention_decode(build, count, exact) for exact in (False, True) for count in HEADS_AT_ONCE),
        *(attention_prefill(build, count, exact) for exact in (False, True) for count in HEADS_AT_ONCE),
        attention_combine(build),
    ]


def attention_queries() -> Any:
    """attention_queries(x, q, n, heads, head_dim, thread, threads): x (n, heads * head_dim) float32 as q.

    For queries that are not rotated: rope_append does the same for those that are. Tolerance max|x| / 64000 a head.
    """

    def body(x: Memory, q: Memory, n: Memory, heads: Expr, head_dim: Expr, thread: Expr, threads: Expr) -> None:
        width = bind(padded(head_dim))
        begin, end = share(n.load("int32", 0) * heads, thread, threads)
        with loop(begin, end) as head:
            row = bind(head * head_dim * 4)

            def values(j: Expr) -> Expr:
                index = splat(j * 4) + T.ramp(T.int32(0), 1, 4)
                return bind(T.Select(index < splat(head_dim), x.load("float32", row + j * 16, 4), splat_f32(0)))

            largest = Register(splat_f32(0), "float32x4")
            with loop(0, T.truncdiv(head_dim + 3, 4)) as j:
                largest.set(T.max(largest.get(), absolute(values(j))))
            peak = horizontal_max(largest.get())
            inverse = steps_per(peak, QUERY_STEPS)
            target = bind(head * (width * 2 + QUERY_HEADER_BYTES))
            q.store("float32", target, peak * f32(1 / QUERY_STEPS))
            with loop(0, T.truncdiv(width, 4)) as j:
                integers = T.Cast("int16x4", round_to_int(values(j) * inverse))
                q.store("int16", target + QUERY_HEADER_BYTES + j * 8, integers, 4)

    return function("attention_queries", ("x", "q", "n"), ("heads", "head_dim", "thread", "threads"), body)


def attention_decode(build: Build, count: int, exact: bool) -> Any:
    """attention_decode_<exact_><count>(q, kv, block_table, state, scratch, parts, <shape>, thread, threads)"""

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
        scale_bits: Expr,
        softcap_bits: Expr,
        window: Expr,
        head_stride: Expr,
        k_offset: Expr,
        v_offset: Expr,
        first_head: Expr,
        scratch_stride: Expr,
        thread: Expr,
        threads: Expr,
    ) -> None:
        width = bind(padded(head_dim))
        length = bind(state.load("int32", 4) + 1)
        first = _first_of(length, window)
        first_page = bind(T.truncdiv(first, PAGE_TOKENS))
        pages = bind(_pages_of(length) - first_page)
        scores = Scores(scale_bits, softcap_bits)
        first_item, last_item = share(kv_heads * PARTS, thread, threads)
        group = bind(T.truncdiv(heads, kv_heads))
        part_bytes = bind(width * 4 + PART_HEADER_BYTES)
        own = (ExactScratch if exact else Scratch)(build, scratch, scratch_stride * thread, count, width)
        own.prepare()
        spread = Register(T.int32(-1), "int32")
        with loop(first_item, last_item) as item:
            kv_head = bind(T.truncdiv(item, PARTS))
            index = bind(item - kv_head * PARTS)
            begin, end = (bind(page + first_page) for page in share(pages, index, T.int32(PARTS)))
            inside = bind(kv_head * head_stride)
            cache = Pages(kv, block_table, bind(head_bytes(width, exact)), k_offset + inside, v_offset + inside)
            head = bind(kv_head * group + first_head)
            queries = _queries(q, head, _query_bytes(head_dim, width, exact), count)
            # The parts of a head follow each other, and in a short context most of them are empty.
            with when(T.And(begin < end, head != spread.get())):
                own.spread(queries, head_dim)
                spread.set(head)
            peaks, totals = _attend(own, cache, queries, scores, begin, end, first, length)
            for g in range(count):
                part = parts.at((index * heads + head + g) * part_bytes)
                part.store("float32", 0, peaks[g])
                part.store("float32", 4, totals[g])
                with loop(0, T.truncdiv(width, 4)) as quad:
                    value = own.head_sums(g).load("float32", quad * 16, 4)
                    part.store("float32", quad * 16 + PART_HEADER_BYTES, value, 4)

    pointers = ("q", "kv", "block_table", "state", "scratch", "parts")
    return function(
        f"attention_decode_{'exact_' if exact else ''}{count}", pointers, (*_SHAPE, "thread", "threads"), body
    )


def attention_prefill(build: Build, count: int, exact: bool) -> Any:
    """attention_prefill_<exact_><count>(q, kv, block_table, state, scratch, out, n, <shape>, bidirectional,
    thread, threads)

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
        scale_bits: Expr,
        softcap_bits: Expr,
        window: Expr,
        head_stride: Expr,
        k_offset: Expr,
        v_offset: Expr,
        first_head: Expr,
        scratch_stride: Expr,
        bidirectional: Expr,
        thread: Expr,
        threads: Expr,
    ) -> None:
        width = bind(padded(head_dim))
        tokens = n.load("int32", 0)
        first = state.load("int32", 4)
        group = bind(T.truncdiv(heads, kv_heads))
        mine = bind(T.truncdiv(tokens - thread + threads - 1, threads))
        own = (ExactScratch if exact else Scratch)(build, scratch, scratch_stride * thread, count, width)
        own.prepare()
        scores = Scores(scale_bits, softcap_bits)
        with loop(0, kv_heads) as kv_head:
            inside = bind(kv_head * head_stride)
            cache = Pages(kv, block_table, bind(head_bytes(width, exact)), k_offset + inside, v_offset + inside)
            head = bind(kv_head * group + first_head)
            with loop(0, mine) as i:
                token = bind(i * threads + thread)
                causal = bind(first + token + 1)
                ahead = bind(T.Select(window > 0, T.min(tokens, token + window), tokens))
                length = bind(T.Select(bidirectional != 0, first + ahead, causal))
                seen = _first_of(causal, window)
                page = bind(T.truncdiv(seen, PAGE_TOKENS))
                row = bind(token * heads + head)
                queries = _queries(q, row, _query_bytes(head_dim, width, exact), count)
                own.spread(queries, head_dim)
                _, totals = _attend(own, cache, queries, scores, page, _pages_of(length), seen, length)
                for g in range(count):
                    inverse = bind(splat(f32(1) / totals[g]))
                    with loop(0, T.truncdiv(head_dim + 3, 4)) as quad:
                        value = own.head_sums(g).load("float32", quad * 16, 4)
                        _store_head(out, (row + g) * head_dim * 4, quad * 4, head_dim, bind(value * inverse))

    pointers = ("q", "kv", "block_table", "state", "scratch", "out", "n")
    scalars = (*_SHAPE, "bidirectional", "thread", "threads")
    return function(f"attention_prefill_{'exact_' if exact else ''}{count}", pointers, scalars, body)


def _query_bytes(head_dim: Expr, width: Expr, exact: bool) -> Expr:
    return head_dim * 4 if exact else width * 2 + QUERY_HEADER_BYTES


def _queries(q: Memory, row: Expr, query_bytes: Expr, count: int) -> list[Memory]:
    """The heads from row ``row`` on."""
    return [q.at((row + g) * query_bytes) for g in range(count)]


def _attend(
    scratch: Scratch,
    pages: Pages,
    queries: list[Memory],
    scores: Scores,
    begin: Expr,
    end: Expr,
    first: Expr,
    length: Expr,
) -> tuple[list[Expr], list[Expr]]:
    """Attention of heads, whose queries are spread, to tokens [first, length) of pages [begin, end).

    Returns for each head the maximum of the scores and the sum of 2^(score - maximum); what these times V add up to is
    in the scratch.
    """
    heads = range(scratch.count)
    exact = isinstance(scratch, ExactScratch)
    add_scores, add_values = (exact_scores, exact_values) if exact else (page_scores, page_values)
    factors = [scores.factor(f32(PRODUCT_UNIT) if exact else query.load("float32", 0)) for query in queries]
    scratch.clear()
    scratch.bound_first(first, length)
    maxima = [Register(splat_f32(LOWEST), "float32x4") for _ in heads]
    with loop(begin, end) as page:
        add_scores(scratch, pages, page, first, length, factors, maxima)
    with when(scores.is_capped):
        with loop(begin, end) as page:
            scores.cap_page(scratch, page)
        for maximum in maxima:
            maximum.set(scores.capped(scratch.build, maximum.get()))
    peaks = [bind(horizontal_max(maximum.get())) for maximum in maxima]
    totals = [Register(splat_f32(0), "float32x4") for _ in heads]
    with loop(begin, end) as page:
        add_values(scratch, pages, page, length, peaks, totals)
    return peaks, [bind(horizontal_sum(total.get())) for total in totals]


def _first_of(length: Expr, window: Expr) -> Expr:
    """The first position that the last of ``length`` tokens sees."""
    return bind(T.Select(window > 0, T.max(length - window, T.int32(0)), T.int32(0)))


def _pages_of(length: Expr) -> Expr:
    return bind(T.truncdiv(length + (PAGE_TOKENS - 1), PAGE_TOKENS))


def attention_combine(build: Build) -> Any:
    """attention_combine(parts, out, heads, head_dim, thread, threads): (PARTS, heads) -> out (heads * head_dim,)"""

    def body(parts: Memory, out: Memory, heads: Expr, head_dim: Expr, thread: Expr, threads: Expr) -> None:
        width = bind(padded(head_dim))
        part_bytes = bind(width * 4 + PART_HEADER_BYTES)
        begin, end = share(heads, thread, threads)
        with loop(begin, end) as head:
            starts = [bind((part * heads + head) * part_bytes) for part in range(PARTS)]
            peaks = [parts.load("float32", start) for start in starts]
            maximum = peaks[0]
            for peak in peaks[1:]:
                maximum = bind(T.max(maximum, peak))
            # A part without tokens has the weight 2^(LOWEST - maximum), nothing.
            constants = [splat_f32(value) for value in EXP2_CONSTANTS]
            weights = [exp2(build, splat(peak - maximum), constants) for peak in peaks]
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
