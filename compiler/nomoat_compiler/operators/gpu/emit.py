"""How a kernel is written here: one TIR function, one launch, named arguments.

Every kernel file builds its TIR with plain Python over TVM's IR builder, so a choice made at compile time (a scheme,
a bias, the number of lanes) is a Python ``if`` and leaves no trace in the generated WGSL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T
from tvm.tirx import Var

Expr = Any  # tvm PrimExpr or int: TVM ships no types
Buffers = dict[str, Any]
Definition = dict[str, Any]  # JSON: ``definition`` of program.schema.json


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


@dataclass(frozen=True)
class Variant:
    """One kernel for an operator and what the adapter must have for it."""

    function: Any  # tvm.tirx.PrimFunc
    features: tuple[str, ...] = ()
    subgroup_min_size: int = 0


@dataclass(frozen=True)
class Operator:
    """What a step of the plan can call. Variants are in order of preference; the last needs no feature.

    ``definition`` says what every variant computes, so that a device with kernels of its own can run the same steps.
    """

    name: str
    arguments: tuple[str, ...]
    outputs: tuple[str, ...]
    definition: Definition
    build: Callable[[], tuple[Variant, ...]]  # run once per name: a model calls the same operator in every layer

    @cached_property
    def variants(self) -> tuple[Variant, ...]:
        return self.build()


def symbol_n() -> Expr:
    """The number of tokens of a prefill call, as a free variable of a kernel."""
    return Var("n", "int32")


def function(
    name: str,
    arguments: Sequence[Argument],
    grid: tuple[Expr, Expr],
    threads: int,
    body: Callable[[Buffers, Thread], None],
) -> Any:
    """The TIR function ``name``: ``grid`` workgroups in x and y of ``threads`` invocations that each run ``body``."""
    with IRBuilder() as builder:
        with T.prim_func(s_tir=True, private=True):
            T.func_name(name)
            buffers = {a.name: T.arg(a.name, T.buffer(a.shape, a.dtype)) for a in arguments}
            with (
                T.launch_thread("blockIdx.x", grid[0]) as bx,
                T.launch_thread("blockIdx.y", grid[1]) as by,
                T.launch_thread("threadIdx.x", threads) as tx,
            ):
                body(buffers, Thread(bx, by, tx))
        result = builder.get()
    return result.with_attr("global_symbol", name)


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


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)


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
