"""How kernels read stored tensors: plain or grouped matrices in chunks along K, and vectors.

    value = q * scale + minimum            asymmetric
    value = (q - zero) * scale             symmetric
    value = stored                         plain

A chunk is what one load of up to 16 bytes brings: 32 weights of 4 bits, 16 of 8, 8 of f16 or bf16, 4 of f32.
Nothing here needs shader-f16: halves are unpacked with unpack2x16float.
"""

from __future__ import annotations

from dataclasses import dataclass

from tvm.script.ir_builder import tirx as T

from ...errors import NomoatError
from ...scheme import Grouped, Plain, Scheme
from .emit import Argument, Buffers, Expr, bfloat, bind, ceil_div, f32, half, lane, vec4


@dataclass(frozen=True)
class Chunk:
    """One chunk of one row: ``values`` are chunk/4 float32x4; weights are values*scale + offset (both None: 1, 0)."""

    values: list[Expr]
    scale: Expr | None
    offset: Expr | None


class MatrixReader:
    """Reads a tensor (N, K) stored under ``scheme``."""

    def __init__(self, n: int, k: int, scheme: Scheme, prefix: str = "w") -> None:
        if k % 4:
            raise NomoatError(
                "unsupported",
                f"A weight matrix has {k} columns; expected a multiple of 4. Pad the checkpoint's dimensions.",
                columns=k,
            )
        self.n, self.k, self.scheme = n, k, scheme
        self._weight, self._scale = prefix, f"{prefix}_scale"
        if isinstance(scheme, Grouped):
            self.chunk = 128 // scheme.bits
            if scheme.group_size % self.chunk:
                raise NomoatError(
                    "unsupported",
                    f"A group of {scheme.group_size} weights of {scheme.bits} bits is not whole 16-byte chunks.",
                )
            self.groups = ceil_div(k, scheme.group_size)
            self.padded_k = self.groups * scheme.group_size
        else:
            per_load = 4 if scheme.dtype == "float32" else 8
            self.chunk = per_load if k % per_load == 0 else 4
            self.padded_k = k
        self.chunks = self.padded_k // self.chunk

    def arguments(self) -> list[Argument]:
        """The storage buffers: the weight, and for grouped schemes the scales (with their minimums)."""
        scheme = self.scheme
        if isinstance(scheme, Grouped):
            count = self.n * self.groups
            if scheme.zero is None:
                scale_words = count if scheme.scale_dtype != "float32" else 2 * count
            else:
                scale_words = ceil_div(count, 2) if scheme.scale_dtype != "float32" else count
            scale_dtype = "float32" if scheme.scale_dtype == "float32" else "uint32"
            return [
                Argument(self._weight, (self.n, self.chunks), "uint32x4"),
                Argument(self._scale, (scale_words,), scale_dtype),
            ]
        if scheme.dtype == "float32":
            return [Argument(self._weight, (self.n, self.chunks), "float32x4")]
        return [Argument(self._weight, (self.n, self.chunks), f"uint32x{self.chunk // 2}")]

    def load(self, buffers: Buffers, row: Expr, chunk: Expr) -> Chunk:
        """Chunk ``chunk`` of ``row``."""
        scheme = self.scheme
        word = bind(buffers[self._weight][row, chunk])
        if isinstance(scheme, Plain):
            if scheme.dtype == "float32":
                return Chunk([word], None, None)
            read = half if scheme.dtype == "float16" else bfloat
            pairs = [lane(word, i) for i in range(self.chunk // 2)]
            values = [
                vec4(read(a, 0), read(a, 1), read(b, 0), read(b, 1))
                for a, b in zip(pairs[::2], pairs[1::2], strict=True)
            ]
            return Chunk([bind(v) for v in values], None, None)
        per_word = 32 // scheme.bits
        mask = T.uint32((1 << scheme.bits) - 1)
        values = []
        for index in range(0, self.chunk, 4):
            source, first = lane(word, index // per_word), index % per_word
            integers = [
                T.Cast("float32", T.bitwise_and(T.shift_right(source, T.uint32((first + i) * scheme.bits)), mask))
                for i in range(4)
            ]
            values.append(bind(vec4(*integers)))
        scale, offset = self._scale_and_offset(buffers, row, chunk)
        return Chunk(values, scale, offset)

    def _scale_and_offset(self, buffers: Buffers, row: Expr, chunk: Expr) -> tuple[Expr, Expr]:
        scheme = self.scheme
        assert isinstance(scheme, Grouped)
        group = row * self.groups + chunk // (scheme.group_size // self.chunk)
        scales = buffers[self._scale]
        read = half if scheme.scale_dtype == "float16" else bfloat
        if scheme.zero is None:
            if scheme.scale_dtype == "float32":
                return bind(scales[group * 2]), bind(scales[group * 2 + 1])
            word = bind(scales[group])
            return bind(read(word, 0)), bind(read(word, 1))
        plain = scheme.scale_dtype == "float32"
        scale = bind(scales[group] if plain else read(scales[group // 2], group % 2))
        return scale, bind(scale * f32(-scheme.zero))


class VectorReader:
    """Reads a tensor (N,) of float32, float16 or bfloat16: a norm's gain or a bias."""

    def __init__(self, name: str, n: int, dtype: str) -> None:
        self.name, self.n, self.dtype = name, n, dtype

    def argument(self, by_four: bool = False) -> Argument:
        """The storage buffer; ``by_four`` for ``load4``, which needs n to be a multiple of 4."""
        if self.dtype == "float32":
            return Argument(self.name, (self.n // 4,) if by_four else (self.n,), "float32x4" if by_four else "float32")
        if by_four:
            return Argument(self.name, (self.n // 4,), "uint32x2")
        return Argument(self.name, (ceil_div(self.n, 2),), "uint32")

    def load4(self, buffers: Buffers, index4: Expr) -> Expr:
        """Elements 4*index4 ... 4*index4+3 as float32x4."""
        value = buffers[self.name][index4]
        if self.dtype == "float32":
            return value
        read = half if self.dtype == "float16" else bfloat
        words = bind(value)
        a, b = lane(words, 0), lane(words, 1)
        return vec4(read(a, 0), read(a, 1), read(b, 0), read(b, 1))

    def load(self, buffers: Buffers, index: Expr) -> Expr:
        """Element ``index`` as float32."""
        if self.dtype == "float32":
            return buffers[self.name][index]
        read = half if self.dtype == "float16" else bfloat
        return read(buffers[self.name][index // 2], index % 2)
