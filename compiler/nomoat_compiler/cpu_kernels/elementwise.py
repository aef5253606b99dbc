"""What follows a matrix product, in place or into another buffer; each thread does the rows that it computed.

    add:      y[t, r] += residual[t, r]
    add_bias: y[t, r] += bias[r]
    swiglu:   out[t, r] = silu(gate[t, r]) * up[t, r],  silu(g) = g / (1 + e^-g)     (Shazeer 2020)

float32; ``n_blocks`` groups of 4 rows are shared among threads as in gemv.py and gemm.py, so no barrier is needed
between the product and these. Tolerance of swiglu 1e-6 relative.
"""

from __future__ import annotations

from typing import Any

from .emit import Build, Expr, Memory, bind, exp, function, loop, offset, share, splat_f32


def add() -> Any:
    """add(y, residual, n, n_blocks, thread, threads): both (n, 4 * n_blocks)"""

    def body(y: Memory, residual: Memory, n: Memory, n_blocks: Expr, thread: Expr, threads: Expr) -> None:
        begin, end = share(n_blocks, thread, threads)
        with loop(0, n.load("int32", 0)) as token:
            start = bind(token * n_blocks)
            with loop(begin, end) as i:
                at = offset((start + i) * 16)
                y.store("float32", at, y.load("float32", at, 4) + residual.load("float32", at, 4), 4)

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

    def body(gate: Memory, up: Memory, y: Memory, n: Memory, n_blocks: Expr, thread: Expr, threads: Expr) -> None:
        begin, end = share(n_blocks, thread, threads)
        with loop(0, n.load("int32", 0)) as token:
            start = bind(token * n_blocks)
            with loop(begin, end) as i:
                at = offset((start + i) * 16)
                g = gate.load("float32", at, 4)
                silu = g / (splat_f32(1) + exp(build, splat_f32(0) - g))
                y.store("float32", at, silu * up.load("float32", at, 4), 4)

    return function("swiglu", ("gate", "up", "y", "n"), ("n_blocks", "thread", "threads"), body)
