"""Norms of queries and keys, rotary position embedding, and the new keys and values into the paged cache.

    q = q * q_gain / sqrt(mean(q^2) + eps)                   has_qk_norm_eps: over a head, or over all; keys likewise
    (a, b) -> (a cos - b sin, b cos + a sin),  angle = position * inv_freq[j],  a = q[j], b = q[j + rotary_dim/2]
    (Su et al. 2021, in Hugging Face's half-split layout; cos and sin times attention_scaling)

qkv (n, (heads + 2 kv_heads) * head_dim) float32 -> q (n, heads * head_dim); k and v go to
(kv_pages, kv_heads, page_size, head_dim) at page block_table[quotient(position, page_size)], slot position % page_size.
position = state[1] + t. What is behind rotary_dim in a head stays. ``long_from``: the frequencies are long_inv_freq
where state[5], the length that they are chosen for, is above it.

A norm is a stage of its own, which writes ``normed`` in place of qkv, since one kernel would need more storage buffers
than the 8 that every device has.

Sine and cosine are computed here, not by WGSL's builtins, which may be off by 2^-11: the angle is reduced to
[-pi/4, pi/4] with a four-part pi/2 whose first three parts have 9 bits (so their products with quotients below
2^15 are exact), then Taylor-Chebyshev polynomials give 2e-7. Tolerance 1e-5 * max|qkv| for positions below 2^17.

``dynamic`` NTK scaling: beyond max_position_embeddings the base grows with the sequence, so each token's frequencies
are computed from its own position (transformers: _compute_dynamic_ntk_parameters with seq_len = position + 1).
"""

from __future__ import annotations

import math
from functools import partial

from tvm.script.ir_builder import tirx as T

from ...expression import Expression, ceil_div, conjunction, negation
from ..gpu.emit import Argument, Buffers, Register, Thread, barrier, bind, f32, function, quotient, remainder, store
from ..gpu.operator import Expr, GpuOperator, Kernel, Scratch, Stage, Symbols, Variant
from ..trigonometry import COS, PI_2, SIN

THREADS = 64
ALL_HEADS: Expression = ["+", "heads", ["*", 2, "kv_heads"]]
PAIRS: Expression = ["*", ALL_HEADS, ["//", "head_dim", 2]]  # of values of one token
NORMED = "has_qk_norm_eps"


def gpu() -> GpuOperator:
    return GpuOperator(
        (
            Stage("qk_norm", (Variant("qk_norm", NORMED, _qk_norm),), when=NORMED),
            Stage(
                "rope_append",
                tuple(
                    Variant(name, when, partial(_rope_append, name=name, source=source))
                    for name, when, source in (
                        ("rope_append", negation(NORMED), "qkv"),
                        ("rope_append_normed", NORMED, "normed"),
                    )
                ),
            ),
        ),
        (Scratch("normed", "float32", conjunction(NORMED, "n", ALL_HEADS, "head_dim")),),
    )


