"""What the two matmul kernels (gpu_decode.py, gpu_prefill.py) share.

    y[t, :] = W · (x[t, :] * gain * rms(x[t, :])) + bias + delta[t, :]    norm: RMSNorm folded in (decode only)
    z       = act(y)                                            activation: gpu/activations.py
    z       = act(y[:, :N/2]) * y[:, N/2:]                      gated (Shazeer 2020): W holds gate rows, then up rows
    out     = capped(scale * z) + residual                      softcap, residual

x (n, K) float32; W (N, K) in its storage format, dequantized in registers; gain (K,), bias (N,) float32; out (n, N or
N/2) float32. Accumulates in float32. Tolerance against NumPy on the dequantized weights: 2e-6 * sqrt(K) * max|x| *
max|W|, and what the activation adds.

There is one kernel for each storage format; whether W is gated is a constant like the other flags.

Slices: a kernel may be given some of the matrix's rows. ``rows`` counts those, ``all_rows`` the whole matrix's, and
``first_row`` the outputs before this slice's first; with gated a slice holds the gate rows of its outputs, then their
up rows. ``out``, ``residual``, ``delta`` and ``bias`` are always the whole.
"""

from __future__ import annotations

from collections.abc import Sequence

from tvm.script.ir_builder import tirx as T

from ...expression import Expression
from ..gpu.activations import ACTIVATED, CAPPED
from ..gpu.emit import Argument, Buffers, Register, bind, f32, lane, splat, store
from ..gpu.operator import Expr, Symbols, WgslFunction
from ..gpu.weight_reader import MatrixFormat, MatrixReader

# Values that a slice adds to one token's result, over the definition.
OUTPUTS: Expression = ["//", "rows", ["+", 1, "gated"]]
ROWS_ADD = WgslFunction(
    "rows_add",
    """fn rows_add(x: vec4<f32>, a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>, sums: vec4<f32>) -> vec4<f32> {
  return (((sums + x.x * vec4<f32>(a.x, b.x, c.x, d.x)) + x.y * vec4<f32>(a.y, b.y, c.y, d.y))
    + x.z * vec4<f32>(a.z, b.z, c.z, d.z)) + x.w * vec4<f32>(a.w, b.w, c.w, d.w);
}
""",
    result="float32x4",
)


class LinearKernel:
    """The matrix, the symbols and the ends of one matmul kernel whose workgroups compute ``block_outputs`` outputs."""

    def __init__(self, symbols: Symbols, storage: MatrixFormat, block_outputs: Expression) -> None:
        self.matrix = MatrixReader(symbols, storage)
        self.outputs = symbols.integer("outputs", OUTPUTS)
        self.gated = symbols.flag("is_gated", "gated")
        self._tails = symbols.flag("tails", ["<", 0, ["%", OUTPUTS, block_outputs]])  # of the last workgroup
        self._first = symbols.integer("first_row")
        self._stride = symbols.integer("all_outputs", ["//", "all_rows", ["+", 1, "gated"]])
        self._bias = symbols.flag("has_bias", "bias")
        self._delta = symbols.flag("has_delta", "delta")
        self._residual = symbols.flag("has_residual", "residual")
        whole: Expression = ["*", storage.chunks, storage.chunk]
        self._padded = symbols.flag("padded", ["<", "columns", whole])
        self._symbols = symbols

    def arguments(self, gain: bool) -> list[Argument]:
        """x, [gain], w, [w_scale], bias, delta, residual, out; what the definition lacks is bound and never read."""
        n, all_rows = self._symbols.n, self._symbols.integer("all_rows")
        return [
            Argument("x", (n, self.matrix.quads), "float32x4"),
            *([Argument("gain", (self.matrix.quads,), "float32x4")] if gain else []),
            *self.matrix.arguments(),
            Argument("bias", (all_rows,), "float32"),
            Argument("delta", (n, all_rows), "float32"),
            Argument("residual", (n, self._stride), "float32"),
            Argument("out", (n, self._stride), "float32"),
        ]

    def by_gate(self, gated: Expr, plain: Expr) -> Expr:
        """Compilers see the one that it is."""
        return T.Select(self.gated, gated, plain)

    def exists(self, output: Expr) -> Expr:
        """Whether the slice has ``output``. Compilers see that it has where workgroups divide the outputs."""
        return T.Select(self._tails, output < self.outputs, T.bool(True))

    def row(self, output: Expr, up: Expr) -> Expr:
        """The row of W that makes ``output``, with ``up`` the one that makes its other factor; of the last output where
        the slice has no such output."""
        clamped = T.Select(self._tails, T.min(output, self.outputs - 1), output)
        return bind(clamped + T.Select(up, self.outputs, 0))

    def inside(self, column: Expr) -> Expr:
        """``column``, or the last one of x where it lies in the padding."""
        return T.Select(self._padded, T.min(column, self.matrix.quads - 1), column)

    def activation(self, buffers: Buffers, token: Expr, column: Expr) -> Expr:
        """x[token, 4*column ... 4*column+3]; zero in the padding."""
        padding = T.And(self._padded, column >= self.matrix.quads)
        return T.Select(padding, splat(f32(0)), buffers["x"][token, self.inside(column)])

    def multiply(self, x: Expr, rows: Sequence[Expr], sums: Register) -> None:
        """Adds to ``sums``, a float32x4, the dot products of a quad of activations with quads of four rows.

        One column of the four after the other: the next operation never waits for the one before it.
        """
        sums.set(self._symbols.call(ROWS_ADD, x, *rows, sums.get()))

    def store_output(self, buffers: Buffers, token: Expr, output: Expr, y: Register, up: Register) -> None:
        """Finishes one output; ``up`` is its other factor, and read where the matrix is gated only."""
        column = bind(output + self._first)
        with T.If(self._bias), T.Then():
            y.add(buffers["bias"][column])
            with T.If(self.gated), T.Then():
                up.add(buffers["bias"][column + self._stride])
        with T.If(self._delta), T.Then():
            y.add(buffers["delta"][token, column])
            with T.If(self.gated), T.Then():
                up.add(buffers["delta"][token, column + self._stride])
        result = Register(initial=self._symbols.call(ACTIVATED, y.get()))
        with T.If(self.gated), T.Then():
            result.scale(up.get())
        result.set(self._symbols.call(CAPPED, result.get() * self._symbols.number("scale")))
        with T.If(self._residual), T.Then():
            result.add(buffers["residual"][token, column])
        store(buffers["out"], result.get(), token, column)


def component(vector: Expr, index: Expr) -> Expr:
    """Lane ``index`` of a vector of four: what is chosen at run time."""
    low = T.Select(T.bitwise_and(index, 1) == 0, lane(vector, 0), lane(vector, 1))
    high = T.Select(T.bitwise_and(index, 1) == 0, lane(vector, 2), lane(vector, 3))
    return T.Select(index < 2, low, high)
