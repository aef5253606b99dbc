"""Masking of logits:  logits[i] = least finite float32 where bit i of token_mask is 0

logits (vocab_size,) float32, in place; token_mask (ceil(vocab_size / 32),) int32, the lowest bit first. Exact.
"""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from ...expression import ceil_div
from ..gpu.emit import Argument, Buffers, Thread, bind, function, store
from ..gpu.operator import GpuOperator, Kernel, Stage, Symbols, Variant

THREADS = 256
LEAST_BITS = 0xFF7FFFFF  # of the least finite float32


def gpu() -> GpuOperator:
    return GpuOperator((Stage("mask_logits", (Variant("mask_logits", 1, _mask),)),))


def _mask(symbols: Symbols) -> Kernel:
    """One invocation per token id. grid: vocabulary, 1."""
    vocab_size = symbols.integer("vocab_size")
    words = symbols.integer("words", ceil_div("vocab_size", 32))
    arguments = [Argument("token_mask", (words,), "int32"), Argument("logits", (vocab_size,), "float32")]

    def body(buffers: Buffers, thread: Thread) -> None:
        token = bind(thread.block_x * THREADS + thread.index)
        with T.If(token < vocab_size), T.Then():
            word = bind(buffers["token_mask"][T.shift_right(token, 5)])
            allowed = T.bitwise_and(T.shift_right(word, T.bitwise_and(token, 31)), 1)
            bits = T.reinterpret("uint32", buffers["logits"][token])
            # Chosen as bits, which no compiler may round.
            kept = bind(T.Select(allowed != 0, bits, T.uint32(LEAST_BITS)))
            store(buffers["logits"], T.reinterpret("float32", kept), token)

    return function("mask_logits", arguments, (ceil_div("vocab_size", THREADS), 1), THREADS, body)
