"""How a CPU kernel is written: one TIR function over pointers and int32 scalars, in explicit 128-bit vectors.

A kernel is generic over shapes: sizes are arguments. Most kernels end in the arguments ``thread, threads`` and do
their own share of the work, so a launch is the same call on every thread. Pointers are byte addresses in the one
linear memory, below which nothing is aligned to more than its element.

``Build`` says what the engine that runs the module has. The functions below are the instructions; where a build lacks
one, its replacement is here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T

Expr = Any  # tvm PrimExpr: TVM ships no types


@dataclass(frozen=True)
class Build:
    """One way to compile the library."""

    relaxed: bool  # relaxed SIMD: 8-bit dot products and fused multiply-add
    threads: bool  # shared memory

    @property
    def name(self) -> str:
        return ("relaxed" if self.relaxed else "plain") + ("-threads" if self.threads else "")


BUILDS = tuple(Build(relaxed, threads) for relaxed in (True, False) for threads in (True, False))


# What TVM has no word for. LLVM moves the additions of one sum together, with more values alive than there are
# registers. It moves nothing past assembly with side effects, even where that assembly is empty. Nor does it look into
# it (docs/decisions/0086). TVM's own products promise LLVM that they do not overflow; these wrap.
_LLVM_TEXT = """
define internal <4 x i32> @nomoat_pin(<4 x i32> %value) alwaysinline {
  %same = call <4 x i32> asm sideeffect "", "=r,0"(<4 x i32> %value)
  ret <4 x i32> %same
}
define internal i32 @nomoat_place(i32 %value) alwaysinline {
  %same = call i32 asm "", "=r,0"(i32 %value)
  ret i32 %same
}
define internal <4 x i32> @nomoat_product(<4 x i32> %a, <4 x i32> %b) alwaysinline {
  %product = mul <4 x i32> %a, %b
  ret <4 x i32> %product
}
declare i32 @llvm.ctlz.i32(i32, i1)
define internal i32 @nomoat_leading_zeros(i32 %value) alwaysinline {
  %zeros = call i32 @llvm.ctlz.i32(i32 %value, i1 false)
  ret i32 %zeros
}
"""


class Place:
    """A byte offset that LLVM takes as it is: otherwise it counts further offsets through a loop, and the constants in
    them are added where they could be part of a load.
    """

    def __init__(self, byte_offset: Expr) -> None:
        self.value = T.Bind(T.call_extern("int32", "nomoat_place", byte_offset))


class Memory:
    """A pointer: loads and stores of scalars and vectors at int32 byte offsets, in any alignment.

    All accesses are of bytes, reinterpreted: so there is one view of memory, and the compiler may not take a float and
    an integer at the same place for different things.
    """

    def __init__(self, pointer: Any) -> None:
        self._bytes = T.decl_buffer(((1 << 31) - 1,), "uint8", data=pointer)

    def load(self, dtype: str, byte_offset: Expr, lanes: int = 1) -> Expr:
        """``lanes`` values of ``dtype``, named so that they are loaded once."""
        return T.Bind(self._read(dtype, byte_offset, lanes))

    def splat(self, dtype: str, byte_offset: Expr) -> Expr:
        """One value of ``dtype`` in every lane of a 128-bit vector."""
        return T.Bind(T.broadcast(self._read(dtype, byte_offset, 1), 16 // np.dtype(dtype).itemsize))

    def store(self, dtype: str, byte_offset: Expr, value: Expr, lanes: int = 1) -> None:
        nbytes = np.dtype(dtype).itemsize * lanes
        index = byte_offset if nbytes == 1 else T.ramp(byte_offset, 1, nbytes)
        bits = value if dtype == "uint8" else T.reinterpret(f"uint8x{nbytes}", value)
        T.buffer_store(self._bytes, bits, [index])

    def at(self, byte_offset: Expr | Place) -> Memory:
        """The memory from ``byte_offset`` on. Constant offsets in it cost no instruction."""
        place = byte_offset if isinstance(byte_offset, Place) else Place(byte_offset)
        return Memory(T.Bind(T.address_of(self._bytes[place.value]), T.handle("uint8")))

    def _read(self, dtype: str, byte_offset: Expr, lanes: int) -> Expr:
        nbytes = np.dtype(dtype).itemsize * lanes
        index = byte_offset if nbytes == 1 else T.ramp(byte_offset, 1, nbytes)
        bits = self._bytes[index]
        return bits if dtype == "uint8" else T.reinterpret(dtype if lanes == 1 else f"{dtype}x{lanes}", bits)


def offset(value: Expr) -> Expr:
    """A byte offset that the compiler may take for non-negative: constants added to it then cost nothing."""
    return T.Bind(T.bitwise_and(value, T.int32(0x7FFFFFFF)))


class Register:
    """A mutable local value, scalar or vector; LLVM keeps it in a register."""

    def __init__(self, initial: Expr, dtype: str) -> None:
        self._dtype = dtype
        self._buffer = T.alloc_buffer((1,), dtype)
        self.set(initial)

    def get(self) -> Expr:
        return self._buffer[0]

    def set(self, value: Expr) -> None:
        T.buffer_store(self._buffer, value, [0])

    def add(self, value: Expr) -> None:
        self.set(self.get() + value)

    def add_in_order(self, value: Expr) -> None:
        """Adds before whatever is pinned later. For vectors of 128 bits."""
        self.set(pinned(self._dtype, self.get() + value))


def function(
    name: str, pointers: Sequence[str], scalars: Sequence[str], body: Callable[..., None], floats: Sequence[str] = ()
) -> Any:
    """The TIR function ``name(*pointers, *scalars, *floats)``; ``body`` gets them by name.

    ``calling_conv`` 2 keeps TVM from wrapping it in its own calling convention: what is exported is the plain function.
    """
    with IRBuilder() as builder:
        with T.prim_func(s_tir=True, private=True):
            T.func_name(name)
            arguments: dict[str, Any] = {p: T.arg(p, T.handle("uint8")) for p in pointers}
            arguments |= {s: T.arg(s, T.int32()) for s in scalars}
            arguments |= {f: T.arg(f, T.float32()) for f in floats}
            for p in pointers:
                arguments[p] = Memory(arguments[p])
            with T.attr(T.int32(0), "pragma_import_llvm", _LLVM_TEXT):
                body(**arguments)
        result = builder.get()
    return result.with_attrs({"global_symbol": name, "calling_conv": 2})


def share(count: Expr, thread: Expr, threads: Expr) -> tuple[Expr, Expr]:
    """[begin, end) of ``count`` items for this thread. count * threads must stay below 2^31."""
    begin = T.Bind(T.truncdiv(count * thread, threads))
    end = T.Bind(T.truncdiv(count * (thread + 1), threads))
    return begin, end


def bind(value: Expr) -> Expr:
    return T.Bind(value)


def pinned(dtype: str, vector: Expr) -> Expr:
    """The same vector of 128 bits, computed before whatever is pinned later."""
    return bind(as_type(dtype, T.call_extern("int32x4", "nomoat_pin", as_type("int32x4", vector))))


def select(dtype: str, condition: Expr, a: Expr, b: Expr) -> Expr:
    """a where ``condition`` holds, else b; through a register, since TVM's integer analysis fails on floats."""
    return bind(Register(T.Select(condition, a, b), dtype).get())


