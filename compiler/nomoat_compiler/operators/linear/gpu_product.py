"""What the two matmul kernels (gpu_decode.py, gpu_prefill.py) share.

    y[t, :] = W · (x[t, :] * gain * rms(x[t, :])) + bias + delta[t, :]    norm: RMSNorm folded in (decode only)
    z       = act(y)                                            activation: gpu/activations.py
    z       = act(y[:, :N/2]) * y[:, N/2:]                      gated (Shazeer 2020): W holds gate rows, then up rows
    out     = capped(scale * z) + residual                      softcap, residual

x (n, K) float32; W (N, K) in its storage format, dequantized in registers; gain (K,), bias (N,) float32; out (n, N or
N/2) float32. Accumulates in float32. Tolerance against NumPy on the dequantized weights: 2e-6 * sqrt(K) * max|x| *
max|W|, and what the activation adds.

Slices: a kernel may be given some of the matrix's rows. ``rows`` counts those, ``all_rows`` the whole matrix's, and
``first_row`` the outputs before this slice's first; with gated a slice holds the gate rows of its outputs, then their
up rows. ``out``, ``residual``, ``delta`` and ``bias`` are always the whole.
"""

from __future__ import annotations

from dataclasses import dataclass

from tvm.script.ir_builder import tirx as T

from ...expression import Expression, conjunction, negation
from ..gpu.activations import ACTIVATED, CAPPED
from ..gpu.emit import Argument, Buffers, Register, bind, dot, f32, splat, store
from ..gpu.operator import Expr, Symbols
from ..gpu.weight_reader import (
    FORMATS,
    GROUP_SIZE,
    Chunk,
    GroupedFormat,
    MatrixFormat,
    MatrixReader,
    OpenFormat,
    PlainFormat,
)


@dataclass(frozen=True)
class LinearKind:
    """What tells the matmul kernels apart beside decode and prefill, since a condition inside would cost too much.

    ``padded``: a row of the matrix is longer than x, which only grouped formats can be. Open formats leave it open.
    """

    storage: MatrixFormat
    gated: bool
    padded: bool

    @property
    def name(self) -> str:
        return f"{'gated_' if self.gated else ''}{self.storage.name}{'_padded' if self.padded else ''}"

    @property
    def grouped(self) -> bool:
        return not isinstance(self.storage, PlainFormat)

    @property
    def when(self) -> Expression:
        gated: Expression = "gated" if self.gated else ["==", "gated", 0]
        if not isinstance(self.storage, GroupedFormat):
            return conjunction(gated, self.storage.when)
        padding: Expression = ["==", ["%", "columns", GROUP_SIZE], 0]
        return conjunction(gated, self.storage.when, negation(padding) if self.padded else padding)

    @property
    def outputs(self) -> Expression:
        """Values that a slice adds to one token's result, over the definition."""
        return ["//", "rows", 2] if self.gated else "rows"

    @property
    def cluster_outputs(self) -> int:
        """Outputs that two rows of W make."""
        return 1 if self.gated else 2


KINDS = tuple(
    LinearKind(storage, gated, padded)
    for gated in (False, True)
    for storage in FORMATS
    for padded in ((False, True) if isinstance(storage, GroupedFormat) else (False,))
)


