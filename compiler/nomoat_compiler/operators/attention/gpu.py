"""Attention over the paged KV cache:  out[t, h] = softmax(capped(scale * q[t, h] · K^T)) · V

q (n, heads * head_dim) float32; k and v (kv_pages, kv_heads, page_size, head_dim); out (n, heads * head_dim).
Token t attends to positions 0 ... p, p = state[1] + t; with ``window`` to p - window + 1 ... p; ``bidirectional`` to
all up to the last token of the call. ``softcap``: gpu/activations.py. Online softmax over tiles of 64 keys (Milakov and
Gimelshein 2018; Dao et al. 2022): running maximum m and sum l in float32. Tolerance 2e-5 * max|v| against NumPy in
float64.

One workgroup per (token, query head); 64 keys are scored side by side, then the same invocations own head_dim's
columns and add up the tile's values, so keys are read row by row and values contiguously. The loop begins with the tile
of the first key that counts and ends at the true length, not at the context length. Prefill and decode use the same
kernel; how many columns an invocation owns, and whether keys are read four values at a time, tells its variants apart.
"""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from ...expression import Expression, conjunction
from ..gpu.activations import CAPPED
from ..gpu.emit import (
    Argument,
    Buffers,
    Register,
    Thread,
    barrier,
    bind,
    dot,
    f32,
    function,
    quotient,
    remainder,
    store,
)
from ..gpu.operator import GpuOperator, Kernel, Stage, Symbols, Variant

THREADS = 64
MASKED = -1e30  # finite, so that exp(MASKED - m) is 0 and never NaN
# Values of one load of a key -> output columns of one invocation. 16 reach the largest head_dim, 1024.
COLUMNS = {4: (1, 2, 3, 4, 8, 16), 1: (1, 4, 16)}


def gpu() -> GpuOperator:
    variants = [_variant(width, columns) for width, choices in COLUMNS.items() for columns in choices]
    return GpuOperator((Stage("attention", tuple(variants)),))


def _variant(width: int, columns: int) -> Variant:
    name = f"attention_x{width}_columns{columns}"
    smaller = max((c for c in COLUMNS[width] if c < columns), default=0)
    by_four: Expression = ["==", ["%", "head_dim", 4], 0]
    when = conjunction(
        by_four if width == 4 else ["==", by_four, 0],
        ["<", smaller * THREADS, "head_dim"],
        ["<=", "head_dim", columns * THREADS],
    )
    return Variant(name, when, lambda symbols: _attention(symbols, name, width, columns))


def _attention(symbols: Symbols, name: str, width: int, columns: int) -> Kernel:
    """grid: query heads, tokens."""
    heads, kv_heads, head_dim = (symbols.integer(field) for field in ("heads", "kv_heads", "head_dim"))
    page_size = symbols.integer("page_size")
    loads = symbols.integer("loads", ["//", "head_dim", width])  # of one key
    group = symbols.integer("group", ["//", "heads", "kv_heads"])  # query heads of one key head
    window = symbols.integer("window")
    bidirectional = symbols.flag("sees_later", "bidirectional")
    scale = symbols.number("scale")
    vector = "float32x4" if width == 4 else "float32"
    arguments = [
        Argument("q", (symbols.n, heads * loads), vector),
        Argument("state", (8,), "int32"),
        Argument("block_table", (symbols.n,), "int32"),
        Argument("k_pages", (symbols.n, kv_heads, page_size, loads), vector),
        Argument("v_pages", (symbols.n, kv_heads, page_size, head_dim), "float32"),
        Argument("out", (symbols.n, heads * head_dim), "float32"),
    ]

    def body(buffers: Buffers, thread: Thread) -> None:
        scores = T.alloc_buffer((THREADS,), "float32", scope="shared")  # (keys of the tile,)
        weights = T.alloc_buffer((THREADS,), "float32", scope="shared")  # (keys of the tile,) exp(score - m)
        head, token, index = thread.block_x, thread.block_y, thread.index
        kv_head = bind(quotient(head, group))
        position = bind(buffers["state"][1] + token)
        ahead = bind(T.Select(window > 0, T.min(symbols.n, token + window), symbols.n))
        length = bind(T.Select(bidirectional, buffers["state"][1] + ahead, position + 1))
        first = bind(T.Select(window > 0, T.max(position + 1 - window, 0), 0))
        maximum = Register(initial=f32(MASKED))
        total = Register(initial=f32(0))
        sums = [Register(initial=f32(0)) for _ in range(columns)]
        score = Register()

        with T.serial(quotient(first, THREADS), (length + (THREADS - 1)) // THREADS) as tile:
            key = bind(tile * THREADS + index)
            score.set(f32(MASKED))
            with T.If(T.And(key >= first, key < length)), T.Then():
                page = bind(buffers["block_table"][quotient(key, page_size)])
                slot = bind(remainder(key, page_size))
                products = Register(initial=f32(0))
                with T.serial(loads) as i:
                    a = buffers["q"][token, head * loads + i]
                    b = buffers["k_pages"][page, kv_head, slot, i]
                    products.add(dot(a, b) if width == 4 else a * b)
                score.set(symbols.call(CAPPED, products.get() * scale))
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
                other_page = bind(buffers["block_table"][quotient(other_key, page_size)])
                other_slot = bind(remainder(other_key, page_size))
                weight = bind(weights[other])
                total.add(weight)
                for column, register in enumerate(sums):
                    dimension = T.min(index + column * THREADS, head_dim - 1)
                    value = buffers["v_pages"][other_page, kv_head, other_slot, dimension]
                    register.add(weight * value)
            barrier()

        for column, register in enumerate(sums):
            dimension = index + column * THREADS
            value = register.get() / total.get()
            with T.If(dimension < head_dim), T.Then():
                store(buffers["out"], value, token, head * head_dim + dimension)

    return function(name, arguments, ("heads", "n"), THREADS, body)
