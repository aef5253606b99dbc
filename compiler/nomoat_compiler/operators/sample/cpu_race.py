"""The race of the tokens that the filters keep: the least E_i / w_i wins, the lowest id at a tie.

E_i is the waiting time of token i, as in reference/sampling.py: a hash of (seed, step, i), and its logarithm. Only the
hash is made of every kept token, four at a time: with v / 2^32 = e^-E, 1 - v / 2^32 is at most E, so a token whose
1 - v / 2^32 is not below w_i times the least ratio so far has lost, and most have. The logarithm is made of the others.
"""

from __future__ import annotations

import math

from tvm.script.ir_builder import tirx as T

from ..cpu.emit import (
    Expr,
    Memory,
    Register,
    any_lane,
    as_type,
    bind,
    f32,
    leading_zeros,
    loop,
    mask,
    splat,
    splat_f32,
    splat_i32,
    to_f32,
    when,
    wrapping_product,
)

HASHES_AT = 16  # bytes of a part that nothing else uses (sample_greedy/cpu.py)
LARGEST = 3.4028234663852886e38
# What rounding may make of a product of the bound: then a token too many is looked at.
SLACK = 1.000001


def race(weights: Memory, parts: Memory, state: Memory, vocab_size: Expr, level: Expr) -> Expr:
    """The winner among the tokens whose weight's bits are at least ``level``."""
    seed, step = state.load("uint32", 12), state.load("uint32", 8)
    first = _pcg(T.bitwise_xor(_pcg(seed), step))
    keys = [bind(splat(T.reinterpret("int32", key))) for key in (first, _pcg(first))]
    least_kept = bind(T.max(level, T.int32(1)))  # a weight of 0 is never kept
    least = Register(f32(LARGEST), "float32")
    token = Register(T.int32(0), "int32")
    with loop(0, T.truncdiv(vocab_size + 3, 4)) as i:
        w = weights.load("float32", i * 16, 4)
        kept = mask(as_type("int32x4", w) >= splat(least_kept))
        with when(any_lane(kept)):
            hashed = splat(i * 4) + T.ramp(T.int32(0), 1, 4)
            for key in keys:
                hashed = _mix(bind(T.bitwise_xor(hashed, key)))
            lost = T.Cast("float32x4", bind(_shifted(T.bitwise_xor(hashed, splat_i32(-1)), 8))) * splat_f32(2.0**-24)
            bound = bind(splat(least.get() * f32(SLACK))) * w
            with when(any_lane(bind(T.bitwise_and(kept, mask(lost < bound))))):
                parts.store("int32", T.int32(HASHES_AT), hashed, 4)
                with loop(0, 4) as k:
                    weight = weights.load("float32", i * 16 + k * 4)
                    with when(T.reinterpret("int32", weight) >= least_kept):
                        ratio = bind(_waiting_time(parts.load("int32", HASHES_AT + k * 4)) / weight)
                        with when(ratio < least.get()):
                            least.set(ratio)
                            token.set(i * 4 + k)
    return bind(token.get())


def _waiting_time(hashed: Expr) -> Expr:
    """E of the hash of a token."""
    v = bind(T.bitwise_or(hashed, T.int32(1)))
    k = leading_zeros(v)
    complement = bind(T.bitwise_xor(T.shift_left(v, k), T.int32(-1)))  # from 0 to 2^31 - 1
    z = bind((to_f32(complement) + f32(1)) * f32(2.0**-32))
    s = bind(z / (f32(2) - z))
    square = bind(s * s)
    series = f32(1 / 13)
    for odd in (11, 9, 7, 5, 3, 1):
        series = bind(series * square + f32(1 / odd))
    return bind(to_f32(k) * f32(math.log(2)) + f32(2) * s * series)


def _mix(x: Expr) -> Expr:
    """Of int32x4, as in reference/sampling.py."""
    x = wrapping_product(bind(T.bitwise_xor(x, _shifted(x, 16))), splat_i32(0x7FEB352D))
    x = wrapping_product(bind(T.bitwise_xor(x, _shifted(x, 15))), splat_i32(0x846CA68B - (1 << 32)))
    return bind(T.bitwise_xor(x, _shifted(x, 16)))


def _shifted(x: Expr, bits: int) -> Expr:
    """int32x4 to the right, with zeros coming in."""
    return as_type("int32x4", T.shift_right(as_type("uint32x4", x), T.broadcast(T.uint32(bits), 4)))


def _pcg(value: Expr) -> Expr:
    """PCG-RXS-M-XS on 32 bits: one multiply-add step and its output permutation (O'Neill 2014)."""
    word = _wrapping(value, 747796405, 2891336453)
    shift = T.shift_right(word, T.uint32(28)) + T.uint32(4)
    mixed = _wrapping(bind(T.bitwise_xor(T.shift_right(word, shift), word)), 277803737, 0)
    return bind(T.bitwise_xor(T.shift_right(mixed, T.uint32(22)), mixed))


def _wrapping(value: Expr, factor: int, term: int) -> Expr:
    """value * factor + term modulo 2^32. By 64 bits, since TVM promises LLVM that unsigned products do not overflow."""
    wide = T.Cast("uint64", value) * T.Cast("uint64", T.uint32(factor)) + T.Cast("uint64", T.uint32(term))
    return bind(T.Cast("uint32", T.bitwise_and(wide, T.Cast("uint64", T.uint32(0xFFFFFFFF)))))
