"""Norms of queries and keys, rotary position embedding, and the new keys and values into the cache.

    (a, b) -> (a cos - b sin, b cos + a sin),  angle = position * inv_freq[j],  a = q[j], b = q[j + rotary_dim/2]
    (Su et al. 2021, in Hugging Face's half-split layout; cos and sin times attention_scaling)

``qk_norm`` divides each query and key head, or all of a token together, by the root of the mean of its squares, times
a gain: tolerance 2e-6 relative. What is behind rotary_dim in a head is not rotated.
``rope_table`` computes cos and sin of each token once for all layers: (n, rotary_dim/2, 2) float32, and for ``dynamic``
NTK scaling the frequencies of each position beyond the trained length.
``rope_append`` rotates q (n, heads * head_dim) in place of qkv's first columns, as int16 with one float32 scale a head
(kv_layout.py has K and V), for attention/cpu.py; ``rope_append_exact`` leaves them float32. Tolerance of the rotation
1e-5 * max|qkv|.

Sine and cosine: quotients by pi/2 in four parts as in gpu.py, polynomials with remainder 2e-9.
"""

from __future__ import annotations

import math
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
    round_to_int,
    select,
    share,
    shuffle,
    splat,
    splat_f32,
    steps_per,
    to_f32,
    to_half,
    when,
)
from ..cpu.exponential import exp
from ..cpu.kv_layout import (
    HALF_BYTES,
    MOST_EXPONENT,
    PAGE_TOKENS,
    QUERY_HEADER_BYTES,
    QUERY_STEPS,
    SCALES_BYTES,
    V_BYTES,
    V_DIMENSIONS,
    head_bytes,
    padded,
)
from ..trigonometry import COS, PI_2, SIN

# Of one thread: a head of up to 1024 values, and what a last vector reaches too far.
SCRATCH_BYTES = 4096 + 16


def kernels(build: Build) -> list[Any]:
    """The norm, the table, and what uses both."""
    return [qk_norm(), rope_table(build), rope_append(exact=False), rope_append(exact=True)]


def qk_norm() -> Any:
    """qk_norm(qkv, q_gain, k_gain, normed, n, heads, kv_heads, head_dim, whole, eps_bits, thread, threads)

    qkv, normed (n, (heads + 2 kv_heads) * head_dim) float32; gains (head_dim,), or (heads * head_dim,) where ``whole``
    is 1 and the mean is over all heads. Values are copied. Heads are shared among threads as in ``rope_append``, so a
    thread that reads there reads what it wrote itself.
    """

    def body(
        qkv: Memory,
        q_gain: Memory,
        k_gain: Memory,
        normed: Memory,
        n: Memory,
        heads: Expr,
        kv_heads: Expr,
        head_dim: Expr,
        whole: Expr,
        eps_bits: Expr,
        thread: Expr,
        threads: Expr,
    ) -> None:
        eps = bind(T.reinterpret("float32", eps_bits))
        all_heads = bind(heads + kv_heads * 2)
        begin, end = share(n.load("int32", 0) * all_heads, thread, threads)
        with loop(begin, end) as item:
            token = bind(T.truncdiv(item, all_heads))
            head = bind(item - token * all_heads)
            row = bind(item * head_dim * 4)

            def scaled(gain: Memory, first: Expr, count: Expr) -> None:
                """The head, of ``count`` heads from ``first`` on."""
                start = bind(T.Select(whole != 0, (token * all_heads + first) * head_dim * 4, row))
                length = bind(T.Select(whole != 0, count, T.int32(1)) * head_dim)
                squares = Register(splat_f32(0), "float32x4")
                with loop(0, T.truncdiv(length, 4)) as j:
                    value = qkv.load("float32", start + j * 16, 4)
                    squares.add(value * value)
                total = Register(horizontal_sum(squares.get()), "float32")
                with loop(T.bitwise_and(length, -4), length) as j:
                    one = qkv.load("float32", start + j * 4)
                    total.add(one * one)
                factor = bind(f32(1) / T.sqrt(total.get() / T.Cast("float32", length) + eps))
                own = bind(T.Select(whole != 0, head - first, T.int32(0)) * head_dim * 4)
                with loop(0, head_dim) as j:
                    value = qkv.load("float32", row + j * 4) * factor * gain.load("float32", own + j * 4)
                    normed.store("float32", row + j * 4, value)

            with T.If(head < heads):
                with T.Then():
                    scaled(q_gain, T.int32(0), heads)
                with T.Else(), T.If(head < heads + kv_heads):
                    with T.Then():
                        scaled(k_gain, heads, kv_heads)
                    with T.Else(), loop(0, head_dim) as j:
                        normed.store("float32", row + j * 4, qkv.load("float32", row + j * 4))

    pointers = ("qkv", "q_gain", "k_gain", "normed", "n")
    scalars = ("heads", "kv_heads", "head_dim", "whole", "eps_bits", "thread", "threads")
    return function("qk_norm", pointers, scalars, body)