def to_f32(value: Expr) -> Expr:
    """An int32 as float32; through a register for the same reason as ``select``."""
    return bind(Register(T.Cast("float32", value), "float32").get())


@contextmanager
def loop(begin: Expr, end: Expr) -> Iterator[Expr]:
    with T.serial(begin, end) as i:
        yield i


@contextmanager
def when(condition: Expr) -> Iterator[None]:
    with T.If(condition), T.Then():
        yield


def f32(value: float) -> Expr:
    return T.float32(float(np.float32(value)))


def zeros(dtype: str, lanes: int) -> Expr:
    return T.broadcast(T.Cast(dtype, T.int32(0)), lanes)


def splat(value: Expr, lanes: int = 4) -> Expr:
    return T.broadcast(value, lanes)


def splat_f32(value: float) -> Expr:
    return T.broadcast(f32(value), 4)


def splat_i32(value: int) -> Expr:
    return T.broadcast(T.int32(value), 4)


def lane(vector: Expr, index: int) -> Expr:
    return T.Shuffle([vector], [index])


def shuffle(a: Expr, b: Expr, indices: Sequence[int]) -> Expr:
    """Lanes of two vectors in a new order: those of ``b`` count on from those of ``a``."""
    return T.Shuffle([a, b], list(indices))


def wrapping_product(a: Expr, b: Expr) -> Expr:
    """int32x4: a * b modulo 2^32."""
    return bind(T.call_extern("int32x4", "nomoat_product", a, b))


