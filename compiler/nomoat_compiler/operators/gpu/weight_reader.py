"""How kernels read stored matrices: in chunks along K, one kernel for each storage format.

    value = q * scale + minimum            asymmetric
    value = (q - zero) * scale             symmetric
    value = codebook[q] * scale            codebook
    value = stored                         plain

A chunk is 32 weights of up to 6 bits, 16 of 8, 8 of f16 or bf16, 4 of f32. Those of 4 and 8 bits and those of floats
are what one load of 16 bytes brings. Nothing here needs shader-f16: halves are unpacked with unpack2x16float.

The common formats, 4 and 8 bits with float16 scales, have kernels of their own. All others of a width share one, in
which the scheme's properties are conditions that compilers fold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

from tvm.script.ir_builder import tirx as T

from ...expression import Expression, ceil_div, conjunction, negation
from ...scheme import CODEBOOKS, QUAD_BITS, QUAD_FIELDS, SUPER_COLUMNS, Bits, FloatDtype
from .emit import Argument, Buffers, Register, bfloat, bind, f32, half, lane, quotient, splat, vec4
from .operator import Expr, Symbols, WgslFunction

# At least 1: a condition is also evaluated for definitions whose scheme has no groups.
GROUP_SIZE: Expression = ["max", "scheme.group_size", 1]
CODEBOOK: Expression = ["+", "scheme.iq4_nl", "scheme.mxfp4"]


@dataclass(frozen=True)
class GroupedFormat:
    """Integers of ``bits`` bits in groups of any size that is whole chunks, with scales in float16."""

    bits: int
    minimum: bool

    @property
    def name(self) -> str:
        return f"q{self.bits}{'m' if self.minimum else 's'}_float16"

    @property
    def chunk(self) -> int:
        """Weights of one chunk."""
        return 128 // self.bits

    @property
    def nibbles(self) -> bool:
        """Words of 4 bits: a quad is 0, 2, 4, 6 of eight weights or 1, 3, 5, 7, the halves of four bytes."""
        return self.bits == 4

    @property
    def when(self) -> Expression:
        # Codebooks have neither a minimum nor this condition's zero.
        kind: Expression = "scheme.minimum"
        if not self.minimum:
            kind = ["==", ["+", "scheme.minimum", CODEBOOK], 0]
        whole = ["==", ["%", "scheme.group_size", self.chunk], 0]
        return conjunction(["==", "scheme.bits", self.bits], kind, "scheme.scale_float16", whole)

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
    nibbles = False

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


@dataclass(frozen=True)
class OpenFormat:
    """Integers of ``bits`` bits under every scheme that has no GroupedFormat: any scales, minimum or zero; or numbers
    of a codebook.
    """

    bits: Bits
    codebook: bool = False

    @property
    def name(self) -> str:
        return f"q{self.bits}{'_codebook' if self.codebook else ''}"

    @property
    def chunk(self) -> int:
        return 16 if self.bits == 8 else 32

    @property
    def nibbles(self) -> bool:
        return self.bits == 4

    @property
    def halves(self) -> int:
        """Parts of a chunk that may have scales of their own."""
        return 2 if self.bits in QUAD_BITS else 1

    @property
    def when(self) -> Expression:
        of_width = conjunction("scheme.grouped", ["==", "scheme.bits", self.bits])
        if self.bits == 4:
            of_width = conjunction(of_width, CODEBOOK if self.codebook else negation(CODEBOOK))
        whole: Expression = ["==", ["%", "scheme.group_size", 16 if self.bits == 8 else 32], 0]
        if self.halves == 2:
            whole = ["max", whole, ["==", "scheme.group_size", 16]]
        special = [] if self.codebook else [storage.when for storage in GROUPED if storage.bits == self.bits]
        return conjunction(of_width, whole, *map(negation, special))

    @property
    def chunks(self) -> Expression:
        padded = ["*", ceil_div("columns", GROUP_SIZE), "scheme.group_size"]
        return ceil_div(padded, self.chunk)


MatrixFormat = GroupedFormat | PlainFormat | OpenFormat
GROUPED = tuple(GroupedFormat(bits, minimum) for bits in (4, 8) for minimum in (True, False))
FORMATS: tuple[MatrixFormat, ...] = (
    *GROUPED,
    *(OpenFormat(bits) for bits in get_args(Bits)),
    OpenFormat(4, codebook=True),
    PlainFormat("float32", 4),
    *(PlainFormat(dtype, chunk) for dtype in ("float16", "bfloat16") for chunk in (8, 4)),
)  # fmt: skip


# Bytes as floats. Compilers know the pattern; unpack4xU8 says the same where it is known.
BYTES = WgslFunction(
    "bytes",
    """fn bytes(word: u32) -> vec4<f32> {
  return vec4<f32>((vec4<u32>(word) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u));
}
""",
    result="float32x4",
)


@dataclass(frozen=True)
class Chunk:
    """A chunk of a row whose words are loaded; its weights are quads of float32, made where ``quad`` is called.

    ``scales``: a (scale, offset) for each part of the chunk, equally long; weights are value * scale + offset. None:
    the values are the weights.
    """

    quad: Callable[[int], Expr]
    scales: list[tuple[Expr, Expr]] | None

    def weights(self, values: Expr, index: int, quads: int) -> Expr:
        """The weights that the values of quad ``index`` of ``quads`` stand for."""
        if self.scales is None:
            return values
        scale, offset = self.scales[index * len(self.scales) // quads]
        return values * splat(scale) + splat(offset)


class MatrixReader:
    """Reads a matrix (rows, columns) stored in ``storage``: the argument ``w`` and, for groups, ``w_scale``.

    The ``chunks`` of a row cover K; those of grouped formats may reach beyond it (``may_pad``).
    """

    def __init__(self, symbols: Symbols, storage: MatrixFormat) -> None:
        self.storage = storage
        self.chunk = storage.chunk
        self._symbols = symbols
        self.rows = symbols.integer("rows")
        self.chunks = symbols.integer("chunks", storage.chunks)
        self.quads = symbols.integer("quads", ["//", "columns", 4])  # float32x4 of one row of activations
        self.may_pad = not isinstance(storage, PlainFormat)
        if isinstance(storage, PlainFormat):
            return
        self._groups = symbols.integer("groups", ceil_div("columns", GROUP_SIZE))
        self._zero = symbols.integer("zero", "scheme.zero")
        if isinstance(storage, GroupedFormat):
            self._group_chunks = symbols.integer("group_chunks", ["//", "scheme.group_size", storage.chunk])
        else:
            self._open = OpenScales(symbols, storage, self._groups, self._zero)

    def arguments(self) -> list[Argument]:
        storage = self.storage
        if isinstance(storage, PlainFormat):
            dtype = "float32x4" if storage.dtype == "float32" else f"uint32x{storage.chunk // 2}"
            return [Argument("w", (self.rows, self.chunks), dtype)]
        if isinstance(storage, GroupedFormat):
            return [
                Argument("w", (self.rows, self.chunks), "uint32x4"),
                Argument("w_scale", (self.rows * self._groups * 2,), "uint32"),
            ]
        loads, lanes = _loads(storage)
        dtype = "uint32" if lanes == 1 else f"uint32x{lanes}"
        return [
            Argument("w", (self.rows, self.chunks * loads), dtype),
            Argument("w_scale", (self._open.words(self.rows),), "uint32"),
        ]

    @property
    def parts(self) -> int:
        """Parts of a chunk that have a scale of their own; 0 where there are no scales."""
        if isinstance(self.storage, PlainFormat):
            return 0
        return self.storage.halves if isinstance(self.storage, OpenFormat) else 1

    def load(self, buffers: Buffers, row: Expr, chunk: Expr) -> Chunk:
        """Chunk ``chunk`` of ``row``, with its quads in stored order (``stored_order``)."""
        storage, symbols = self.storage, self._symbols
        if isinstance(storage, OpenFormat):
            loads, lanes = _loads(storage)
            loaded = [bind(buffers["w"][row, chunk * loads + i]) for i in range(loads)]
            words = loaded if lanes == 1 else [lane(vector, i) for vector in loaded for i in range(lanes)]
            scales = self._open.load(buffers, row, chunk)
            if storage.codebook:
                return Chunk(lambda i: _nibbles(words, i, self._open.number), scales)
            if storage.bits in QUAD_BITS:
                return Chunk(lambda i: symbols.call(BYTES, _quad(words, QUAD_FIELDS[storage.bits][i])), scales)
            return Chunk(lambda i: _integers(symbols, words, storage.bits, i), scales)
        word = bind(buffers["w"][row, chunk])
        if isinstance(storage, GroupedFormat):
            words = [lane(word, i) for i in range(4)]
            scale = self._scale_and_offset(storage, buffers, row, chunk)
            return Chunk(lambda i: _integers(symbols, words, storage.bits, i), [scale])
        if storage.dtype == "float32":
            return Chunk(lambda i: word, None)
        read = half if storage.dtype == "float16" else bfloat

        def floats(i: int) -> Expr:
            a, b = lane(word, 2 * i), lane(word, 2 * i + 1)
            return vec4(read(a, 0), read(a, 1), read(b, 0), read(b, 1))

        return Chunk(floats, None)

    def quads_in_order(self, chunk: Chunk) -> list[Expr]:
        """The values of a chunk, four neighbours each."""
        quads = [bind(chunk.quad(i)) for i in range(self.chunk // 4)]
        if not self.storage.nibbles:
            return quads
        halves = zip(quads[::2], quads[1::2], strict=True)
        return [
            vec4(lane(even, i), lane(odd, i), lane(even, i + 1), lane(odd, i + 1))
            for even, odd in halves
            for i in (0, 2)
        ]

    def stored_order(self, quads: list[Expr]) -> list[Expr]:
        """Two quads of neighbours, or one, as the weights that they meet are stored: see ``nibbles``."""
        if not self.storage.nibbles:
            return quads
        a, b = quads
        return [vec4(lane(a, i), lane(a, i + 2), lane(b, i), lane(b, i + 2)) for i in (0, 1)]

    def _scale_and_offset(self, storage: GroupedFormat, buffers: Buffers, row: Expr, chunk: Expr) -> tuple[Expr, Expr]:
        group = bind(row * self._groups + quotient(chunk, self._group_chunks))
        scales = buffers["w_scale"]
        if storage.minimum:
            word = bind(scales[group])
            return bind(half(word, 0)), bind(half(word, 1))
        scale = bind(half(scales[T.shift_right(group, 1)], T.bitwise_and(group, 1)))
        return scale, bind(scale * (f32(0) - T.Cast("float32", self._zero)))


class OpenScales:
    """Scales and offsets of an OpenFormat, and what its numbers stand for, by the scheme's properties."""

    def __init__(self, symbols: Symbols, storage: OpenFormat, groups: Expr, zero: Expr) -> None:
        self._storage, self._groups, self._zero = storage, groups, zero
        self._halves = symbols.integer("group_halves", ["//", "scheme.group_size", 16])
        self._narrow = symbols.flag("narrow", ["==", "scheme.group_size", 16])
        self._minimum = symbols.integer("minimum", "scheme.minimum")
        self._bfloat = symbols.flag("bfloat_scales", "scheme.scale_bfloat16")
        self._float32 = symbols.flag("float32_scales", "scheme.scale_float32")
        integer: Expression = ["+", "scheme.scale_int8", ["+", "scheme.scale_uint8", "scheme.scale_uint4"]]
        self._integer = symbols.flag("integer_scales", integer)
        self._signed = symbols.flag("signed_scales", "scheme.scale_int8")
        self._scale_bits = symbols.integer("scale_bits", ["-", 8, ["*", 4, "scheme.scale_uint4"]])
        self._supers = symbols.integer("supers", ceil_div("columns", SUPER_COLUMNS))
        self._super_groups = symbols.integer("super_groups", ["//", SUPER_COLUMNS, GROUP_SIZE])
        if storage.codebook:
            self._iq4_nl = symbols.flag("iq4_nl", "scheme.iq4_nl")

    def words(self, rows: Expr) -> Expr:
        """At least what there are, which decides nothing."""
        return rows * self._groups * 2

    def number(self, q: Expr) -> Expr:
        """What a uint32 of 4 bits stands for, as float32."""
        words = [
            T.Select(self._iq4_nl, T.uint32(iq4_nl), T.uint32(mxfp4))
            for iq4_nl, mxfp4 in zip(*(_table(CODEBOOKS[name]) for name in ("iq4_nl", "mxfp4")), strict=True)
        ]
        low, high = (T.Select(T.bitwise_and(q, T.uint32(4)) != T.uint32(0), b, a) for a, b in (words[:2], words[2:]))
        word = T.Select(T.bitwise_and(q, T.uint32(8)) != T.uint32(0), high, low)
        shift = T.uint32(24) - T.bitwise_and(q, T.uint32(3)) * T.uint32(8)
        return T.Cast("float32", T.shift_right(T.reinterpret("int32", T.shift_left(word, shift)), T.int32(24)))

    def load(self, buffers: Buffers, row: Expr, chunk: Expr) -> list[tuple[Expr, Expr]]:
        """(scale, offset) of each half of a chunk."""
        scales = buffers["w_scale"]
        storage = self._storage
        first = chunk * (storage.chunk // 16)
        scale, offset = self._group(scales, row, quotient(first, self._halves))
        found = [(bind(scale.get()), bind(offset.get()))]
        if storage.halves == 2:
            with T.If(self._narrow), T.Then():
                other_scale, other_offset = self._group(scales, row, bind(first + 1))
                scale.set(other_scale.get())
                offset.set(other_offset.get())
            found.append((bind(scale.get()), bind(offset.get())))
        return found

    def _group(self, scales: Any, row: Expr, group: Expr) -> tuple[Register, Register]:
        scale, offset = Register(initial=f32(0)), Register(initial=f32(0))
        parts = self._minimum + 1
        group = bind(group)
        with T.If(self._integer):
            with T.Then():
                super_group = bind(quotient(group, self._super_groups))
                local = bind(group - super_group * self._super_groups)
                bits = parts * self._scale_bits
                start = bind((row * self._supers + super_group) * (parts + quotient(self._super_groups * bits, 32)))
                position = bind(local * bits)
                word = scales[start + parts + T.shift_right(position, 5)]
                moved = bind(T.shift_right(word, T.Cast("uint32", T.bitwise_and(position, 31))))
                scale.set(_float(scales[start]) * self._integer_of(moved))
                with T.If(self._minimum != 0), T.Then():
                    beside = T.shift_right(moved, T.Cast("uint32", self._scale_bits))
                    offset.set(_float(scales[start + 1]) * self._integer_of(bind(beside)))
            with T.Else():
                place = bind((row * self._groups + group) * parts)
                with T.If(self._float32):
                    with T.Then():
                        scale.set(_float(scales[place]))
                        with T.If(self._minimum != 0), T.Then():
                            offset.set(_float(scales[place + 1]))
                    with T.Else():
                        word = bind(scales[T.shift_right(place, 1)])
                        which = T.bitwise_and(place, 1)
                        scale.set(T.Select(self._bfloat, bfloat(word, which), half(word, which)))
                        with T.If(self._minimum != 0), T.Then():
                            offset.set(T.Select(self._bfloat, bfloat(word, 1), half(word, 1)))
        with T.If(self._minimum == 0), T.Then():
            offset.set(scale.get() * (f32(0) - T.Cast("float32", self._zero)))
        return scale, offset

    def _integer_of(self, word: Expr) -> Expr:
        """The lowest integer of a word, as float32."""
        mask = T.shift_left(T.uint32(1), T.Cast("uint32", self._scale_bits)) - T.uint32(1)
        signed = T.shift_right(T.reinterpret("int32", T.shift_left(word, T.uint32(24))), T.int32(24))
        unsigned = T.Cast("float32", T.bitwise_and(word, mask))
        return T.Select(self._signed, T.Cast("float32", signed), unsigned)


def _loads(storage: OpenFormat) -> tuple[int, int]:
    """How many loads a chunk takes, and of how many words each is."""
    words = storage.bits * storage.chunk // 32
    lanes = 4 if words % 4 == 0 else 2 if words % 2 == 0 else 1
    return words // lanes, lanes


def _integers(symbols: Symbols, words: list[Expr], bits: int, index: int) -> Expr:
    """Quad ``index`` of words of 8 bits; of 4 bits the low ones of its bytes, and then the high ones."""
    if bits == 8:
        return symbols.call(BYTES, words[index])
    moved = T.shift_right(words[index // 2], T.uint32(4)) if index % 2 else words[index // 2]
    return symbols.call(BYTES, bind(T.bitwise_and(moved, T.uint32(0x0F0F0F0F))))


def _nibbles(words: list[Expr], index: int, number: Callable[[Expr], Expr]) -> Expr:
    """As _integers of 4 bits, of what ``number`` makes of each."""
    shifts = range(4 * (index % 2), 32, 8)
    integers = [T.bitwise_and(T.shift_right(words[index // 2], T.uint32(shift)), T.uint32(15)) for shift in shifts]
    return vec4(*(number(bind(q)) for q in integers))


def _quad(words: list[Expr], pieces: tuple[tuple[int, int, int], ...]) -> Expr:
    """The four numbers of a quad in the bytes of a uint32."""
    result, low = None, 0
    for word, bit, width in pieces:
        moved = T.shift_right(words[word], T.uint32(bit - low)) if bit > low else words[word]
        moved = T.shift_left(moved, T.uint32(low - bit)) if bit < low else moved
        piece = T.bitwise_and(moved, T.uint32((((1 << width) - 1) << low) * 0x01010101))
        result = piece if result is None else T.bitwise_or(result, piece)
        low += width
    return bind(result)


def _float(word: Expr) -> Expr:
    return T.reinterpret("float32", word)


def _table(numbers: tuple[int, ...]) -> list[int]:
    """Signed bytes in words."""
    return [int.from_bytes(bytes(n & 255 for n in numbers[i : i + 4]), "little") for i in range(0, 16, 4)]