def rope_table(build: Build) -> Any:
    """rope_table(inv_freq, long_inv_freq, state, table, n, dynamic, half_dim, scaling_bits, long_from, thread, threads)

    ``long_inv_freq`` is read where ``long_from`` is above 0 and below state[5]. ``half_dim``: pairs that are rotated.
    ``dynamic``: float32 (4,): log theta, rotary_dim / (rotary_dim - 2), factor / trained, factor - 1; then the trained
    length, int32, 0 where frequencies do not depend on the position; then float32 -2 / rotary_dim.
    """

    def body(
        inv_freq: Memory,
        long_inv_freq: Memory,
        state: Memory,
        table: Memory,
        n: Memory,
        dynamic: Memory,
        half_dim: Expr,
        scaling_bits: Expr,
        long_from: Expr,
        thread: Expr,
        threads: Expr,
    ) -> None:
        begin, end = share(n.load("int32", 0), thread, threads)
        first = state.load("int32", 4)
        scaling = bind(T.reinterpret("float32", scaling_bits))
        trained = dynamic.load("int32", 16)
        is_long = bind(T.And(long_from > 0, state.load("int32", 20) > long_from))
        with loop(begin, end) as token:
            position = bind(first + token)
            log_theta = Register(f32(0), "float32")
            grows = bind(T.And(trained > 0, position >= trained))
            with when(grows):
                ratio = dynamic.load("float32", 8) * to_f32(position + 1) - dynamic.load("float32", 12)
                log_theta.set(dynamic.load("float32", 0) + _log(bind(ratio)) * dynamic.load("float32", 4))
            with loop(0, half_dim) as j:
                frequency = Register(inv_freq.load("float32", j * 4), "float32")
                with when(is_long):
                    frequency.set(long_inv_freq.load("float32", j * 4))
                with when(grows):
                    power = to_f32(j) * dynamic.load("float32", 20) * log_theta.get()
                    frequency.set(lane(exp(build, splat(power)), 0))
                cosine, sine = _cos_sin(bind(to_f32(position) * frequency.get()))
                at = bind((token * half_dim + j) * 8)
                table.store("float32", at, cosine * scaling)
                table.store("float32", at + 4, sine * scaling)

    pointers = ("inv_freq", "long_inv_freq", "state", "table", "n", "dynamic")
    return function("rope_table", pointers, ("half_dim", "scaling_bits", "long_from", "thread", "threads"), body)