def leading_zeros(value: Expr) -> Expr:
    """int32: how many of the highest bits of an int32 are 0."""
    return bind(T.call_extern("int32", "nomoat_leading_zeros", value))


def mask(comparison: Expr) -> Expr:
    """int32x4: -1 in the lanes where a comparison of vectors holds, else 0. TVM's analysis fails on the comparison."""
    return bind(T.Select(comparison, splat_i32(-1), splat_i32(0)))


def any_lane(mask: Expr) -> Expr:
    """Whether one lane of int32x4 is not 0."""
    return llvm("int32", "wasm.anytrue", mask) != 0


def llvm(dtype: str, name: str, *arguments: Expr) -> Expr:
    return T.call_llvm_pure_intrin(dtype, f"llvm.{name}", *arguments)


def as_type(dtype: str, value: Expr) -> Expr:
    return T.reinterpret(dtype, value)


def fma(build: Build, a: Expr, b: Expr, c: Expr) -> Expr:
    """a * b + c, rounded once where the build has it."""
    return llvm("float32x4", "wasm.relaxed.madd", a, b, c) if build.relaxed else a * b + c


def pair_sums(dtype: str, value: Expr) -> Expr:
    """Sums of neighbours as ``dtype``: int16x8 of an int8x16, or int32x4 of an int16x8."""
    return llvm(dtype, "wasm.extadd.pairwise.signed", value)


def dot_i8(a: Expr, b: Expr) -> Expr:
    """int8x16 times uint8x16 of values below 128 -> int16x8: sums of two neighbouring products."""
    return llvm("int16x8", "wasm.relaxed.dot.i8x16.i7x16.signed", as_type("int8x16", a), as_type("int8x16", b))


def dot_i16(a: Expr, b: Expr) -> Expr:
    """int16x8 times int16x8 -> int32x4: sums of two neighbouring products."""
    return llvm("int32x4", "wasm.dot", as_type("int16x8", a), as_type("int16x8", b))


def swizzle(build: Build, table: Expr, indices: Expr) -> Expr:
    """uint8x16: the byte of ``table`` at each of ``indices`` (uint8x16 below 16)."""
    name = "wasm.relaxed.swizzle" if build.relaxed else "wasm.swizzle"
    return as_type("uint8x16", llvm("int8x16", name, as_type("int8x16", table), as_type("int8x16", indices)))


def half_bits_low(words: Expr) -> Expr:
    """The lower four f16 of int16x8 as the bits of float32x4 times 2^-112: see HALF_SCALE."""
    return _half_bits(T.Shuffle([words], [0, 1, 2, 3]))


