"""Rotary position embedding, and the new keys and values into the paged cache.

    (a, b) -> (a cos - b sin, b cos + a sin),  angle = position * inv_freq[j],  a = q[j], b = q[j + head_dim/2]
    (Su et al. 2021, in Hugging Face's half-split layout; cos and sin times attention_scaling)

qkv (n, (heads + 2 kv_heads) * head_dim) float32 -> q (n, heads * head_dim); k and v go to
(kv_pages, kv_heads, page_size, head_dim) at page block_table[position // page_size], slot position % page_size.
position = state[1] + t.

Sine and cosine are computed here, not by WGSL's builtins, which may be off by 2^-11: the angle is reduced to
[-pi/4, pi/4] with a four-part pi/2 whose first three parts have 9 bits (so their products with quotients below
2^15 are exact), then Taylor-Chebyshev polynomials give 2e-7. Tolerance 1e-5 * max|qkv| for positions below 2^17.

``dynamic`` NTK scaling: beyond max_position_embeddings the base grows with the sequence, so each token's frequencies
are computed from its own position (transformers: _compute_dynamic_ntk_parameters with seq_len = position + 1).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from tvm.script.ir_builder import tirx as T

from ..gpu.emit import Argument, Buffers, Definition, Expr, Thread, bind, ceil_div, f32, function, store
from ..trigonometry import COS, PI_2, SIN

THREADS = 64


@dataclass(frozen=True)
class DynamicNtk:
    """The numbers of RoPE type ``dynamic``."""

    theta: float
    factor: float
    max_position_embeddings: int


@dataclass(frozen=True)
class RopeSpec:
    """Shapes of attention's input and what the rotation needs beside inv_freq (head_dim/2,)."""

    heads: int
    kv_heads: int
    head_dim: int
    page_size: int
    pages_per_sequence: int
    attention_scaling: float
    dynamic: DynamicNtk | None

    @property
    def cache_layout(self) -> Definition:
        """The part of the definition that rope_append shares with attention."""
        return {
            "heads": self.heads,
            "kv_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "page_size": self.page_size,
        }


def rope_append(name: str, spec: RopeSpec, n: Expr, kv_pages: int) -> Any:
    """One invocation per pair of values. ``kv_pages`` only shapes the TIR buffer. grid: pairs of a token, tokens."""
    half_dim = spec.head_dim // 2
    heads_total = spec.heads + 2 * spec.kv_heads
    pairs = heads_total * half_dim
    arguments = [
        Argument("qkv", (n, heads_total * spec.head_dim), "float32"),
        Argument("inv_freq", (half_dim,), "float32"),
        Argument("state", (8,), "int32"),
        Argument("block_table", (spec.pages_per_sequence,), "int32"),
        Argument("k_pages", (kv_pages, spec.kv_heads, spec.page_size, spec.head_dim), "float32"),
        Argument("v_pages", (kv_pages, spec.kv_heads, spec.page_size, spec.head_dim), "float32"),
        Argument("q", (n, spec.heads * spec.head_dim), "float32"),
    ]

    def body(buffers: Buffers, thread: Thread) -> None:
        pair = bind(thread.block_x * THREADS + thread.index)
        token = thread.block_y
        with T.If(pair < pairs), T.Then():
            head = bind(pair // half_dim)
            j = bind(pair % half_dim)
            a = bind(buffers["qkv"][token, head * spec.head_dim + j])
            b = bind(buffers["qkv"][token, head * spec.head_dim + j + half_dim])
            position = bind(buffers["state"][1] + token)
            page = bind(buffers["block_table"][position // spec.page_size])
            slot = bind(position % spec.page_size)
            with T.If(head < spec.heads + spec.kv_heads):
                with T.Then():
                    angle = bind(T.Cast("float32", position) * _frequency(buffers, j, position, spec))
                    cosine, sine = _cos_sin(angle)
                    if spec.attention_scaling != 1.0:
                        cosine = bind(cosine * f32(spec.attention_scaling))
                        sine = bind(sine * f32(spec.attention_scaling))
                    first = bind(a * cosine - b * sine)
                    second = bind(b * cosine + a * sine)
                    with T.If(head < spec.heads):
                        with T.Then():
                            store(buffers["q"], first, token, head * spec.head_dim + j)
                            store(buffers["q"], second, token, head * spec.head_dim + j + half_dim)
                        with T.Else():
                            kv_head = head - spec.heads
                            store(buffers["k_pages"], first, page, kv_head, slot, j)
                            store(buffers["k_pages"], second, page, kv_head, slot, j + half_dim)
                with T.Else():
                    kv_head = head - (spec.heads + spec.kv_heads)
                    store(buffers["v_pages"], a, page, kv_head, slot, j)
                    store(buffers["v_pages"], b, page, kv_head, slot, j + half_dim)

    return function(name, arguments, (ceil_div(pairs, THREADS), n), THREADS, body)


def rope_append_definition(spec: RopeSpec) -> Definition:
    return {
        "op": "rope_append",
        **spec.cache_layout,
        "attention_scaling": spec.attention_scaling,
        "dynamic": asdict(spec.dynamic) if spec.dynamic else None,
    }


def _frequency(buffers: Buffers, j: Expr, position: Expr, spec: RopeSpec) -> Expr:
    """inv_freq[j], or for dynamic NTK past the trained length theta'^(-2j/head_dim)."""
    stored = buffers["inv_freq"][j]
    if spec.dynamic is None:
        return stored
    dynamic = spec.dynamic
    length = bind(T.Cast("float32", position + 1))
    ratio = f32(dynamic.factor / dynamic.max_position_embeddings) * length - f32(dynamic.factor - 1)
    log_theta = bind(f32(math.log(dynamic.theta)) + T.log(ratio) * f32(spec.head_dim / (spec.head_dim - 2)))
    scaled = T.exp(T.Cast("float32", j) * f32(-2 / spec.head_dim) * log_theta)
    return bind(T.Select(position >= dynamic.max_position_embeddings, scaled, stored))


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
