"""A diagonal linear recurrence:  h = decay * h + x[t],  out[t] = h,  from the state that a sequence left behind.

x (n, columns), decay (columns,), memory (state_slots, columns), out (n, columns) float32. The sequence's row of memory
is state[4]; before position 0 (state[1] == 0) h is zero, whatever the row holds. One rounding per token: tolerance
1e-6 * n relative to the largest |h|.
"""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from ...expression import ceil_div
from ..gpu.emit import Argument, Buffers, Register, Thread, bind, f32, function, store
from ..gpu.operator import GpuOperator, Kernel, Stage, Symbols, Variant

THREADS = 64


def gpu() -> GpuOperator:
    return GpuOperator((Stage("linear_recurrence", (Variant("linear_recurrence", 1, _linear_recurrence),)),))


def _linear_recurrence(symbols: Symbols) -> Kernel:
    """One invocation per column, which walks the tokens in order. grid: columns, 1."""
    columns = symbols.integer("columns")
    arguments = [
        Argument("x", (symbols.n, columns), "float32"),
        Argument("decay", (columns,), "float32"),
        Argument("state", (8,), "int32"),
        Argument("memory", (symbols.n, columns), "float32"),
        Argument("out", (symbols.n, columns), "float32"),
    ]

    def body(buffers: Buffers, thread: Thread) -> None:
        column = bind(thread.block_x * THREADS + thread.index)
        with T.If(column < columns), T.Then():
            slot = bind(buffers["state"][4])
            decay = bind(buffers["decay"][column])
            h = Register(initial=f32(0))
            with T.If(buffers["state"][1] > 0), T.Then():
                h.set(buffers["memory"][slot, column])
            with T.serial(symbols.n) as token:
                h.set(decay * h.get() + buffers["x"][token, column])
                store(buffers["out"], h.get(), token, column)
            store(buffers["memory"], h.get(), slot, column)

    return function("linear_recurrence", arguments, (ceil_div("columns", THREADS), 1), THREADS, body)
