"""What the two matmul kernels (linear_decode, linear_prefill) compute, as one specification.

    y[t, :] = W · (x[t, :] * gain * rms(x[t, :])) + bias        norm: RMSNorm folded in (decode only)
    out     = y + residual                                      residual
    out     = silu(y[:, :N/2]) * y[:, N/2:]                     swiglu (Shazeer 2020): W holds gate rows, then up rows

x (n, K) float32; W (N, K) under its scheme, dequantized in registers; out (n, N or N/2) float32.
Accumulates in float32. Tolerance against NumPy on the dequantized weights: 2e-5 * sqrt(K) * max|x| * max|W|.
"""

from __future__ import annotations

from dataclasses import dataclass

from tvm.script.ir_builder import tirx as T

from ...scheme import Grouped, Plain, Scheme
from ..gpu.emit import Argument, Buffers, Definition, Expr, Register, bind, dot, f32, splat, store
from ..gpu.weight_reader import Chunk, MatrixReader, VectorReader


@dataclass(frozen=True)
class LinearSpec:
    """One matmul of the model. Vector dtypes are how the gain and the bias are stored."""

    n: int  # rows of W
    k: int  # columns of W
    scheme: Scheme
    norm_dtype: str | None = None
    norm_eps: float = 0.0
    bias_dtype: str | None = None
    residual: bool = False
    swiglu: bool = False

    @property
    def out_features(self) -> int:
        return self.n // 2 if self.swiglu else self.n

    @property
    def halves(self) -> tuple[int, ...]:
        """Offsets of the rows of W that make one output feature: its own, and with swiglu that of its up row."""
        return (0, self.out_features) if self.swiglu else (0,)

    @property
    def name(self) -> str:
        """Names the kernel by everything that shapes its code, so equal kernels get equal text."""
        parts = [scheme_name(self.scheme), f"{self.n}x{self.k}"]
        if self.norm_dtype:
            parts.append(f"norm_{self.norm_dtype}")
        if self.bias_dtype:
            parts.append(f"bias_{self.bias_dtype}")
        if self.residual:
            parts.append("residual")
        if self.swiglu:
            parts.append("swiglu")
        return "_".join(parts)

    @property
    def definition(self) -> Definition:
        return {
            "op": "linear",
            "rows": self.n,
            "columns": self.k,
            "scheme": self.scheme.to_json(),
            "norm_eps": self.norm_eps if self.norm_dtype else None,
            "bias": self.bias_dtype is not None,
            "residual": self.residual,
            "swiglu": self.swiglu,
        }

    def matrix(self) -> MatrixReader:
        return MatrixReader(self.n, self.k, self.scheme)

    def gain(self) -> VectorReader | None:
        return VectorReader("gain", self.k, self.norm_dtype) if self.norm_dtype else None

    def bias(self) -> VectorReader | None:
        return VectorReader("bias", self.n, self.bias_dtype) if self.bias_dtype else None

    def arguments(self, tokens: Expr) -> list[Argument]:
        """The operator's arguments in order: x, [gain], w, [w_scale], [bias], [residual], out."""
        gain, bias = self.gain(), self.bias()
        return [
            Argument("x", (tokens, self.k // 4), "float32x4"),
            *([gain.argument(by_four=True)] if gain else []),
            *self.matrix().arguments(),
            *([bias.argument()] if bias else []),
            *([Argument("residual", (tokens, self.out_features), "float32")] if self.residual else []),
            Argument("out", (tokens, self.out_features), "float32"),
        ]


def activation(buffers: Buffers, matrix: MatrixReader, token: Expr, column: Expr) -> Expr:
    """x[token, 4*column ... 4*column+3]; zero in the padding of K."""
    if matrix.padded_k == matrix.k:
        return bind(buffers["x"][token, column])
    inside = column < matrix.k // 4
    return bind(T.Select(inside, buffers["x"][token, T.min(column, matrix.k // 4 - 1)], splat(f32(0))))


def sum_of(xs: list[Expr]) -> Expr:
    """The sum of all lanes of a chunk's activations: what a group's minimum or zero point is multiplied with."""
    total = xs[0]
    for value in xs[1:]:
        total = total + value
    return bind(dot(total, splat(f32(1))))


def chunk_product(xs: list[Expr], x_sum: Expr | None, part: Chunk) -> Expr:
    """Activations times one chunk of one row: scale * (x · q) + offset * sum(x), or x · w for plain weights."""
    product = dot(xs[0], part.values[0])
    for value, weight in zip(xs[1:], part.values[1:], strict=True):
        product = product + dot(value, weight)
    if part.scale is not None and part.offset is not None:
        product = product * part.scale + part.offset * x_sum
    return product


def store_output(
    spec: LinearSpec, buffers: Buffers, token: Expr, output: Expr, sums: list[Register], factor: Expr | None = None
) -> None:
    """Finishes one output feature. ``sums`` are its row's, with swiglu its gate row's and its up row's."""
    bias = spec.bias()
    ys = []
    for register, offset in zip(sums, spec.halves, strict=True):
        y = register.get()
        if factor is not None:
            y = y * factor
        if bias:
            y = y + bias.load(buffers, output + offset)
        ys.append(y)
    result = silu(bind(ys[0])) * ys[1] if spec.swiglu else ys[0]
    if spec.residual:
        result = result + buffers["residual"][token, output]
    store(buffers["out"], result, token, output)


def scheme_name(scheme: Scheme) -> str:
    """A short name for kernel names: q4s8_g32_float16, q4m_g32_float16, float32."""
    if isinstance(scheme, Plain):
        return scheme.dtype
    assert isinstance(scheme, Grouped)
    kind = "m" if scheme.zero is None else f"s{scheme.zero}"
    return f"q{scheme.bits}{kind}_g{scheme.group_size}_{scheme.scale_dtype}"


def silu(value: Expr) -> Expr:
    """x / (1 + exp(-x)); exp(-x) may overflow to infinity for x < -88, which gives the right limit 0."""
    return value / (f32(1) + T.exp(f32(0) - value))