def half_bits(words: Expr) -> tuple[Expr, Expr]:
    """Both halves of int16x8 as ``half_bits_low`` gives the lower one.

    The two 16-bit halves of each result are made for all eight at once and then interleaved.
    """
    shifted = T.shift_right(words, T.broadcast(T.int16(3), 8))
    high = bind(T.bitwise_and(shifted, T.broadcast(T.int16(-0x7001), 8)))
    low = bind(T.shift_left(words, T.broadcast(T.int16(13), 8)))

    def interleaved(first: int) -> Expr:
        order = [i for k in range(first, first + 4) for i in (k, 8 + k)]
        return bind(as_type("float32x4", shuffle(low, high, order)))

    return interleaved(0), interleaved(4)


def _half_bits(four: Expr) -> Expr:
    """Sign, exponent and mantissa of an f16 moved to their places in a float32; the exponent's bias is 112 short."""
    wide = T.Cast("int32x4", four)
    return as_type("float32x4", T.bitwise_and(T.shift_left(wide, splat_i32(13)), splat_i32(-0x70000001)))


# What half_bits_* leaves out: f16 value = bits * 2^112, subnormal numbers included.
HALF_SCALE = 2.0**112


def to_half(vector: Expr) -> Expr:
    """The f16 nearest to each of float32x4, ties to even, as the lower 16 bits of int32x4: of magnitudes below 65536.

    Those from 65520 on become 0x7C00, which half_bits takes for 65536.
    """
    bits = bind(as_type("int32x4", vector))
    magnitude = bind(T.bitwise_and(bits, splat_i32(0x7FFFFFFF)))
    sign = bind(T.bitwise_and(T.shift_right(bits, splat_i32(16)), splat_i32(0x8000)))
    odd = T.bitwise_and(T.shift_right(magnitude, splat_i32(13)), splat_i32(1))
    normal = bind(T.shift_right(magnitude + odd + splat_i32(0xFFF - (112 << 23)), splat_i32(13)))
    # Below 2^-14 an f16 has steps of 2^-24, as a float32 from 0.5 to 1 has.
    small = bind(as_type("int32x4", as_type("float32x4", magnitude) + splat_f32(0.5)) - splat_i32(0x3F000000))
    return bind(T.bitwise_or(T.Select(magnitude < splat_i32(113 << 23), small, normal), sign))


def horizontal_sum(vector: Expr) -> Expr:
    """The sum of the four lanes of a float32x4."""
    pairs = bind(vector + shuffle(vector, vector, (2, 3, 0, 1)))
    return bind(lane(pairs, 0) + lane(pairs, 1))


def horizontal_max(vector: Expr) -> Expr:
    pairs = bind(T.max(vector, shuffle(vector, vector, (2, 3, 0, 1))))
    return bind(T.max(lane(pairs, 0), lane(pairs, 1)))


def sum_of(values: Sequence[Expr]) -> Expr:
    """From the first to the last, each partial sum named."""
    total = values[0]
    for value in values[1:]:
        total = bind(total + value)
    return total


def steps_per(peak: Expr, steps: int) -> Expr:
    """steps / peak in every lane, by which values become steps of their largest magnitude; 0 where that is 0."""
    return bind(splat(T.Select(peak > f32(0), f32(steps) / peak, f32(0))))


def absolute(vector: Expr) -> Expr:
    """|x| of float32x4, by its sign bit."""
    return as_type("float32x4", T.bitwise_and(as_type("int32x4", vector), splat_i32(0x7FFFFFFF)))


def narrow(low: Expr, high: Expr) -> Expr:
    """Two int32x4 as one int16x8, saturated."""
    return llvm("int16x8", "wasm.narrow.signed", low, high)


# Added to and subtracted from a number below 2^22 in magnitude, it rounds to the nearest integer, ties to even.
ROUND = 12582912.0


def round_to_int(vector: Expr) -> Expr:
    """float32x4 below 2^22 in magnitude -> int32x4, to nearest, ties to even."""
    return as_type("int32x4", vector + splat_f32(ROUND)) - splat_i32(0x4B400000)
