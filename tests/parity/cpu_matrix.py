"""A random matrix for the CPU kernels, with what NumPy says that it gives, and the activations that it meets."""

from __future__ import annotations

from collections.abc import Iterator

import ml_dtypes
import numpy as np
from nomoat_compiler.operators.cpu import fine_activations
from nomoat_compiler.operators.cpu.activations import BLOCK_BYTES
from nomoat_compiler.operators.cpu.blocks import Format
from nomoat_compiler.quantize.packing import pack_words
from nomoat_compiler.reference.quantize import dequantize
from nomoat_compiler.scheme import Grouped, ScaleDtype, stored_parameters

from tests.parity.cpu_harness import CpuMachine, random
from tests.parity.kernel_cases import subnormal_halves

NUMPY = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16, "float32": np.float32}


def quantized(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(q, scale) of groups of 32: q (..., groups, 32) int, scale (..., groups)."""
    groups = x.reshape(*x.shape[:-1], -1, 32)
    peak = np.abs(groups).max(-1)
    inverse = np.where(peak > 0, np.float32(127) / np.where(peak > 0, peak, 1), 0).astype(np.float32)
    q = np.rint(groups * inverse[..., None]).astype(np.int64)
    return q, peak.astype(np.float64) / 127


def fine(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(q, scale) of whole tokens in 12 bits: q (tokens, columns) int, scale (tokens, 1)."""
    peak = np.abs(x).max(-1, keepdims=True)
    inverse = np.where(peak > 0, np.float32(2047) / np.where(peak > 0, peak, 1), 0).astype(np.float32)
    return np.rint(x * inverse).astype(np.int64), peak.astype(np.float64) / 2047


def scheme_of(layout: Format, zero: int) -> Grouped:
    """The scheme whose matrices the CPU keeps as ``layout``."""
    dtypes: dict[str, ScaleDtype] = {"half": "float16", "float": "float32", "bfloat": "bfloat16"}
    dtype = dtypes.get(layout.scales, layout.scales)
    symmetric = not layout.minimum and layout.codebook is None
    return Grouped(layout.bits, layout.group_size, zero if symmetric else None, dtype, layout.codebook)


def pieces(values: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Two pieces and the number of the first value of each."""
    flat = values.reshape(-1)
    cut = flat.size // 2 + 1
    yield from ((0, flat[:cut]), (cut, flat[cut:]))


class Matrix:
    """A random matrix in the package's arrays, repacked on the machine, and its float64 values."""

    def __init__(
        self,
        machine: CpuMachine,
        layout: Format,
        rows: int,
        columns: int,
        zero: int,
        seed: int,
        subnormal: bool = False,
    ) -> None:
        generator = random(seed)
        self.machine, self.layout, self.rows, self.columns, self.zero = machine, layout, rows, columns, zero
        scheme = scheme_of(layout, zero)
        groups, k_blocks = columns // layout.group_size, columns // 32
        q = generator.integers(0, 2**layout.bits, (rows, columns), dtype=np.uint8)
        words = pack_words(q, layout.bits)
        shape = stored_parameters("w", (rows, columns), scheme)[1].shape
        if layout.integer:
            scales = generator.integers(0, 1 << 32, shape, dtype=np.uint32)
            supers = generator.standard_normal((*shape[:2], layout.parts)) * 2e-3
            scales[..., : layout.parts] = supers.astype(np.float32).view(np.uint32)
        else:
            stored = NUMPY[scheme.scale_dtype]
            scales = (generator.standard_normal(shape) * 0.02).astype(stored)
            if layout.minimum:
                scales[..., 1] = (generator.standard_normal((rows, groups)) * 0.05).astype(stored)
            if subnormal:
                scales = subnormal_halves(generator, shape)
                if layout.minimum:
                    scales[..., 1] *= np.float16(-1)
        role = "q_scale_min" if layout.minimum else "q_scale"
        self.values = dequantize(scheme.to_json(), (rows, columns), {"q_weight": words, role: scales}).astype(float)
        self.blocks = -(-rows // 4)
        header = -(-k_blocks // 8) * layout.super_bytes
        row_bytes = header + k_blocks * layout.nbytes
        self.nbytes = self.blocks * row_bytes
        self.address = machine.place(self.nbytes)
        # In two pieces that end in the middle of a row, as a reader may cut them.
        for first, piece in pieces(words):
            machine.call(
                f"repack_weights_{layout.bits}", machine.place(piece), self.address, first, piece.size, words.shape[1],
                row_bytes, header, layout.nbytes, threads=None,
            )  # fmt: skip
        for first, piece in pieces(scales):
            source = machine.place(piece)
            if layout.integer:
                machine.call(
                    "repack_integer_scales", source, self.address, first, piece.size, shape[1] * shape[2], shape[2],
                    layout.parts, layout.integers, k_blocks, row_bytes, header, layout.nbytes, layout.weight_bytes,
                    threads=None,
                )  # fmt: skip
            else:
                kind = "bits16" if layout.scales == "bfloat" else scheme.scale_dtype
                machine.call(
                    f"repack_scales_{kind}{'_min' if layout.minimum else ''}", source, self.address, first, piece.size,
                    groups, layout.nbytes, layout.weight_bytes, threads=None,
                )  # fmt: skip

    def times(self, x: np.ndarray) -> np.ndarray:
        """W x with rounded activations, exactly: (tokens, rows) float64."""
        if self.layout.bits == 8:
            q, x_scale = fine(x)
            return (q * x_scale) @ self.values.T
        q, x_scale = quantized(x)
        return (q * x_scale[..., None]).reshape(x.shape) @ self.values.T

    def arguments(self) -> list[int]:
        """Of gemv and gemm: where the weights are and, of 8 bits, the sums of the rows."""
        return [self.address, self.row_sums()] if self.layout.bits == 8 else [self.address]

    def row_sums(self) -> int:
        sums = self.machine.place(self.blocks * 16)
        self.machine.call(
            f"row_sums_{self.layout.name}", self.address, sums, self.columns // 32, self.blocks, self.zero, threads=None
        )
        return sums


def token_bytes(machine: CpuMachine, bits: int, k_blocks: int) -> int:
    if bits == 8:
        return fine_activations.HEAD_BYTES + k_blocks * fine_activations.BLOCK_BYTES
    return k_blocks * BLOCK_BYTES[machine.build.relaxed]


def place_blocks(machine: CpuMachine, x: np.ndarray, threads: int = 1, bits: int = 4) -> int:
    """x (tokens, columns) quantized on the machine for weights of that many bits."""
    tokens, columns = x.shape
    k_blocks = -(-columns // 32)
    blocks = machine.place(tokens * token_bytes(machine, bits, k_blocks))
    n = machine.place(np.int32(tokens))
    kernel = "quantize_fine" if bits == 8 else "quantize"
    machine.call(kernel, machine.place(x), blocks, n, columns, k_blocks, threads=threads)
    return blocks
