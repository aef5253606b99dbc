"""A diagonal linear recurrence:  h = decay * h + x[t],  out[t] = h

x, out (n, columns) float32; decay (columns,) float32; memory (slots, columns) float32: row state[4] is what the
sequence's last token left, taken for zero where state[1], the position, is 0. Four channels at a time, which are shared
among threads; all in float32, one or two roundings a token: 1e-6 * n relative to the largest |h|.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from ..cpu.emit import Build, Expr, Memory, Register, bind, fma, function, loop, offset, share, splat_f32, when


def kernels(build: Build) -> list[Any]:
    """The recurrence is one kernel."""
    return [linear_recurrence(build)]


def linear_recurrence(build: Build) -> Any:
    """linear_recurrence(x, decay, state, memory, out, n, columns, thread, threads); columns is a multiple of 4."""

    def body(
        x: Memory,
        decay: Memory,
        state: Memory,
        memory: Memory,
        out: Memory,
        n: Memory,
        columns: Expr,
        thread: Expr,
        threads: Expr,
    ) -> None:
        tokens = n.load("int32", 0)
        position = state.load("int32", 4)
        row = bind(state.load("int32", 16) * columns * 4)
        begin, end = share(T.truncdiv(columns, 4), thread, threads)
        with loop(begin, end) as quad:
            at = offset(row + quad * 16)
            factors = decay.load("float32", quad * 16, 4)
            h = Register(splat_f32(0), "float32x4")
            with when(position > 0):
                h.set(memory.load("float32", at, 4))
            with loop(0, tokens) as token:
                value = offset((token * columns + quad * 4) * 4)
                h.set(bind(fma(build, factors, h.get(), x.load("float32", value, 4))))
                out.store("float32", value, h.get(), 4)
            memory.store("float32", at, h.get(), 4)

    pointers = ("x", "decay", "state", "memory", "out", "n")
    return function("linear_recurrence", pointers, ("columns", "thread", "threads"), body)
