"""A random matrix for the CPU kernels, with what NumPy says that it gives, and the activations that it meets."""

from __future__ import annotations

import numpy as np
from nomoat_compiler.operators.cpu import fine_activations
from nomoat_compiler.operators.cpu.activations import BLOCK_BYTES
from nomoat_compiler.operators.cpu.blocks import Format
from nomoat_compiler.quantize.packing import pack_words

from tests.parity.cpu_harness import CpuMachine, random
from tests.parity.kernel_cases import subnormal_halves


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


class Matrix:
    """A random matrix in the package's arrays, repacked on the machine, and its float64 parts."""

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
        groups = columns // 32
        stored = np.float16 if layout.half else np.float32
        self.q = generator.integers(0, 2**layout.bits, (rows, groups, 32), dtype=np.uint8)
        self.scale = (generator.standard_normal((rows, groups)) * 0.02).astype(stored)
        self.minimum = (generator.standard_normal((rows, groups)) * 0.05).astype(stored)
        if subnormal:
            self.scale = subnormal_halves(generator, (rows, groups))
            self.minimum = -subnormal_halves(generator, (rows, groups))
        words = pack_words(self.q.reshape(rows, columns), layout.bits)
        self.blocks = -(-rows // 4)
        self.nbytes = self.blocks * groups * layout.nbytes
        self.address = machine.place(self.nbytes)
        row_words, nbytes = columns * layout.bits // 32, layout.nbytes
        # In two pieces that end in the middle of a row, as a reader may cut them.
        cut = words.size // 2 + 1
        for first, piece in ((0, words.reshape(-1)[:cut]), (cut, words.reshape(-1)[cut:])):
            source = machine.place(piece)
            machine.call(
                f"repack_weights_{layout.bits}", source, self.address, first, piece.size, row_words, groups, nbytes,
                threads=None,
            )  # fmt: skip
        scales = np.stack([self.scale, self.minimum], -1) if layout.minimum else self.scale
        suffix = "_min" if layout.minimum else ""
        machine.call(
            f"repack_scales_{np.dtype(stored).name}{suffix}", machine.place(scales), self.address, 0, scales.size,
            groups, nbytes, layout.weight_bytes, threads=None,
        )  # fmt: skip

    @property
    def values(self) -> np.ndarray:
        """(rows, columns) float64."""
        scale = self.scale.astype(np.float64)[..., None]
        if self.layout.minimum:
            return (self.q * scale + self.minimum.astype(np.float64)[..., None]).reshape(self.rows, self.columns)
        return ((self.q.astype(np.float64) - self.zero) * scale).reshape(self.rows, self.columns)

    def times(self, x: np.ndarray) -> np.ndarray:
        """W x with rounded activations, exactly: (tokens, rows) float64."""
        if self.layout.bits == 8:
            q, x_scale = fine(x)
            return (q * x_scale) @ self.values.T
        q, x_scale = quantized(x)
        return (q * x_scale[..., None]).reshape(x.shape) @ self.values.T

    def arguments(self) -> list[int]:
        """Of gemv and gemm: where the weights are and, of 8 bits, the sums of the rows."""
        if self.layout.bits == 4:
            return [self.address]
        return [self.address, self.row_sums()]

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
