"""Causal attention over the paged KV cache:  out[t, h] = softmax(q[t, h] · K^T / sqrt(head_dim)) · V

q (n, heads * head_dim) float32; k and v (kv_pages, kv_heads, page_size, head_dim); out (n, heads * head_dim).
Token t attends to positions 0 ... state[1] + t. Online softmax over tiles of 64 keys (Milakov and Gimelshein 2018;
Dao et al. 2022): running maximum m and sum l in float32. Tolerance 2e-5 * max|v| against NumPy in float64.

One workgroup per (token, query head); 64 keys are scored side by side, then the same invocations own head_dim's
columns and add up the tile's values, so keys are read row by row and values contiguously. The loop ends at the true
length, not at the context length. Prefill and decode use the same kernel.
"""

from __future__ import annotations

import math
from typing import Any

from tvm.script.ir_builder import tirx as T

from ..gpu.emit import (
    Argument,
    Buffers,
    Definition,
    Expr,
    Register,
    Thread,
    barrier,
    bind,
    ceil_div,
    dot,
    f32,
    function,
    store,
)
from ..rope_append.gpu import RopeSpec

THREADS = 64
MASKED = -1e30  # finite, so that exp(MASKED - m) is 0 and never NaN


def attention(name: str, spec: RopeSpec, n: Expr, kv_pages: int) -> Any:
    """grid: query heads, tokens."""
    head_dim, page_size = spec.head_dim, spec.page_size
    width = 4 if head_dim % 4 == 0 else 1
    quads = head_dim // width
    vector = "float32x4" if width == 4 else "float32"
    columns = ceil_div(head_dim, THREADS)  # output columns of one invocation
    group = spec.heads // spec.kv_heads
    arguments = [
        Argument("q", (n, spec.heads * quads), vector),
        Argument("state", (8,), "int32"),
        Argument("block_table", (spec.pages_per_sequence,), "int32"),
        Argument("k_pages", (kv_pages, spec.kv_heads, page_size, quads), vector),
        Argument("v_pages", (kv_pages, spec.kv_heads, page_size, head_dim), "float32"),
        Argument("out", (n, spec.heads * head_dim), "float32"),
    ]

    def body(buffers: Buffers, thread: Thread) -> None:
        scores = T.alloc_buffer((THREADS,), "float32", scope="shared")  # (keys of the tile,)
        weights = T.alloc_buffer((THREADS,), "float32", scope="shared")  # (keys of the tile,) exp(score - m)
        head, token, index = thread.block_x, thread.block_y, thread.index
        kv_head = bind(head // group)
        length = bind(buffers["state"][1] + token + 1)
        maximum = Register(initial=f32(MASKED))
        total = Register(initial=f32(0))
        sums = [Register(initial=f32(0)) for _ in range(columns)]
        score = Register()

        with T.serial((length + (THREADS - 1)) // THREADS) as tile:
            key = bind(tile * THREADS + index)
            score.set(f32(MASKED))
            with T.If(key < length), T.Then():
                page = bind(buffers["block_table"][key // page_size])
                slot = bind(key % page_size)
                products = Register(initial=f32(0))
                with T.serial(quads) as i:
                    a = buffers["q"][token, head * quads + i]
                    b = buffers["k_pages"][page, kv_head, slot, i]
                    products.add(dot(a, b) if width == 4 else a * b)
                score.set(products.get() * f32(1 / math.sqrt(head_dim)))
            store(scores, score.get(), index)
            barrier()
            previous = bind(maximum.get())
            with T.serial(THREADS) as other:
                maximum.set(T.max(maximum.get(), scores[other]))
            store(weights, T.exp(score.get() - maximum.get()), index)
            barrier()
            correction = bind(T.exp(previous - maximum.get()))
            total.set(total.get() * correction)
            for register in sums:
                register.set(register.get() * correction)
            with T.serial(T.min(THREADS, length - tile * THREADS)) as other:
                other_key = bind(tile * THREADS + other)
                other_page = bind(buffers["block_table"][other_key // page_size])
                weight = bind(weights[other])
                total.add(weight)
                for column, register in enumerate(sums):
                    dimension = T.min(index + column * THREADS, head_dim - 1)
                    value = buffers["v_pages"][other_page, kv_head, other_key % page_size, dimension]
                    register.add(weight * value)
            barrier()

        for column, register in enumerate(sums):
            dimension = index + column * THREADS
            value = register.get() / total.get()
            if head_dim % THREADS:
                with T.If(dimension < head_dim), T.Then():
                    store(buffers["out"], value, token, head * head_dim + dimension)
            else:
                store(buffers["out"], value, token, head * head_dim + dimension)

    return function(name, arguments, (spec.heads, n), THREADS, body)


def attention_definition(spec: RopeSpec) -> Definition:
    return {"op": "attention", **spec.cache_layout}


def kv_buffer_shape(spec: RopeSpec, kv_pages: Expr) -> tuple[Expr, ...]:
    """(kv_pages, kv_heads, page_size, head_dim), for K and for V of one layer."""
    return (kv_pages, spec.kv_heads, spec.page_size, spec.head_dim)