def _qk_norm(symbols: Symbols) -> Kernel:
    """One workgroup per head and token; values are copied. grid: heads of queries, keys and values; tokens."""
    heads, kv_heads, head_dim = (symbols.integer(field) for field in ("heads", "kv_heads", "head_dim"))
    whole = symbols.flag("whole", "qk_norm_whole")
    row = (heads + 2 * kv_heads) * head_dim
    arguments = [
        Argument("qkv", (symbols.n, row), "float32"),
        Argument("q_gain", (heads * head_dim,), "float32"),
        Argument("k_gain", (kv_heads * head_dim,), "float32"),
        Argument("normed", (symbols.n, row), "float32"),
    ]

    def body(buffers: Buffers, thread: Thread) -> None:
        shared = T.alloc_buffer((THREADS,), "float32", scope="shared")  # (THREADS,) partial sums of squares
        head, token, index = thread.block_x, thread.block_y, thread.index
        is_query, is_value = head < heads, head >= heads + kv_heads
        of_kind = bind(head - T.Select(is_query, 0, heads))
        # What the mean is over, from ``first`` on.
        count = bind(T.Select(whole, T.Select(is_query, heads, kv_heads), 1) * head_dim)
        first = bind(T.Select(whole, T.Select(is_query, 0, heads), head) * head_dim)
        squares = Register(initial=f32(0))
        with T.serial(quotient(count - index + (THREADS - 1), THREADS)) as step:
            value = bind(buffers["qkv"][token, first + step * THREADS + index])
            squares.add(value * value)
        store(shared, squares.get(), index)
        barrier()
        total = Register(initial=f32(0))
        with T.serial(THREADS) as i:
            total.add(shared[i])
        factor = bind(T.rsqrt(total.get() / T.Cast("float32", count) + symbols.number("qk_norm_eps")))
        with T.serial(quotient(head_dim - index + (THREADS - 1), THREADS)) as step:
            i = bind(step * THREADS + index)
            gain = bind(T.Select(whole, of_kind * head_dim, 0) + i)
            scale = Register(initial=f32(1))
            with T.If(is_query):
                with T.Then():
                    scale.set(factor * buffers["q_gain"][gain])
                with T.Else(), T.If(T.Not(is_value)), T.Then():
                    scale.set(factor * buffers["k_gain"][gain])
            store(
                buffers["normed"], buffers["qkv"][token, head * head_dim + i] * scale.get(), token, head * head_dim + i
            )

    return function("qk_norm", arguments, (ALL_HEADS, "n"), THREADS, body)


def _rope_append(symbols: Symbols, name: str, source: str) -> Kernel:
    """One invocation per pair of values: those that are rotated, then the others. grid: pairs of a token, tokens."""
    heads, kv_heads, head_dim = (symbols.integer(field) for field in ("heads", "kv_heads", "head_dim"))
    page_size = symbols.integer("page_size")
    half_dim = symbols.integer("half_dim", ["//", "head_dim", 2])
    pairs = symbols.integer("pairs", PAIRS)
    rotary_dim = symbols.integer("rotary_dim")
    half_rotary = symbols.integer("half_rotary", ["//", "rotary_dim", 2])
    partial_rotation = symbols.flag("partial", ["<", "rotary_dim", "head_dim"])
    scaling = symbols.number("attention_scaling")
    arguments = [
        Argument(source, (symbols.n, (heads + 2 * kv_heads) * head_dim), "float32"),
        Argument("inv_freq", (half_rotary,), "float32"),
        Argument("long_inv_freq", (half_rotary,), "float32"),
        Argument("state", (8,), "int32"),
        Argument("block_table", (symbols.n,), "int32"),
        Argument("k_pages", (symbols.n, kv_heads, page_size, head_dim), "float32"),
        Argument("v_pages", (symbols.n, kv_heads, page_size, head_dim), "float32"),
        Argument("q", (symbols.n, heads * head_dim), "float32"),
    ]

    def body(buffers: Buffers, thread: Thread) -> None:
        pair = bind(thread.block_x * THREADS + thread.index)
        token = thread.block_y
        with T.If(pair < pairs), T.Then():
            head = bind(quotient(pair, half_dim))
            j = bind(remainder(pair, half_dim))
            rotated = T.Select(partial_rotation, j < half_rotary, T.bool(True))
            left = bind(T.Select(rotated, j, rotary_dim + j - half_rotary))
            right = bind(left + T.Select(rotated, half_rotary, half_dim - half_rotary))
            first = Register(initial=buffers[source][token, head * head_dim + left])
            second = Register(initial=buffers[source][token, head * head_dim + right])
            position = bind(buffers["state"][1] + token)
            page = bind(buffers["block_table"][quotient(position, page_size)])
            slot = bind(remainder(position, page_size))
            with T.If(head < heads + kv_heads):
                with T.Then():
                    with T.If(rotated), T.Then():
                        angle = bind(T.Cast("float32", position) * _frequency(symbols, buffers, j, position))
                        cosine, sine = _cos_sin(angle)
                        cosine, sine = bind(cosine * scaling), bind(sine * scaling)
                        a, b = bind(first.get()), bind(second.get())
                        first.set(a * cosine - b * sine)
                        second.set(b * cosine + a * sine)
                    with T.If(head < heads):
                        with T.Then():
                            store(buffers["q"], first.get(), token, head * head_dim + left)
                            store(buffers["q"], second.get(), token, head * head_dim + right)
                        with T.Else():
                            kv_head = head - heads
                            store(buffers["k_pages"], first.get(), page, kv_head, slot, left)
                            store(buffers["k_pages"], second.get(), page, kv_head, slot, right)
                with T.Else():
                    kv_head = head - (heads + kv_heads)
                    store(buffers["v_pages"], first.get(), page, kv_head, slot, left)
                    store(buffers["v_pages"], second.get(), page, kv_head, slot, right)

    return function(name, arguments, (ceil_div(PAIRS, THREADS), "n"), THREADS, body)


