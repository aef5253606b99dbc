"""What follows a matrix product, in place or into another buffer; each thread does the rows that it computed.

    add:         y[t, r] += residual[t, r]
    add_rows:    y[t, r] += values[t, r]                     the same for every t where its token_bytes are 0
    activate_<i> y[t, r] = act(y[t, r])                      i: the function's number, declaration.ACTIVATIONS
    gate_<i>     out[t, r] = act(gate[t, r]) * up[t, r]      (Shazeer 2020)
    scale_cap    y[t, r] = softcap * tanh(scale * y[t, r] / softcap), or scale * y[t, r] where softcap is 0

silu(g) = g / (1 + e^-g). gelu by tanh (Hendrycks and Gimpel 2016) is g / (1 + e^-2u) with u the argument of tanh. gelu
by erf is by Abramowitz and Stegun 1964, 7.1.26, good to 0.75e-7 * |g|.

float32; ``n_blocks`` groups of 4 rows are shared among threads as in gemv.py and gemm.py, so no barrier is needed
between the product and these. Tolerance of the others 1e-6 relative and 1.5e-36 absolute.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from tvm.script.ir_builder import tirx as T

from ..declaration import ACTIVATIONS
from .emit import Build, Expr, Memory, absolute, as_type, bind, function, loop, offset, share, splat, splat_f32, when
from .exponential import exp, tanh


def add() -> Any:
    """add(y, residual, n, n_blocks, thread, threads): both (n, 4 * n_blocks)"""

    def body(y: Memory, residual: Memory, n: Memory, n_blocks: Expr, thread: Expr, threads: Expr) -> None:
        def accumulate(at: Expr) -> None:
            y.store("float32", at, y.load("float32", at, 4) + residual.load("float32", at, 4), 4)

        for_each_vector(n, n_blocks, thread, threads, accumulate)

    return function("add", ("y", "residual", "n"), ("n_blocks", "thread", "threads"), body)


def add_rows() -> Any:
    """add_rows(y, values, n, n_blocks, token_bytes, thread, threads): y (n, 4 * n_blocks), values (4 * n_blocks,) for
    each token, token_bytes from one to the next
    """

    def body(
        y: Memory, values: Memory, n: Memory, n_blocks: Expr, token_bytes: Expr, thread: Expr, threads: Expr
    ) -> None:
        begin, end = share(n_blocks, thread, threads)
        with loop(0, n.load("int32", 0)) as token:
            start = bind(token * n_blocks)
            with loop(begin, end) as i:
                at = offset((start + i) * 16)
                added = values.load("float32", offset(token * token_bytes + i * 16), 4)
                y.store("float32", at, y.load("float32", at, 4) + added, 4)

    return function("add_rows", ("y", "values", "n"), ("n_blocks", "token_bytes", "thread", "threads"), body)


def activate(build: Build, activation: int) -> Any:
    """activate_<activation>(y, n, n_blocks, thread, threads): y (n, 4 * n_blocks)"""

    def body(y: Memory, n: Memory, n_blocks: Expr, thread: Expr, threads: Expr) -> None:
        def pass_through(at: Expr) -> None:
            y.store("float32", at, _activated(build, activation, y.load("float32", at, 4)), 4)

        for_each_vector(n, n_blocks, thread, threads, pass_through)

    return function(f"activate_{activation}", ("y", "n"), ("n_blocks", "thread", "threads"), body)


def gate(build: Build, activation: int) -> Any:
    """gate_<activation>(gate, up, y, n, n_blocks, thread, threads): all (n, 4 * n_blocks)"""

    def body(gate: Memory, up: Memory, y: Memory, n: Memory, n_blocks: Expr, thread: Expr, threads: Expr) -> None:
        def multiply(at: Expr) -> None:
            activated = _activated(build, activation, gate.load("float32", at, 4))
            y.store("float32", at, activated * up.load("float32", at, 4), 4)

        for_each_vector(n, n_blocks, thread, threads, multiply)

    return function(f"gate_{activation}", ("gate", "up", "y", "n"), ("n_blocks", "thread", "threads"), body)


def scale_cap(build: Build) -> Any:
    """scale_cap(y, n, n_blocks, scale_bits, softcap_bits, thread, threads): y (n, 4 * n_blocks)"""

    def body(
        y: Memory, n: Memory, n_blocks: Expr, scale_bits: Expr, softcap_bits: Expr, thread: Expr, threads: Expr
    ) -> None:
        scale, softcap = (bind(splat(T.reinterpret("float32", bits))) for bits in (scale_bits, softcap_bits))

        def scaled(at: Expr) -> None:
            y.store("float32", at, y.load("float32", at, 4) * scale, 4)

        def capped(at: Expr) -> None:
            y.store("float32", at, softcap * tanh(build, bind(y.load("float32", at, 4) * scale / softcap)), 4)

        for condition, visit in ((softcap_bits == 0, scaled), (softcap_bits != 0, capped)):
            with when(condition):
                for_each_vector(n, n_blocks, thread, threads, visit)

    return function("scale_cap", ("y", "n"), ("n_blocks", "scale_bits", "softcap_bits", "thread", "threads"), body)


def _activated(build: Build, activation: int, value: Expr) -> Expr:
    return _FUNCTIONS[ACTIVATIONS[activation]](build, value)


def _silu(build: Build, value: Expr) -> Expr:
    g = _at_least(-87.0, value)
    return g / (splat_f32(1) + exp(build, splat_f32(0) - g))


def _gelu(build: Build, value: Expr) -> Expr:
    g = _at_least(-10.0, value)
    z = bind(T.min(absolute(g), splat_f32(10.0)) * splat_f32(math.sqrt(0.5)))
    t = bind(splat_f32(1) / (splat_f32(1) + z * splat_f32(0.3275911)))
    polynomial = splat_f32(1.061405429)
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        polynomial = bind(polynomial * t + splat_f32(coefficient))
    tail = bind(polynomial * t * splat_f32(0.5) * exp(build, splat_f32(0) - z * z))
    return g * T.Select(g < splat_f32(0), tail, splat_f32(1) - tail)


def _gelu_tanh(build: Build, value: Expr) -> Expr:
    g = _at_least(-10.0, value)
    doubled = bind((g + splat_f32(0.044715) * g * g * g) * splat_f32(-2 * math.sqrt(2 / math.pi)))
    return g / (splat_f32(1) + exp(build, doubled))


def _relu(_: Build, value: Expr) -> Expr:
    return _at_least(0.0, value)


_FUNCTIONS: dict[str, Callable[[Build, Expr], Expr]] = {
    "none": lambda _, value: value,
    "silu": _silu,
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "relu": _relu,
}


def _at_least(lowest: float, g: Expr) -> Expr:
    """Below ``lowest``, a number not above 0, the activation is nearly or wholly 0, and its value there stands for all:
    ``exp`` ends at e^88, and a large g over that is not small. NaN passes, since it must reach the logits; a comparison
    of floats may lose it, so the bits are compared: those of more negative numbers are larger, up to those of
    -infinity.
    """
    first = int(np.float32(-abs(lowest)).view(np.uint32)) + 1
    below = as_type("uint32x4", g) - T.broadcast(T.uint32(first), 4) <= T.broadcast(T.uint32(0xFF800000 - first), 4)
    return bind(T.Select(below, splat_f32(lowest), g))


def for_each_vector(n: Memory, n_blocks: Expr, thread: Expr, threads: Expr, visit: Callable[[Expr], None]) -> None:
    """Calls ``visit`` with the byte offset of each of this thread's groups of 4 rows, token by token."""
    begin, end = share(n_blocks, thread, threads)
    with loop(0, n.load("int32", 0)) as token:
        start = bind(token * n_blocks)
        with loop(begin, end) as i:
            visit(offset((start + i) * 16))
