"""What follows a matrix product, in place or into another buffer; each thread does the rows that it computed.

    add:      y[t, r] += residual[t, r]
    add_bias: y[t, r] += bias[r]
    swiglu:   out[t, r] = silu(gate[t, r]) * up[t, r],  silu(g) = g / (1 + e^-g)     (Shazeer 2020)
    geglu:    out[t, r] = gelu(gate[t, r]) * up[t, r]                               (Shazeer 2020)
    gelu:     out[t, r] = gelu(x[t, r]),  gelu(g) = g / 2 * (1 + tanh(sqrt(2/pi) (g + 0.044715 g^3)))

gelu is the form with tanh (Hendrycks and Gimpel 2016), as g / (1 + e^-2u) with u the argument of tanh.
LLaMA needs neither; Gemma, Phi and StarCoder2 do.

float32; ``n_blocks`` groups of 4 rows are shared among threads as in gemv.py and gemm.py, so no barrier is needed
between the product and these. Tolerance of the last three 1e-6 relative and 1.5e-36 absolute.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from tvm.script.ir_builder import tirx as T

from .emit import Build, Expr, Memory, as_type, bind, function, loop, offset, share, splat_f32
from .exponential import exp


def add() -> Any:
    """add(y, residual, n, n_blocks, thread, threads): both (n, 4 * n_blocks)"""

    def body(y: Memory, residual: Memory, n: Memory, n_blocks: Expr, thread: Expr, threads: Expr) -> None:
        def accumulate(at: Expr) -> None:
            y.store("float32", at, y.load("float32", at, 4) + residual.load("float32", at, 4), 4)

        for_each_vector(n, n_blocks, thread, threads, accumulate)

    return function("add", ("y", "residual", "n"), ("n_blocks", "thread", "threads"), body)


def add_bias() -> Any:
    """add_bias(y, bias, n, n_blocks, thread, threads): y (n, 4 * n_blocks), bias (4 * n_blocks,)"""

    def body(y: Memory, bias: Memory, n: Memory, n_blocks: Expr, thread: Expr, threads: Expr) -> None:
        begin, end = share(n_blocks, thread, threads)
        with loop(0, n.load("int32", 0)) as token:
            start = bind(token * n_blocks)
            with loop(begin, end) as i:
                at = offset((start + i) * 16)
                y.store("float32", at, y.load("float32", at, 4) + bias.load("float32", i * 16, 4), 4)

    return function("add_bias", ("y", "bias", "n"), ("n_blocks", "thread", "threads"), body)


def swiglu(build: Build) -> Any:
    """swiglu(gate, up, y, n, n_blocks, thread, threads): all (n, 4 * n_blocks)"""
    return _gated(build, "swiglu", _silu)


def geglu(build: Build) -> Any:
    """geglu(gate, up, y, n, n_blocks, thread, threads): all (n, 4 * n_blocks)"""
    return _gated(build, "geglu", _gelu)


def gelu(build: Build) -> Any:
    """gelu(x, y, n, n_blocks, thread, threads): both (n, 4 * n_blocks)"""

    def body(x: Memory, y: Memory, n: Memory, n_blocks: Expr, thread: Expr, threads: Expr) -> None:
        for_each_vector(n, n_blocks, thread, threads, lambda at: y.store("float32", at, _gelu(build, x, at), 4))

    return function("gelu", ("x", "y", "n"), ("n_blocks", "thread", "threads"), body)


def _gated(build: Build, name: str, activation: Callable[[Build, Memory, Expr], Expr]) -> Any:
    def body(gate: Memory, up: Memory, y: Memory, n: Memory, n_blocks: Expr, thread: Expr, threads: Expr) -> None:
        def multiply(at: Expr) -> None:
            y.store("float32", at, activation(build, gate, at) * up.load("float32", at, 4), 4)

        for_each_vector(n, n_blocks, thread, threads, multiply)

    return function(name, ("gate", "up", "y", "n"), ("n_blocks", "thread", "threads"), body)


def _silu(build: Build, x: Memory, at: Expr) -> Expr:
    g = _at_least(-87.0, x.load("float32", at, 4))
    return g / (splat_f32(1) + exp(build, splat_f32(0) - g))


def _gelu(build: Build, x: Memory, at: Expr) -> Expr:
    g = _at_least(-10.0, x.load("float32", at, 4))
    doubled = bind((g + splat_f32(0.044715) * g * g * g) * splat_f32(-2 * math.sqrt(2 / math.pi)))
    return g / (splat_f32(1) + exp(build, doubled))


def _at_least(lowest: float, g: Expr) -> Expr:
    """Below ``lowest``, a negative number, the activation is nearly 0, and its value there stands for all: ``exp`` ends
    at e^88, and a large g over that is not small. NaN passes, since it must reach the logits; a comparison of floats
    may lose it, so the bits are compared: those of more negative numbers are larger, up to those of -infinity.
    """
    first = int(np.float32(lowest).view(np.uint32)) + 1
    below = as_type("uint32x4", g) - T.broadcast(T.uint32(first), 4) <= T.broadcast(T.uint32(0xFF800000 - first), 4)
    return bind(T.Select(below, splat_f32(lowest), g))


def for_each_vector(n: Memory, n_blocks: Expr, thread: Expr, threads: Expr, visit: Callable[[Expr], None]) -> None:
    """Calls ``visit`` with the byte offset of each of this thread's groups of 4 rows, token by token."""
    begin, end = share(n_blocks, thread, threads)
    with loop(0, n.load("int32", 0)) as token:
        start = bind(token * n_blocks)
        with loop(begin, end) as i:
            visit(offset((start + i) * 16))
