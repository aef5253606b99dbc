"""Greedy sampling:  token = the lowest index of the largest logit, then the step state moves on.

    argmax_share       the best logit of each slice
    argmax_finish      the best of all, on one thread

Exact: only comparisons. Where a logit is NaN, or the largest is not finite, there is no token: -1 goes into tokens, and
token_id stays. The maximum is therefore taken of ``order``, which has NaN above all numbers. state and tokens as in
docs/program-interface.md.

The vocabulary is cut into SLICES slices whatever the number of threads, so that no result depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tvm.script.ir_builder import tirx as T

from ...program.fixed_buffers import TOKEN_RING
from ..cpu.emit import (
    Build,
    Expr,
    Memory,
    Register,
    bind,
    function,
    lane,
    loop,
    share,
    splat,
    splat_i32,
    when,
)

NO_TOKEN = -1
ORDER_OF_ZERO = 0x7F800000  # the bits of infinity
SLICES = 8
# One slice's partial result: order of the best logit (or maximum), its index, 56 bytes unused; then sample's bins.
BINS_AT = 64
BINS = 256  # the largest weight, 1.0, is bin 254: bits 0x3F800000 >> 22
PART_BYTES = BINS_AT + 8 * BINS


def kernels(build: Build) -> list[Any]:
    """Both stages."""
    return [argmax_share(), argmax_finish()]


def argmax_share() -> Any:
    """argmax_share(logits, parts, vocab_size, thread, threads)"""

    def body(logits: Memory, parts: Memory, vocab_size: Expr, thread: Expr, threads: Expr) -> None:
        with slices(vocab_size, thread, threads) as (part, begin, end):
            _argmax(logits, parts, vocab_size, part, begin, end)

    return function("argmax_share", ("logits", "parts"), ("vocab_size", "thread", "threads"), body)


def _argmax(logits: Memory, parts: Memory, vocab_size: Expr, part: Expr, begin: Expr, end: Expr) -> None:
    best = Register(lanes(0), "uint32x4")
    where = Register(splat_i32(0), "int32x4")
    with loop(begin, end) as i:
        index = bind(splat(i * 4) + T.ramp(T.int32(0), 1, 4))
        # Lanes beyond the vocabulary never win.
        key = bind(T.Select(index < splat(vocab_size), order(logits.load("uint32", i * 16, 4)), lanes(0)))
        better = key > best.get()
        where.set(T.Select(better, index, where.get()))
        best.set(T.Select(better, key, best.get()))
    key = Register(T.uint32(0), "uint32")
    token = Register(T.int32(0x7FFFFFFF), "int32")
    for k in range(4):
        candidate, index = bind(lane(best.get(), k)), bind(lane(where.get(), k))
        better = T.Or(candidate > key.get(), T.And(candidate == key.get(), index < token.get()))
        with when(better):
            key.set(candidate)
            token.set(index)
    at = bind(part * PART_BYTES)
    parts.store("uint32", at, key.get())
    parts.store("int32", at + 4, token.get())


def argmax_finish() -> Any:
    """argmax_finish(parts, state, tokens, thread, threads): thread 0 joins the slices and advances the state."""

    def body(parts: Memory, state: Memory, tokens: Memory, thread: Expr, threads: Expr) -> None:
        with when(thread == 0):
            key = Register(parts.load("uint32", 0), "uint32")
            token = Register(parts.load("int32", 4), "int32")
            with loop(1, SLICES) as part:
                candidate = parts.load("uint32", part * PART_BYTES)
                # Parts are in the order of the vocabulary, so at a tie the earlier one stands.
                with when(candidate > key.get()):
                    key.set(candidate)
                    token.set(parts.load("int32", part * PART_BYTES + 4))
            advance(state, tokens, bind(T.Select(is_finite(key.get()), token.get(), T.int32(NO_TOKEN))))

    return function("argmax_finish", ("parts", "state", "tokens"), ("thread", "threads"), body)


@contextmanager
def slices(vocab_size: Expr, thread: Expr, threads: Expr) -> Iterator[tuple[Expr, Expr, Expr]]:
    """This thread's slices: their numbers, and the groups of four tokens [begin, end) of each."""
    first, last = share(T.int32(SLICES), thread, threads)
    with loop(first, last) as part:
        begin, end = share(T.truncdiv(vocab_size + 3, 4), part, T.int32(SLICES))
        yield part, begin, end


def order(bits: Expr) -> Expr:
    """uint32x4 that orders the float32x4 of these bits like their values: -infinity is 0, both zeros are equal,
    +infinity and NaN are above every finite number.
    """
    magnitude = bind(T.bitwise_and(bits, lanes(0x7FFFFFFF)))
    zero = lanes(ORDER_OF_ZERO)
    return bind(T.Select(bits == magnitude, zero + magnitude, zero - magnitude))


def is_finite(largest: Expr) -> Expr:
    """Whether the largest of many ``order`` says that no number was NaN and that their maximum is finite."""
    return T.And(largest > T.uint32(0), largest < T.uint32(2 * ORDER_OF_ZERO))


def lanes(value: int) -> Expr:
    return T.broadcast(T.uint32(value), 4)


def advance(state: Memory, tokens: Memory, token: Expr) -> None:
    """tokens[step % 64] = token; token_id = token, where there is one; position += 1; step += 1"""
    step = state.load("int32", 8)
    tokens.store("int32", T.bitwise_and(step, TOKEN_RING - 1) * 4, token)
    with when(token >= 0):
        state.store("int32", 0, token)
    state.store("int32", 4, state.load("int32", 4) + 1)
    state.store("int32", 8, step + 1)