def rope_append(*, exact: bool) -> Any:
    """rope_append(qkv, table, state, block_table, kv, scratch, n, q, heads, kv_heads, head_dim, rotary_dim,
    head_stride, k_offset, v_offset, thread, threads)

    qkv (n, (heads + 2 kv_heads) * head_dim) float32; q (n, heads) rows of int16 (see attention/cpu.py), of
    rope_append_exact (n, heads * head_dim) float32. Tokens and heads are shared among threads. ``scratch``:
    ``head_dim`` float32 a thread, SCRATCH_BYTES apart.
    """

    def body(
        qkv: Memory,
        table: Memory,
        state: Memory,
        block_table: Memory,
        kv: Memory,
        scratch: Memory,
        n: Memory,
        q: Memory,
        heads: Expr,
        kv_heads: Expr,
        head_dim: Expr,
        rotary_dim: Expr,
        head_stride: Expr,
        k_offset: Expr,
        v_offset: Expr,
        thread: Expr,
        threads: Expr,
    ) -> None:
        tokens = n.load("int32", 0)
        # With one token the work is shared by heads.
        width = bind(padded(head_dim))
        half_dim = bind(T.truncdiv(rotary_dim, 2))
        first = state.load("int32", 4)
        own = bind(thread * SCRATCH_BYTES)
        all_heads = bind(heads + kv_heads * 2)
        begin, end = share(tokens * all_heads, thread, threads)
        with loop(begin, end) as item:
            token = bind(T.truncdiv(item, all_heads))
            head = bind(item - token * all_heads)
            position = bind(first + token)
            row = bind((token * all_heads + head) * head_dim * 4)
            # The rotated (or copied) head, zero up to ``width``, in this thread's scratch. A last vector reaches too
            # far, so the second half comes after the first one, then what is not rotated, and the zeros after all.
            copied = Register(T.int32(0), "int32")
            with when(head < heads + kv_heads):
                copied.set(rotary_dim)
                for second in (False, True):
                    with loop(0, T.truncdiv(half_dim + 3, 4)) as j:
                        at = bind(token * half_dim * 8 + j * 32)
                        pairs = [table.load("float32", at + 16 * i, 4) for i in (0, 1)]
                        cosine, sine = (bind(shuffle(pairs[0], pairs[1], (i, i + 2, i + 4, i + 6))) for i in (0, 1))
                        a = qkv.load("float32", row + j * 16, 4)
                        b = qkv.load("float32", row + half_dim * 4 + j * 16, 4)
                        if second:
                            scratch.store("float32", own + half_dim * 4 + j * 16, b * cosine + a * sine, 4)
                        else:
                            scratch.store("float32", own + j * 16, a * cosine - b * sine, 4)
            rest = bind(copied.get())
            with loop(0, T.truncdiv(head_dim - rest + 3, 4)) as j:
                at = bind(rest * 4 + j * 16)
                scratch.store("float32", own + at, qkv.load("float32", row + at, 4), 4)
            with loop(head_dim, width) as j:
                scratch.store("float32", own + j * 4, f32(0))
            largest = Register(splat_f32(0), "float32x4")
            with loop(0, T.truncdiv(width, 4)) as j:
                largest.set(T.max(largest.get(), absolute(scratch.load("float32", own + j * 16, 4))))
            peak = horizontal_max(largest.get())
            with T.If(head < heads):
                with T.Then():
                    if exact:
                        target = bind((token * heads + head) * head_dim * 4)
                        with loop(0, T.truncdiv(head_dim, 2)) as j:  # What follows belongs to another thread.
                            q.store("float32", target + j * 8, scratch.load("float32", own + j * 8, 2), 2)
                    else:
                        target = bind((token * heads + head) * (width * 2 + QUERY_HEADER_BYTES))
                        inverse = steps_per(peak, QUERY_STEPS)
                        q.store("float32", target, peak * f32(1 / QUERY_STEPS))
                        with loop(0, T.truncdiv(width, 4)) as j:
                            value = round_to_int(scratch.load("float32", own + j * 16, 4) * inverse)
                            q.store("int16", target + QUERY_HEADER_BYTES + j * 8, T.Cast("int16x4", value), 4)
                with T.Else():
                    place = block_table.load("int32", T.truncdiv(position, PAGE_TOKENS) * 4)
                    slot = bind(T.truncmod(position, PAGE_TOKENS))
                    is_key = head < heads + kv_heads
                    kv_head = bind(T.Select(is_key, head - heads, head - heads - kv_heads))
                    base = bind(T.Select(is_key, k_offset, v_offset) + kv_head * head_stride)
                    block = bind(place * head_bytes(width, exact) + base)
                    write = _write_halves if exact else _write_int8
                    write(kv, block, slot, is_key, scratch, own, width, peak)

    pointers = ("qkv", "table", "state", "block_table", "kv", "scratch", "n", "q")
    scalars = (
        "heads", "kv_heads", "head_dim", "rotary_dim", "head_stride", "k_offset", "v_offset", "thread", "threads",
    )  # fmt: skip
    return function("rope_append_exact" if exact else "rope_append", pointers, scalars, body)


