"""Masking of logits:  logits[i] = least finite float32 where bit i of token_mask is 0

logits (vocab_size,) float32, in place; token_mask (ceil(vocab_size / 32),) int32, the lowest bit first. Exact. A thread
has the words of a share of the mask.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from ..cpu.emit import Build, Expr, Memory, bind, function, loop, share, splat, splat_i32

LEAST_BITS = -0x800001  # of the least finite float32, as int32
WORD = 32


def kernels(build: Build) -> list[Any]:
    return [mask_logits()]


def mask_logits() -> Any:
    """mask_logits(token_mask, logits, vocab_size, thread, threads)"""

    def body(token_mask: Memory, logits: Memory, vocab_size: Expr, thread: Expr, threads: Expr) -> None:
        begin, end = share(T.truncdiv(vocab_size + WORD - 1, WORD), thread, threads)
        with loop(begin, end) as index:
            word = bind(splat(token_mask.load("int32", index * 4)))
            # Groups of four, as far as the last one begins before the vocabulary ends.
            groups = bind(T.min(T.truncdiv(vocab_size - index * WORD + 3, 4), T.int32(WORD // 4)))
            with loop(0, groups) as group:
                at = bind(index * (WORD * 4) + group * 16)
                bit = T.shift_left(splat_i32(1), splat(group * 4) + T.ramp(T.int32(0), 1, 4))
                allowed = bind(T.bitwise_and(word, bit)) != splat_i32(0)
                logits.store("int32", at, T.Select(allowed, logits.load("int32", at, 4), splat_i32(LEAST_BITS)), 4)

    return function("mask_logits", ("token_mask", "logits"), ("vocab_size", "thread", "threads"), body)