def _frequency(symbols: Symbols, buffers: Buffers, j: Expr, position: Expr) -> Expr:
    """inv_freq[j] or long_inv_freq[j], or for dynamic NTK past the trained length theta'^(-2j/rotary_dim)."""
    frequency = Register(initial=buffers["inv_freq"][j])
    long_from = symbols.integer("long_from")
    with T.If(T.And(long_from > 0, buffers["state"][5] > long_from)), T.Then():
        frequency.set(buffers["long_inv_freq"][j])
    dynamic, trained_length = symbols.flag("dynamic", "dynamic"), symbols.integer("trained_length")
    # Divisors that are never 0: compilers refuse a constant division by zero, also where it is not reached.
    divisor = T.Cast("float32", symbols.integer("length_divisor", ["max", "trained_length", 1]))
    dimensions_less_2 = T.Cast("float32", symbols.integer("rotary_dim_less_2", ["max", ["-", "rotary_dim", 2], 1]))
    dimensions = T.Cast("float32", symbols.integer("dimensions", ["max", "rotary_dim", 1]))
    factor = symbols.number("factor")
    with T.If(T.And(dynamic, position >= trained_length)), T.Then():
        length = T.Cast("float32", position + 1)
        ratio = factor / divisor * length - (factor - f32(1))
        log_theta = bind(T.log(symbols.number("theta")) + T.log(ratio) * (dimensions / dimensions_less_2))
        frequency.set(T.exp(T.Cast("float32", j) * (f32(-2) / dimensions) * log_theta))
    return bind(frequency.get())


def _polynomial(x: Expr, coefficients: tuple[float, ...]) -> Expr:
    value: Expr = f32(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = value * x + f32(coefficient)
    return value


def _cos_sin(angle: Expr) -> tuple[Expr, Expr]:
    """cos and sin of an angle >= 0."""
    quotient = bind(T.floor(angle * f32(2 / math.pi) + f32(0.5)))
    rest = angle
    for part in PI_2:
        rest = bind(rest - quotient * f32(part))
    square = bind(rest * rest)
    sine = bind(rest + rest * square * _polynomial(square, SIN))
    cosine = bind(f32(1) - square * f32(0.5) + square * square * _polynomial(square, COS))
    quadrant = bind(T.bitwise_and(T.Cast("int32", quotient), 3))
    swap = bind(T.bitwise_and(quadrant, 1) == 1)
    sine_magnitude = T.Select(swap, cosine, sine)
    cosine_magnitude = T.Select(swap, sine, cosine)
    sine_sign = T.Select(quadrant >= 2, f32(-1), f32(1))
    cosine_negative = T.Or(quadrant == 1, quadrant == 2)
    cosine_sign = T.Select(cosine_negative, f32(-1), f32(1))
    return bind(cosine_magnitude * cosine_sign), bind(sine_magnitude * sine_sign)