def _write_int8(
    kv: Memory, block: Expr, slot: Expr, is_key: Expr, values: Memory, own: Expr, width: Expr, peak: Expr
) -> None:
    """Token ``slot`` of a page, ``width`` float32 at ``own`` with the largest magnitude ``peak``."""
    inverse = steps_per(peak, 127)
    kv.store("float32", block + slot * 4, peak * f32(1 / 127))
    pair = bind(slot * 2 + block + SCALES_BYTES)
    lanes = bind(T.bitwise_and(slot, -2) * V_DIMENSIONS + T.bitwise_and(slot, 1) + block + SCALES_BYTES)
    with loop(0, T.truncdiv(width, 4)) as j:
        value = bind(round_to_int(values.load("float32", own + j * 16, 4) * inverse))
        with T.If(is_key):
            with T.Then():
                for k in range(4):
                    at = pair + j * (4 * PAGE_TOKENS) + (k // 2 * 2 * PAGE_TOKENS + k % 2)
                    kv.store("int8", at, T.Cast("int8", lane(value, k)))
            with T.Else():
                at = bind(lanes + T.truncdiv(j, 2) * V_BYTES + T.bitwise_and(j, 1) * 8)
                for k in range(4):
                    kv.store("int8", at + 2 * k, T.Cast("int8", lane(value, k)))


def _write_halves(
    kv: Memory, block: Expr, slot: Expr, is_key: Expr, values: Memory, own: Expr, width: Expr, peak: Expr
) -> None:
    """As ``_write_int8``, in float16. What is not finite keeps that in its scale."""
    exponent = bind(T.shift_right(T.reinterpret("int32", peak), 23) - 127)
    shift = bind(T.max(exponent - MOST_EXPONENT, T.int32(0)))
    scale = bind(T.Select(exponent == 128, T.int32(128), shift))
    kv.store("int32", block + slot * 4, T.shift_left(scale + 127, 23))
    inverse = bind(splat(T.reinterpret("float32", T.shift_left(T.int32(127) - shift, 23))))
    column = bind(slot * HALF_BYTES + block + SCALES_BYTES)
    row = bind(slot * (V_DIMENSIONS * HALF_BYTES) + block + SCALES_BYTES)
    with loop(0, T.truncdiv(width, 4)) as j:
        value = to_half(bind(values.load("float32", own + j * 16, 4) * inverse))
        with T.If(is_key):
            with T.Then():
                for k in range(4):
                    at = column + (j * 4 + k) * (PAGE_TOKENS * HALF_BYTES)
                    kv.store("int16", at, T.Cast("int16", lane(value, k)))
            with T.Else():
                at = row + T.truncdiv(j, 2) * (V_BYTES * HALF_BYTES) + T.bitwise_and(j, 1) * (4 * HALF_BYTES)
                kv.store("int16", at, T.Cast("int16x4", value), 4)


def _log(x: Expr) -> Expr:
    """Natural logarithm of a normal float32 above 0, relative error 3e-7: exponent, and a series in (m-1)/(m+1)."""
    bits = bind(T.reinterpret("int32", x))
    exponent = bind(T.shift_right(bits, 23) - 127)
    mantissa = bind(T.reinterpret("float32", T.bitwise_or(T.bitwise_and(bits, 0x7FFFFF), 0x3F800000)))
    s = bind((mantissa - f32(1)) / (mantissa + f32(1)))
    square = bind(s * s)
    value = f32(1 / 15)
    for coefficient in (1 / 13, 1 / 11, 1 / 9, 1 / 7, 1 / 5, 1 / 3, 1.0):
        value = value * square + f32(coefficient)
    return to_f32(exponent) * f32(math.log(2)) + f32(2) * s * value


def _polynomial(x: Expr, coefficients: tuple[float, ...]) -> Expr:
    value: Expr = f32(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = value * x + f32(coefficient)
    return value


def _cos_sin(angle: Expr) -> tuple[Expr, Expr]:
    """cos and sin of an angle >= 0."""
    quotient = bind(T.Cast("int32", angle * f32(2 / math.pi) + f32(0.5)))
    whole = to_f32(quotient)
    rest = angle
    for part in PI_2:
        rest = bind(rest - whole * f32(part))
    square = bind(rest * rest)
    sine = bind(rest + rest * square * _polynomial(square, SIN))
    cosine = bind(f32(1) - square * f32(0.5) + square * square * _polynomial(square, COS))
    quadrant = bind(T.bitwise_and(quotient, 3))
    swap = T.bitwise_and(quadrant, 1) == 1
    sine_magnitude = select("float32", swap, cosine, sine)
    cosine_magnitude = select("float32", swap, sine, cosine)
    sine_sign = select("float32", quadrant >= 2, f32(-1), f32(1))
    cosine_sign = select("float32", T.Or(quadrant == 1, quadrant == 2), f32(-1), f32(1))
    return bind(cosine_magnitude * cosine_sign), bind(sine_magnitude * sine_sign)
