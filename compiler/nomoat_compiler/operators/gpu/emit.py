"""How a kernel is written here: one TIR function, one launch, named arguments.

Every kernel file builds its TIR with plain Python over TVM's IR builder, so what tells variants apart (a storage
format, the number of lanes) is a Python ``if`` and leaves no trace in the generated WGSL. What the definition decides
(a shape, a bias) is a symbol (operator.py): a number or a condition that the browser's compiler folds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T
from tvm.tirx import Var

from ...expression import Expression
from .operator import Expr, Kernel

Buffers = dict[str, Any]


@dataclass(frozen=True)
class Argument:
    """A storage buffer of a kernel. ``shape`` counts elements of ``dtype``, which may be a vector (float32x4)."""

    name: str
    shape: tuple[Expr, ...]
    dtype: str


@dataclass(frozen=True)
class Thread:
    """The ids of one invocation: workgroup x and y, and the index within the workgroup."""

    block_x: Expr
    block_y: Expr
    index: Expr


def function(
    name: str,
    arguments: Sequence[Argument],
    grid: tuple[Expression, Expression],
    threads: int,
    body: Callable[[Buffers, Thread], None],
) -> Kernel:
    """The kernel ``name``: ``grid`` workgroups in x and y of ``threads`` invocations that each run ``body``."""
    # TVM only needs to know which extents are 1; the rest of the grid is computed by who launches the kernel.
    extents = [
        1 if extent == 1 else Var(f"workgroups_{axis}", "int32") for extent, axis in zip(grid, "xy", strict=True)
    ]
    with IRBuilder() as builder:
        with T.prim_func(s_tir=True, private=True):
            T.func_name(name)
            buffers = {a.name: T.arg(a.name, T.buffer(a.shape, a.dtype)) for a in arguments}
            with (
                T.launch_thread("blockIdx.x", extents[0]) as bx,
                T.launch_thread("blockIdx.y", extents[1]) as by,
                T.launch_thread("threadIdx.x", threads) as tx,
            ):
                body(buffers, Thread(bx, by, tx))
        result = builder.get()
    return Kernel(result.with_attr("global_symbol", name), grid)


class Register:
    """A mutable per-invocation value: ``r.get()``, ``r.set(v)``, ``r.add(v)``."""

    def __init__(self, dtype: str = "float32", initial: Expr | None = None) -> None:
        self._buffer = T.alloc_buffer((1,), dtype, scope="local")
        if initial is not None:
            self.set(initial)

    def get(self) -> Expr:
        return self._buffer[0]

    def set(self, value: Expr) -> None:
        T.buffer_store(self._buffer, value, [0])

    def add(self, value: Expr) -> None:
        self.set(self.get() + value)

    def scale(self, value: Expr) -> None:
        self.set(self.get() * value)


def store(buffer: Any, value: Expr, *indices: Expr) -> None:
    T.buffer_store(buffer, value, list(indices))


def barrier() -> None:
    """workgroupBarrier(): every invocation of the workgroup must reach it."""
    T.evaluate(T.tvm_storage_sync("shared"))


def storage_barrier() -> None:
    """storageBarrier(): what the workgroup wrote to storage buffers is visible to all of it. TVM has no name for it."""
    T.evaluate(T.call_extern("void", "storageBarrier"))
    barrier()


def bind(value: Expr) -> Expr:
    """Names a value so that the generated code computes it once."""
    return T.Bind(value)


def quotient(a: Expr, b: Expr) -> Expr:
    """a // b for a >= 0 and b > 0. Unsigned, for TVM guards the signed division and shifts are cheaper unsigned."""
    return T.Cast("int32", T.truncdiv(T.Cast("uint32", a), T.Cast("uint32", b)))


def remainder(a: Expr, b: Expr) -> Expr:
    """a % b for a >= 0 and b > 0."""
    return T.Cast("int32", T.truncmod(T.Cast("uint32", a), T.Cast("uint32", b)))


def vec4(a: Expr, b: Expr, c: Expr, d: Expr) -> Expr:
    return T.call_pure_extern("float32x4", "vec4<f32>", a, b, c, d)


def f32(value: float) -> Expr:
    """A float32 constant that survives code generation: TVM prints seven digits, float32 needs nine."""
    exact = float(np.float32(value))
    if float(np.float32(f"{exact:e}")) == exact:
        return T.float32(exact)
    return T.reinterpret("float32", T.uint32(int(np.float32(value).view(np.uint32))))


def splat(value: Expr) -> Expr:
    return T.broadcast(value, 4)


def dot(a: Expr, b: Expr) -> Expr:
    """The dot product of two float32x4."""
    return T.call_pure_extern("float32", "dot", a, b)


def lane(vector: Expr, index: int) -> Expr:
    return T.Shuffle([vector], [index])


def half(word: Expr, index: Expr | int) -> Expr:
    """The f16 at half ``index`` (0: low) of a uint32, as float32; needs no shader-f16."""
    if isinstance(index, int):
        return lane(T.call_pure_extern("float32x2", "unpack2x16float", word), index)
    shifted = T.shift_right(word, T.Cast("uint32", index * 16))
    return lane(T.call_pure_extern("float32x2", "unpack2x16float", shifted), 0)


def bfloat(word: Expr, index: Expr | int) -> Expr:
    """The bf16 at half ``index`` (0: low) of a uint32, as float32: its bits are the upper half of a float32."""
    if isinstance(index, int) and index == 1:
        return T.reinterpret("float32", T.bitwise_and(word, T.uint32(0xFFFF0000)))
    shifted = word if isinstance(index, int) else T.shift_right(word, T.Cast("uint32", index * 16))
    return T.reinterpret("float32", T.shift_left(shifted, T.uint32(16)))
