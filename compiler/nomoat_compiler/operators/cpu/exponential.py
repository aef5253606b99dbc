"""e^x, 2^x and tanh of float32x4, by polynomials: WebAssembly has no instruction, and the kernels no library."""

from __future__ import annotations

from collections.abc import Sequence

from tvm.script.ir_builder import tirx as T

from .emit import ROUND, Build, Expr, absolute, as_type, bind, fma, splat_f32, splat_i32


def exp(build: Build, x: Expr) -> Expr:
    """e^x of float32x4, relative error 2e-7; x is taken between -87 and 88, beyond which float32 ends.

    x = k ln 2 + r with |r| <= ln 2 / 2; e^r by its Taylor terms up to r^7, whose remainder is 2e-9.
    """
    x = bind(T.max(T.min(x, splat_f32(88.0)), splat_f32(-87.0)))
    shifted = bind(fma(build, x, splat_f32(1.4426950408889634), splat_f32(ROUND)))
    k = bind(shifted - splat_f32(ROUND))
    # ln 2 in two parts, the first with 12 bits fewer, so that k times it is exact.
    r = bind(x - k * splat_f32(0.693359375) - k * splat_f32(-2.12194440e-4))
    value = splat_f32(1 / 5040)
    for coefficient in (1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1.0, 1.0):
        value = bind(fma(build, value, r, splat_f32(coefficient)))
    exponent = T.shift_left(as_type("int32x4", shifted) - splat_i32(0x4B400000), splat_i32(23))
    return bind(as_type("float32x4", as_type("int32x4", value) + exponent))


def tanh(build: Build, x: Expr) -> Expr:
    """tanh of float32x4, relative error 1e-6; NaN stays.

    Below 0.4 its Taylor terms up to x^11, whose remainder is 6e-8, else (1 - e^-2x) / (1 + e^-2x) with the sign of x.
    """
    magnitude = absolute(x)
    square = bind(x * x)
    value = splat_f32(-1382 / 155925)
    for coefficient in (62 / 2835, -17 / 315, 2 / 15, -1 / 3):
        value = bind(fma(build, value, square, splat_f32(coefficient)))
    small = bind(x + x * square * value)
    power = exp(build, magnitude * splat_f32(-2))
    large = bind((splat_f32(1) - power) / (splat_f32(1) + power))
    sign = T.bitwise_and(as_type("int32x4", x), splat_i32(-0x80000000))
    signed = as_type("float32x4", T.bitwise_or(as_type("int32x4", large), sign))
    # Not a number is not above 0.4, and so is itself.
    return bind(T.Select(magnitude > splat_f32(0.4), signed, small))


# Below 2^-126 float32 has fewer digits. 2^r between -1/2 and 1/2, from the highest power on: the least relative error,
# 2.6e-6, by reweighted least squares.
_LOWEST = -126.0
_COEFFICIENTS = (
    0.009570070542395115,
    0.05591785907745361,
    0.2402474582195282,
    0.6931217908859253,
    0.9999992847442627,
)
# What ``exp2`` needs in vectors; the second one rounds (emit.py).
EXP2_CONSTANTS = (_LOWEST, ROUND, *_COEFFICIENTS)


def exp2(build: Build, x: Expr, constants: Sequence[Expr]) -> Expr:
    """2^x of float32x4 at most 0, relative error 3e-6; below -126 it is 2^-126. ``constants``: EXP2_CONSTANTS."""
    lowest, rounder, value, *rest = constants
    x = bind(T.max(x, lowest))
    shifted = bind(x + rounder)
    r = bind(x - bind(shifted - rounder))
    for coefficient in rest:
        value = bind(fma(build, value, r, coefficient))
    # The integer is in the low bits of ``shifted``, whose other bits are shifted out.
    exponent = T.shift_left(as_type("int32x4", shifted), splat_i32(23))
    return bind(as_type("float32x4", as_type("int32x4", value) + exponent))