class LinearKernel:
    """The matrix and the symbols of one matmul kernel whose workgroups compute ``block_outputs`` outputs each.

    ``offsets`` lead from an output to the rows of W that make it: its own, and with gated its up row.
    """

    def __init__(self, symbols: Symbols, kind: LinearKind, block_outputs: int) -> None:
        self.kind = kind
        self.matrix = MatrixReader(symbols, kind.storage)
        self.outputs = symbols.integer("outputs", kind.outputs)
        self.offsets: list[Expr] = [0, self.outputs] if kind.gated else [0]
        self._tails = symbols.flag("tails", ["<", 0, ["%", kind.outputs, block_outputs]])  # of the last workgroup
        self._first = symbols.integer("first_row")
        self._stride = symbols.integer("all_outputs", ["//", "all_rows", 2] if kind.gated else "all_rows")
        self._bias = symbols.flag("has_bias", "bias")
        self._delta = symbols.flag("has_delta", "delta")
        self._residual = symbols.flag("has_residual", "residual")
        self._n = symbols.n
        # Whether a row of W may be, and whether it is, longer than x.
        self._may_pad: Expr | bool = kind.padded
        if isinstance(kind.storage, OpenFormat):
            whole: Expression = ["*", kind.storage.chunks, kind.storage.chunk]
            self._may_pad = symbols.flag("padded", ["<", "columns", whole])
        self._symbols = symbols

    def arguments(self, gain: bool) -> list[Argument]:
        """x, [gain], w, [w_scale], bias, delta, residual, out; what the definition lacks is bound and never read."""
        return [
            Argument("x", (self._n, self.matrix.quads), "float32x4"),
            *([Argument("gain", (self.matrix.quads,), "float32x4")] if gain else []),
            *self.matrix.arguments(),
            Argument("bias", (self._stride * len(self.offsets),), "float32"),
            Argument("delta", (self._n, self._stride * len(self.offsets)), "float32"),
            Argument("residual", (self._n, self._stride), "float32"),
            Argument("out", (self._n, self._stride), "float32"),
        ]

    def exists(self, output: Expr) -> Expr:
        """Whether the slice has ``output``. Compilers see that it has where workgroups divide the outputs."""
        return T.Select(self._tails, output < self.outputs, T.bool(True))

    def clamped(self, output: Expr) -> Expr:
        """``output``, or the last one where the slice has no such output."""
        return bind(T.Select(self._tails, T.min(output, self.outputs - 1), output))

    def inside(self, column: Expr) -> Expr:
        """``column``, or the last one of x where it lies in the padding."""
        if isinstance(self._may_pad, bool):
            return T.min(column, self.matrix.quads - 1) if self._may_pad else column
        return T.Select(self._may_pad, T.min(column, self.matrix.quads - 1), column)

    def activation(self, buffers: Buffers, token: Expr, column: Expr) -> Expr:
        """x[token, 4*column ... 4*column+3]; zero in the padding."""
        value = buffers["x"][token, self.inside(column)]
        if isinstance(self._may_pad, bool):
            return T.Select(column < self.matrix.quads, value, splat(f32(0))) if self._may_pad else value
        padding = T.And(self._may_pad, column >= self.matrix.quads)
        return T.Select(padding, splat(f32(0)), value)

    def sums(self, xs: list[Expr]) -> list[Expr] | None:
        """The sum of a chunk's activations, of each part of it that has a scale; None where there are no scales."""
        if not self.kind.grouped:
            return None
        parts = self.kind.storage.halves if isinstance(self.kind.storage, OpenFormat) else 1
        size = len(xs) // parts
        return [sum_of(xs[i * size : (i + 1) * size]) for i in range(parts)]

    def store_output(
        self, buffers: Buffers, token: Expr, output: Expr, sums: list[Register], factor: Expr | None = None
    ) -> None:
        """Finishes one output. ``sums`` are its row's, with gated its gate row's and its up row's."""
        column = bind(output + self._first)
        if factor is not None:
            for y in sums:
                y.scale(factor)
        with T.If(self._bias), T.Then():
            for half, y in enumerate(sums):
                y.add(buffers["bias"][column + half * self._stride])
        with T.If(self._delta), T.Then():
            for half, y in enumerate(sums):
                y.add(buffers["delta"][token, column + half * self._stride])
        activated = self._symbols.call(ACTIVATED, sums[0].get())
        product = activated * sums[1].get() if self.kind.gated else activated
        result = Register(initial=self._symbols.call(CAPPED, product * self._symbols.number("scale")))
        with T.If(self._residual), T.Then():
            result.add(buffers["residual"][token, column])
        store(buffers["out"], result.get(), token, column)


def sum_of(xs: list[Expr]) -> Expr:
    """The sum of all lanes of a chunk's activations: what a group's minimum or zero point is multiplied with."""
    total = xs[0]
    for value in xs[1:]:
        total = total + value
    return bind(dot(total, splat(f32(1))))


def chunk_product(xs: list[Expr], x_sums: list[Expr] | None, parts: list[Chunk]) -> Expr:
    """Activations times one chunk of one row: scale * (x · q) + offset * sum(x) of each part, or x · w."""
    result, first = None, 0
    for index, part in enumerate(parts):
        values = xs[first : first + len(part.values)]
        first += len(part.values)
        product = dot(values[0], part.values[0])
        for value, weight in zip(values[1:], part.values[1:], strict=True):
            product = product + dot(value, weight)
        if part.scale is not None and part.offset is not None and x_sums is not None:
            product = product * part.scale + part.offset * x_sums[index]
        result = product if result is None else result + product
    return result
