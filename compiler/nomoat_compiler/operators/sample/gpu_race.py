"""The race of the tokens that the filters keep: the least E_i / w_i wins, the lowest id at a tie.

E_i is the waiting time of token i, as in reference/sampling.py: a hash of (seed, step, i), and its logarithm. With
v / 2^32 = e^-E, 1 - v / 2^32 is at most E, so a token whose 1 - v / 2^32 is not below w_i times the least ratio so far
has lost, and needs no logarithm.
"""

from __future__ import annotations

import math
from typing import Any

from tvm.script.ir_builder import tirx as T

from ..gpu.best_of import Best
from ..gpu.emit import bind, f32
from ..gpu.operator import Expr

LARGEST = 3.0e38
# What rounding may make of a product of the bound: then a token too many is looked at.
SLACK = 1.00001


class Race:
    """The race of one invocation: ``best`` has its winner, by the complement of the ratio's bits."""

    def __init__(self, state: Any, best: Best) -> None:
        seed, step = T.reinterpret("uint32", state[3]), T.reinterpret("uint32", state[2])
        first = _pcg(T.bitwise_xor(_pcg(seed), step))
        self._keys = (first, _pcg(first))
        self._best = best

    def enter(self, token: Expr, bits: Expr) -> None:
        """``bits``: those of its weight, which is not 0."""
        w = bind(T.reinterpret("float32", bits))
        hashed = T.Cast("uint32", token)
        for key in self._keys:
            hashed = _mix(bind(T.bitwise_xor(hashed, key)))
        key = bind(self._best.key.get())
        least = T.Select(key == T.uint32(0), f32(LARGEST), T.reinterpret("float32", _complement(key)))
        lost = T.Cast("float32", T.shift_right(_complement(hashed), T.uint32(8))) * f32(2.0**-24)
        with T.If(lost <= least * f32(SLACK) * w), T.Then():
            ratio = bind(_waiting_time(hashed) / w)
            self._best.consider(bind(_complement(T.reinterpret("uint32", ratio))), token)


def _waiting_time(hashed: Expr) -> Expr:
    """E of the hash of a token."""
    v = bind(T.bitwise_or(hashed, T.uint32(1)))
    k = bind(T.call_pure_extern("uint32", "countLeadingZeros", v))
    z = bind((T.Cast("float32", _complement(T.shift_left(v, k))) + f32(1)) * f32(2.0**-32))
    s = bind(z / (f32(2) - z))
    square = bind(s * s)
    series = f32(1 / 13)
    for odd in (11, 9, 7, 5, 3, 1):
        series = bind(series * square + f32(1 / odd))
    return T.Cast("float32", k) * f32(math.log(2)) + f32(2) * s * series


def _complement(bits: Expr) -> Expr:
    return T.bitwise_xor(bits, T.uint32(0xFFFFFFFF))


def _mix(x: Expr) -> Expr:
    x = bind(T.bitwise_xor(x, T.shift_right(x, T.uint32(16))) * T.uint32(0x7FEB352D))
    x = bind(T.bitwise_xor(x, T.shift_right(x, T.uint32(15))) * T.uint32(0x846CA68B))
    return bind(T.bitwise_xor(x, T.shift_right(x, T.uint32(16))))


def _pcg(value: Expr) -> Expr:
    """PCG-RXS-M-XS on 32 bits: one multiply-add step and its output permutation (O'Neill 2014)."""
    state = bind(value * T.uint32(747796405) + T.uint32(2891336453))
    shift = T.shift_right(state, T.uint32(28)) + T.uint32(4)
    word = bind(T.bitwise_xor(T.shift_right(state, shift), state) * T.uint32(277803737))
    return bind(T.bitwise_xor(T.shift_right(word, T.uint32(22)), word))
