"""How kernels read stored matrices: in chunks along K, one kernel for each storage format.

    value = q * scale + minimum            asymmetric
    value = (q - zero) * scale             symmetric
    value = stored                         plain

A chunk is what one load of up to 16 bytes brings: 32 weights of 4 bits, 16 of 8, 8 of f16 or bf16, 4 of f32.
Nothing here needs shader-f16: halves are unpacked with unpack2x16float.
"""

from __future__ import annotations

from dataclasses import dataclass

from tvm.script.ir_builder import tirx as T

from ...expression import Expression, ceil_div, conjunction
from ...scheme import FloatDtype
from .emit import Argument, Buffers, bfloat, bind, f32, half, lane, quotient, vec4
from .operator import Expr, Symbols

# At least 1: a condition is also evaluated for definitions whose scheme has no groups.
GROUP_SIZE: Expression = ["max", "scheme.group_size", 1]


@dataclass(frozen=True)
class GroupedFormat:
    """Integers of ``bits`` bits in groups of any size that is whole chunks, with scales of one dtype."""

    bits: int
    minimum: bool
    scale_dtype: FloatDtype

    @property
    def name(self) -> str:
        return f"q{self.bits}{'m' if self.minimum else 's'}_{self.scale_dtype}"

    @property
    def chunk(self) -> int:
        """Weights of one chunk."""
        return 128 // self.bits

    @property
    def when(self) -> Expression:
        return conjunction(
            ["==", "scheme.bits", self.bits],
            "scheme.minimum" if self.minimum else ["==", "scheme.minimum", 0],
            f"scheme.scale_{self.scale_dtype}",
            ["==", ["%", "scheme.group_size", self.chunk], 0],
        )

    @property
    def chunks(self) -> Expression:
        """Chunks of one row: the tail of K is padded to a whole group."""
        groups = ceil_div("columns", GROUP_SIZE)
        return ["*", groups, ["//", "scheme.group_size", self.chunk]]


@dataclass(frozen=True)
class PlainFormat:
    """Values as they are, ``chunk`` of them in one load."""

    dtype: FloatDtype
    chunk: int

    @property
    def name(self) -> str:
        return f"{self.dtype}_x{self.chunk}"

    @property
    def when(self) -> Expression:
        whole = ["==", ["%", "columns", 8], 0]
        if self.dtype == "float32":
            return f"scheme.{self.dtype}"
        return conjunction(f"scheme.{self.dtype}", whole if self.chunk == 8 else ["==", whole, 0])

    @property
    def chunks(self) -> Expression:
        return ["//", "columns", self.chunk]


MatrixFormat = GroupedFormat | PlainFormat
FLOAT_DTYPES: tuple[FloatDtype, ...] = ("float16", "bfloat16", "float32")
FORMATS: tuple[MatrixFormat, ...] = (
    *(GroupedFormat(b, minimum, dtype) for b in (4, 8) for minimum in (True, False) for dtype in FLOAT_DTYPES),
    PlainFormat("float32", 4),
    *(PlainFormat(dtype, chunk) for dtype in ("float16", "bfloat16") for chunk in (8, 4)),
)  # fmt: skip


@dataclass(frozen=True)
class Chunk:
    """One chunk of one row: ``values`` are chunk/4 float32x4; weights are values*scale + offset (both None: 1, 0)."""

    values: list[Expr]
    scale: Expr | None
    offset: Expr | None


class MatrixReader:
    """Reads a matrix (rows, columns) stored in ``storage``: the argument ``w`` and, for groups, ``w_scale``.

    The ``chunks`` of a row cover K; those of grouped formats may reach beyond it (``may_pad``).
    """

    def __init__(self, symbols: Symbols, storage: MatrixFormat) -> None:
        self.storage = storage
        self.chunk = storage.chunk
        self.rows = symbols.integer("rows")
        self.chunks = symbols.integer("chunks", storage.chunks)
        self.quads = symbols.integer("quads", ["//", "columns", 4])  # float32x4 of one row of activations
        self.may_pad = isinstance(storage, GroupedFormat)
        if isinstance(storage, GroupedFormat):
            self._groups = symbols.integer("groups", ceil_div("columns", GROUP_SIZE))
            self._group_chunks = symbols.integer("group_chunks", ["//", "scheme.group_size", storage.chunk])
            self._zero = symbols.integer("zero", "scheme.zero")

    def arguments(self) -> list[Argument]:
        storage = self.storage
        if isinstance(storage, PlainFormat):
            dtype = "float32x4" if storage.dtype == "float32" else f"uint32x{storage.chunk // 2}"
            return [Argument("w", (self.rows, self.chunks), dtype)]
        scale_dtype = "float32" if storage.scale_dtype == "float32" else "uint32"
        return [
            Argument("w", (self.rows, self.chunks), "uint32x4"),
            Argument("w_scale", (self.rows * self._groups * 2,), scale_dtype),
        ]

    def load(self, buffers: Buffers, row: Expr, chunk: Expr) -> Chunk:
        """Chunk ``chunk`` of ``row``."""
        storage = self.storage
        word = bind(buffers["w"][row, chunk])
        if isinstance(storage, PlainFormat):
            if storage.dtype == "float32":
                return Chunk([word], None, None)
            read = half if storage.dtype == "float16" else bfloat
            pairs = [lane(word, i) for i in range(self.chunk // 2)]
            values = [
                vec4(read(a, 0), read(a, 1), read(b, 0), read(b, 1))
                for a, b in zip(pairs[::2], pairs[1::2], strict=True)
            ]
            return Chunk([bind(v) for v in values], None, None)
        per_word = 32 // storage.bits
        mask = T.uint32((1 << storage.bits) - 1)
        values = []
        for index in range(0, self.chunk, 4):
            source, first = lane(word, index // per_word), index % per_word
            integers = [
                T.Cast("float32", T.bitwise_and(T.shift_right(source, T.uint32((first + i) * storage.bits)), mask))
                for i in range(4)
            ]
            values.append(bind(vec4(*integers)))
        scale, offset = self._scale_and_offset(storage, buffers, row, chunk)
        return Chunk(values, scale, offset)

    def _scale_and_offset(self, storage: GroupedFormat, buffers: Buffers, row: Expr, chunk: Expr) -> tuple[Expr, Expr]:
        group = bind(row * self._groups + quotient(chunk, self._group_chunks))
        scales = buffers["w_scale"]
        read = half if storage.scale_dtype == "float16" else bfloat
        if storage.minimum:
            if storage.scale_dtype == "float32":
                return bind(scales[group * 2]), bind(scales[group * 2 + 1])
            word = bind(scales[group])
            return bind(read(word, 0)), bind(read(word, 1))
        plain = storage.scale_dtype == "float32"
        scale = bind(scales[group] if plain else read(scales[T.shift_right(group, 1)], T.bitwise_and(group, 1)))
        return scale, bind(scale * (f32(0) - T.Cast("float32", self._zero)))
