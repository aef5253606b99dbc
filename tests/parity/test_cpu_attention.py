"""The CPU kernels of rotary embeddings and attention against NumPy. Needs only wasmtime."""

from __future__ import annotations

import numpy as np
import pytest
from nomoat_compiler.operators.attention.cpu import PARTS
from nomoat_compiler.operators.attention.cpu_page import bytes_per_dimension, scratch_bytes
from nomoat_compiler.operators.cpu.emit import Build
from nomoat_compiler.operators.cpu.kv_layout import PAGE_TOKENS, head_bytes, padded
from nomoat_compiler.operators.rope_append.cpu import SCRATCH_BYTES

from tests.parity.cpu_harness import CpuMachine, each_build, float_bits, random


class Heads:
    """Shapes of attention, a cache with scattered pages, and its float64 reference."""

    def __init__(self, build: Build, heads: int, kv_heads: int, head_dim: int, before: int, tokens: int) -> None:
        self.machine = CpuMachine(build)
        self.heads, self.kv_heads, self.head_dim, self.before, self.tokens = heads, kv_heads, head_dim, before, tokens
        length = before + tokens
        self.width = padded(head_dim)
        pages = -(-length // PAGE_TOKENS)
        self.table = random(20).permutation(pages + 3)[:pages].astype(np.int32)
        # K of all heads, with a gap between two of them, then V.
        size = head_bytes(self.width)
        self.head_stride = (pages + 3) * size + 64
        self.k_offset, self.v_offset = 64, 64 + kv_heads * self.head_stride
        machine = self.machine
        # What pages held before is rubbish, also where scales are.
        rubbish = random(21).integers(0, 256, 64 + 2 * kv_heads * self.head_stride, dtype=np.uint8)
        self.kv, self.table_at = machine.place(rubbish), machine.place(self.table)
        self.qkv = random(22).standard_normal((length, heads + 2 * kv_heads, head_dim)).astype(np.float32) * 2
        self.inv_freq = (1.0 / 10000 ** (np.arange(head_dim // 2) / (head_dim // 2))).astype(np.float32)
        self.dynamic = np.zeros(8, np.float32)

    def append(self, first: int, count: int, threads: int) -> int:
        """Runs rope_table and rope_append for tokens [first, first + count). Returns the address of q."""
        machine = self.machine
        n = machine.place(np.int32(count))
        state = machine.place(np.array([0, first, 0, 0, 0, 0, 0, 0], np.int32))
        table = machine.place(count * self.head_dim * 4)
        q = machine.place(count * self.heads * (self.width * 2 + 16))
        machine.call(
            "rope_table", machine.place(self.inv_freq), 0, state, table, n, machine.place(self.dynamic),
            self.head_dim // 2, float_bits(1.0), 0, threads=threads,
        )  # fmt: skip
        qkv = machine.place(self.qkv[first : first + count])
        scratch = machine.place(SCRATCH_BYTES * threads)
        machine.call(
            "rope_append", qkv, table, state, self.table_at, self.kv, scratch, n, q, self.heads, self.kv_heads,
            self.head_dim, self.head_dim, self.head_stride, self.k_offset, self.v_offset, threads=threads,
        )  # fmt: skip
        return q

    def rotated(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """q, k (rotated) and v: (length, heads, head_dim) float64."""
        x = self.qkv.astype(np.float64)
        angle = np.arange(len(x))[:, None] * self.inv_freq.astype(np.float64)
        cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
        a, b = np.split(x, 2, axis=-1)
        turned = np.concatenate([a * cosine - b * sine, b * cosine + a * sine], -1)
        qk, v = turned[:, : self.heads + self.kv_heads], x[:, self.heads + self.kv_heads :]
        return qk[:, : self.heads], qk[:, self.heads :], v

    def expected(self) -> np.ndarray:
        """(length, heads * head_dim) with K and V rounded to int8 as the cache does."""
        q, k, v = self.rotated()

        def rounded(x: np.ndarray) -> np.ndarray:
            scale = np.abs(x).max(-1, keepdims=True) / 127
            return np.rint(x / scale) * scale

        k, v = rounded(k), rounded(v)
        group = self.heads // self.kv_heads
        out = np.empty((len(q), self.heads, self.head_dim))
        for head in range(self.heads):
            scores = q[:, head] @ k[:, head // group].T / np.sqrt(self.head_dim)
            scores[np.triu_indices(len(q), 1)] = -np.inf
            weights = np.exp(scores - scores.max(-1, keepdims=True))
            out[:, head] = weights / weights.sum(-1, keepdims=True) @ v[:, head // group]
        return out.reshape(len(q), -1)

    def shape(self, first_head: int, scratch_stride: int) -> tuple[int, ...]:
        return (
            self.heads, self.kv_heads, self.head_dim, float_bits(self.head_dim**-0.5), 0, 0, self.head_stride,
            self.k_offset, self.v_offset, first_head, scratch_stride,
        )  # fmt: skip

    def scratch_stride(self) -> int:
        scores = (self.before + self.tokens + PAGE_TOKENS) * 4 * 4
        return scratch_bytes(4, exact=False) + bytes_per_dimension(exact=False) * 4 * self.width + scores

    def tiles(self) -> list[tuple[int, int]]:
        """(first head, heads at once) for a group."""
        group, tiles, first = self.heads // self.kv_heads, [], 0
        while first < group:
            count = min(4, group - first)
            tiles.append((first, count))
            first += count
        return tiles


# (heads, kv_heads, head_dim): one group of each width, a group that takes two calls, and dimensions that need padding.
SHAPES = [(9, 3, 64), (4, 4, 16), (4, 2, 8), (8, 2, 20), (7, 1, 32), (5, 1, 48)]


@each_build
@pytest.mark.parametrize(("heads", "kv_heads", "head_dim"), SHAPES)
@pytest.mark.parametrize(("before", "tokens", "threads"), [(0, 5, 1), (21, 12, 2), (40, 30, 3)])
def test_attention_of_prefill(
    build: Build, heads: int, kv_heads: int, head_dim: int, before: int, tokens: int, threads: int
) -> None:
    case = Heads(build, heads, kv_heads, head_dim, before, tokens)
    if before:
        case.append(0, before, threads)
    q = case.append(before, tokens, threads)
    machine = case.machine
    stride = case.scratch_stride()
    state = machine.place(np.array([0, before, 0, 0, 0, 0, 0, 0], np.int32))
    out, scratch = machine.place(tokens * heads * head_dim * 4), machine.place(stride * threads)
    for first, count in case.tiles():
        machine.call(
            f"attention_prefill_{count}", q, case.kv, case.table_at, state, scratch, out,
            machine.place(np.int32(tokens)), *case.shape(first, stride), 0, threads=threads,
        )  # fmt: skip
    result = machine.read(out, np.float32, (tokens, heads * head_dim))
    # int8 rounds to even at ties that float64 breaks otherwise: one step of one value, 1/127, times its weight.
    tolerance = 2e-3 * np.abs(case.qkv).max()
    np.testing.assert_allclose(result, case.expected()[before:], rtol=0, atol=tolerance)


@each_build
@pytest.mark.parametrize(("heads", "kv_heads", "head_dim"), SHAPES)
@pytest.mark.parametrize(("position", "threads"), [(0, 1), (0, 3), (37, 1), (63, 2), (64, 3)])
def test_attention_of_decode(
    build: Build, heads: int, kv_heads: int, head_dim: int, position: int, threads: int
) -> None:
    case = Heads(build, heads, kv_heads, head_dim, position, 1)
    if position:
        case.append(0, position, 1)
    q = case.append(position, 1, threads)
    machine = case.machine
    stride = case.scratch_stride()
    state = machine.place(np.array([0, position, 0, 0, 0, 0, 0, 0], np.int32))
    parts = machine.place(PARTS * heads * (case.width * 4 + 16))
    out, scratch = machine.place(heads * head_dim * 4), machine.place(stride * threads)
    for first, count in case.tiles():
        machine.call(
            f"attention_decode_{count}", q, case.kv, case.table_at, state, scratch, parts,
            *case.shape(first, stride), threads=threads,
        )  # fmt: skip
    machine.call("attention_combine", parts, out, heads, head_dim, threads=threads)
    result = machine.read(out, np.float32, (heads * head_dim,))
    np.testing.assert_allclose(result, case.expected()[position], rtol=0, atol=2e-3 * np.abs(case.qkv).max())


@each_build
@pytest.mark.parametrize(("heads", "head_dim", "threads"), [(3, 64, 1), (4, 20, 3), (5, 2, 2), (2, 34, 2)])
def test_queries_without_rotation(build: Build, heads: int, head_dim: int, threads: int) -> None:
    machine, tokens, width = CpuMachine(build), 3, padded(head_dim)
    x = random(24).standard_normal((tokens, heads, head_dim)).astype(np.float32) * 5
    x[1, 0] = 0
    q = machine.place(tokens * heads * (width * 2 + 16))
    n = machine.place(np.int32(tokens))
    machine.call("attention_queries", machine.place(x), q, n, heads, head_dim, threads=threads)
    stored = machine.read(q, np.uint8, (tokens, heads, width * 2 + 16))
    scales = stored[..., :4].copy().view(np.float32)
    values = stored[..., 16:].copy().view(np.int16)
    peaks = np.abs(x).max(-1, keepdims=True)
    # Half a step, and the rounding of scale and quotient.
    assert (np.abs(values[..., :head_dim] * scales.astype(np.float64) - x) <= peaks * (0.5 / 32000 + 1e-6)).all()
    assert (values[..., head_dim:] == 0).all()


@each_build
def test_rotation_far_out_and_dynamic(build: Build) -> None:
    machine = CpuMachine(build)
    head_dim, theta, factor, trained = 32, 10000.0, 2.0, 100
    positions = [3, 99, 100, 5000, 130000]
    inv_freq = (1.0 / theta ** (np.arange(16) / 16)).astype(np.float32)
    dynamic = np.zeros(6, np.float32)
    dynamic[:4] = [np.log(theta), head_dim / (head_dim - 2), factor / trained, factor - 1]
    dynamic[4:5].view(np.int32)[:] = trained
    dynamic[5] = -2 / head_dim
    n, table = machine.place(np.int32(1)), machine.place(16 * 8)
    for dynamic_at, is_dynamic in ((machine.place(dynamic), True), (machine.place(np.zeros(6, np.float32)), False)):
        for position in positions:
            state = machine.place(np.array([0, position, 0, 0], np.int32))
            machine.call("rope_table", machine.place(inv_freq), 0, state, table, n, dynamic_at, 16, float_bits(1.5), 0)
            frequency = inv_freq.astype(np.float64)
            if is_dynamic and position >= trained:
                grown = theta * (factor * (position + 1) / trained - (factor - 1)) ** (head_dim / (head_dim - 2))
                frequency = grown ** (-np.arange(16) / 16)
            angle = position * frequency
            expected = np.stack([np.cos(angle), np.sin(angle)], -1) * 1.5
            # The angle itself is a float32: half a unit in its last place.
            tolerance = 1.5 * (1e-6 + np.abs(angle)[:, None] * (2e-6 if is_dynamic else 6e-8))
            assert (np.abs(machine.read(table, np.float32, (16, 2)) - expected) <= tolerance).all()


@each_build
def test_halves_of_every_magnitude(build: Build) -> None:
    """Keys of an exact cache: NumPy's float16 up to its largest, beyond it scaled by a power of 2, never infinite."""
    machine, head_dim = CpuMachine(build), 16
    heads = random(25).standard_normal((64, head_dim)).astype(np.float32)
    heads *= np.float32(2) ** np.arange(-40, 88, 2, dtype=np.float32)[:, None]
    heads[3, :4] = [0.0, -0.0, 2.0**-24, 1.5 * 2.0**-25]
    heads[4] = np.float32(2.0**-25) * np.arange(16, dtype=np.float32)  # every tie between subnormal numbers
    heads[5] = 1 + np.float32(2.0**-11) * np.arange(16, dtype=np.float32)  # and between normal ones
    heads[6] = 65504 + np.arange(16, dtype=np.float32)
    heads[7] = 65520 - np.arange(16, dtype=np.float32)
    for row in heads:
        kv, place = machine.place(2 * head_bytes(head_dim, exact=True)), machine.place(np.int32(0))
        qkv, n = machine.place(np.concatenate([0 * row, row, row])), machine.place(np.int32(1))
        state, q = machine.place(np.zeros(8, np.int32)), machine.place(64)
        machine.call(
            "rope_append_exact", qkv, 0, state, place, kv, machine.place(SCRATCH_BYTES), n, q, 1, 1, head_dim, 0, 0, 0,
            head_bytes(head_dim, exact=True),
        )  # fmt: skip
        scale = max(1.0, 2.0 ** (np.floor(np.log2(np.abs(row).max())) - 15))
        with np.errstate(over="ignore"):
            wanted = (row / scale).astype(np.float16)
        keys = machine.read(kv + 64, np.float16, (head_dim, PAGE_TOKENS))[:, 0]
        values = machine.read(kv + head_bytes(head_dim, exact=True) + 64, np.float16, (2, PAGE_TOKENS, 8))[:, 0].ravel()
        assert machine.read(kv, np.float32, (1,))[0] == scale
        assert keys.tobytes() == wanted.tobytes() == values.tobytes()
