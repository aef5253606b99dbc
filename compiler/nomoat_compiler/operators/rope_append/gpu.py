"""Rotary position embedding, and the new keys and values into the paged cache.

    (a, b) -> (a cos - b sin, b cos + a sin),  angle = position * inv_freq[j],  a = q[j], b = q[j + head_dim/2]
    (Su et al. 2021, in Hugging Face's half-split layout; cos and sin times attention_scaling)

qkv (n, (heads + 2 kv_heads) * head_dim) float32 -> q (n, heads * head_dim); k and v go to
(kv_pages, kv_heads, page_size, head_dim) at page block_table[quotient(position, page_size)], slot position % page_size.
position = state[1] + t.

Sine and cosine are computed here, not by WGSL's builtins, which may be off by 2^-11: the angle is reduced to
[-pi/4, pi/4] with a four-part pi/2 whose first three parts have 9 bits (so their products with quotients below
2^15 are exact), then Taylor-Chebyshev polynomials give 2e-7. Tolerance 1e-5 * max|qkv| for positions below 2^17.

``dynamic`` NTK scaling: beyond max_position_embeddings the base grows with the sequence, so each token's frequencies
are computed from its own position (transformers: _compute_dynamic_ntk_parameters with seq_len = position + 1).
"""

from __future__ import annotations

import math

from tvm.script.ir_builder import tirx as T

from ...expression import Expression, ceil_div
from ..gpu.emit import Argument, Buffers, Register, Thread, bind, f32, function, quotient, remainder, store
from ..gpu.operator import Expr, GpuOperator, Kernel, Stage, Symbols, Variant
from ..trigonometry import COS, PI_2, SIN

THREADS = 64


PAIRS: Expression = ["*", ["+", "heads", ["*", 2, "kv_heads"]], ["//", "head_dim", 2]]  # of values of one token


def gpu() -> GpuOperator:
    return GpuOperator((Stage("rope_append", (Variant("rope_append", 1, _rope_append),)),))


def _rope_append(symbols: Symbols) -> Kernel:
    """One invocation per pair of values. grid: pairs of a token, tokens."""
    heads, kv_heads, head_dim = (symbols.integer(field) for field in ("heads", "kv_heads", "head_dim"))
    page_size = symbols.integer("page_size")
    half_dim = symbols.integer("half_dim", ["//", "head_dim", 2])
    pairs = symbols.integer("pairs", PAIRS)
    scaling = symbols.number("attention_scaling")
    arguments = [
        Argument("qkv", (symbols.n, (heads + 2 * kv_heads) * head_dim), "float32"),
        Argument("inv_freq", (half_dim,), "float32"),
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
            a = bind(buffers["qkv"][token, head * head_dim + j])
            b = bind(buffers["qkv"][token, head * head_dim + j + half_dim])
            position = bind(buffers["state"][1] + token)
            page = bind(buffers["block_table"][quotient(position, page_size)])
            slot = bind(remainder(position, page_size))
            with T.If(head < heads + kv_heads):
                with T.Then():
                    angle = bind(T.Cast("float32", position) * _frequency(symbols, buffers, j, position))
                    cosine, sine = _cos_sin(angle)
                    cosine, sine = bind(cosine * scaling), bind(sine * scaling)
                    first = bind(a * cosine - b * sine)
                    second = bind(b * cosine + a * sine)
                    with T.If(head < heads):
                        with T.Then():
                            store(buffers["q"], first, token, head * head_dim + j)
                            store(buffers["q"], second, token, head * head_dim + j + half_dim)
                        with T.Else():
                            kv_head = head - heads
                            store(buffers["k_pages"], first, page, kv_head, slot, j)
                            store(buffers["k_pages"], second, page, kv_head, slot, j + half_dim)
                with T.Else():
                    kv_head = head - (heads + kv_heads)
                    store(buffers["v_pages"], a, page, kv_head, slot, j)
                    store(buffers["v_pages"], b, page, kv_head, slot, j + half_dim)

    return function("rope_append", arguments, (ceil_div(PAIRS, THREADS), "n"), THREADS, body)


def _frequency(symbols: Symbols, buffers: Buffers, j: Expr, position: Expr) -> Expr:
    """inv_freq[j], or for dynamic NTK past the trained length theta'^(-2j/head_dim)."""
    frequency = Register(initial=buffers["inv_freq"][j])
    dynamic, trained_length = symbols.flag("dynamic", "dynamic"), symbols.integer("trained_length")
    # Divisors that are never 0: compilers refuse a constant division by zero, also where it is not reached.
    divisor = T.Cast("float32", symbols.integer("length_divisor", ["max", "trained_length", 1]))
    dimensions_less_2 = T.Cast("float32", symbols.integer("head_dim_less_2", ["max", ["-", "head_dim", 2], 1]))
    dimensions = T.Cast("float32", symbols.integer("head_dim"))
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
