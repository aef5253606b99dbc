"""Every CPU kernel against NumPy, in both instruction sets and for several thread counts. Needs only wasmtime."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from nomoat_compiler.cpu_kernels.activations import BLOCK_BYTES, EXPONENT, SCALE
from nomoat_compiler.cpu_kernels.attention import PARTS
from nomoat_compiler.cpu_kernels.blocks import FORMATS, Format
from nomoat_compiler.cpu_kernels.emit import Build
from nomoat_compiler.cpu_kernels.kv_layout import head_bytes
from nomoat_compiler.cpu_kernels.sample import PART_BYTES, SLICES
from nomoat_compiler.quantize.packing import pack_words
from nomoat_compiler.reference import sampling as reference
from nomoat_compiler.reference.sampling import Sampling

from tests.parity.cpu_harness import BUILDS, CpuMachine, float_bits
from tests.parity.test_kernel_sampling import CASES as SAMPLING_CASES
from tests.parity.test_kernel_sampling import sampling_buffer

each_build = pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.name)
each_format = pytest.mark.parametrize("layout", FORMATS, ids=lambda layout: layout.name)
DTYPES = {"float32": np.float32, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16}


def random(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def quantized(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(q, scale) of groups of 32: q (..., groups, 32) int, scale (..., groups)."""
    groups = x.reshape(*x.shape[:-1], -1, 32)
    peak = np.abs(groups).max(-1)
    inverse = np.where(peak > 0, np.float32(127) / np.where(peak > 0, peak, 1), 0).astype(np.float32)
    q = np.rint(groups * inverse[..., None]).astype(np.int64)
    return q, peak.astype(np.float64) / 127


class Matrix:
    """A random matrix in the package's arrays, repacked on the machine, and its float64 parts."""

    def __init__(self, machine: CpuMachine, layout: Format, rows: int, columns: int, zero: int, seed: int) -> None:
        generator = random(seed)
        self.layout, self.rows, self.columns, self.zero = layout, rows, columns, zero
        groups = columns // 32
        stored = np.float16 if layout.half else np.float32
        self.q = generator.integers(0, 2**layout.bits, (rows, groups, 32), dtype=np.uint8)
        self.scale = (generator.standard_normal((rows, groups)) * 0.02).astype(stored)
        self.minimum = (generator.standard_normal((rows, groups)) * 0.05).astype(stored)
        words = pack_words(self.q.reshape(rows, columns), layout.bits)
        self.blocks = -(-rows // 4)
        self.address = machine.place(self.blocks * groups * layout.nbytes)
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
        """W x with activations in int8, exactly: (tokens, rows) float64."""
        q, x_scale = quantized(x)
        rounded = (q * x_scale[..., None]).reshape(x.shape)
        return rounded @ self.values.T


def place_blocks(machine: CpuMachine, x: np.ndarray, threads: int = 1) -> int:
    """x (tokens, columns) quantized on the machine."""
    tokens, columns = x.shape
    k_blocks = -(-columns // 32)
    blocks = machine.place(tokens * k_blocks * BLOCK_BYTES[machine.build.relaxed])
    n = machine.place(np.int32(tokens))
    machine.call("quantize", machine.place(x), blocks, n, columns, k_blocks, threads=threads)
    return blocks


@each_build
@each_format
@pytest.mark.parametrize("threads", [1, 3])
def test_gemv(build: Build, layout: Format, threads: int) -> None:
    machine = CpuMachine(build)
    rows, columns = 4 * 13, 96
    matrix = Matrix(machine, layout, rows, columns, zero=7, seed=1)
    x = random(2).standard_normal((1, columns)).astype(np.float32)
    y = machine.place(rows * 4)
    stride = columns // 32 * BLOCK_BYTES[build.relaxed]
    # Every thread has its own copy of x.
    copies = machine.place(stride * threads)
    machine.call("quantize_own", machine.place(x), copies, 0, stride, columns, columns // 32, threads=threads)
    machine.call(f"gemv_{layout.name}", copies, matrix.address, y, stride, columns // 32, rows // 4, 7, threads=threads)
    result = machine.read(y, np.float32, (rows,))
    # Sums of columns/32 float32 products, each rounded once or twice.
    tolerance = 1e-6 * columns * np.abs(x).max() * np.abs(matrix.values).max()
    np.testing.assert_allclose(result, matrix.times(x)[0], rtol=0, atol=tolerance)


@each_build
@each_format
@pytest.mark.parametrize(("tokens", "threads"), [(1, 1), (4, 2), (7, 1), (11, 3)])
def test_gemm(build: Build, layout: Format, tokens: int, threads: int) -> None:
    machine = CpuMachine(build)
    rows, columns = 4 * 5, 64
    matrix = Matrix(machine, layout, rows, columns, zero=8, seed=3)
    x = random(4).standard_normal((tokens, columns)).astype(np.float32) * 3
    y = machine.place(tokens * rows * 4)
    blocks, n = place_blocks(machine, x, threads), machine.place(np.int32(tokens))
    machine.call(f"gemm_{layout.name}", blocks, matrix.address, y, n, columns // 32, rows // 4, 8, threads=threads)
    result = machine.read(y, np.float32, (tokens, rows))
    tolerance = 1e-6 * columns * np.abs(x).max() * np.abs(matrix.values).max()
    np.testing.assert_allclose(result, matrix.times(x), rtol=0, atol=tolerance)


@each_build
def test_a_token_alone_and_among_others_gives_the_same_bits(build: Build) -> None:
    machine = CpuMachine(build)
    layout, rows, columns, tokens = FORMATS[2], 32, 128, 6
    matrix = Matrix(machine, layout, rows, columns, zero=0, seed=5)
    x = random(6).standard_normal((tokens, columns)).astype(np.float32)
    together, alone = machine.place(tokens * rows * 4), machine.place(rows * 4)
    machine.call(
        f"gemm_{layout.name}", place_blocks(machine, x), matrix.address, together, machine.place(np.int32(tokens)),
        columns // 32, rows // 4, 0,
    )  # fmt: skip
    last = place_blocks(machine, x[4:5])
    machine.call(f"gemv_{layout.name}", last, matrix.address, alone, 0, columns // 32, rows // 4, 0)
    assert (machine.read(together, np.int32, (tokens, rows))[4] == machine.read(alone, np.int32, (rows,))).all()


@each_build
@pytest.mark.parametrize("columns", [32, 36, 100])
def test_quantize(build: Build, columns: int) -> None:
    machine = CpuMachine(build)
    tokens, k_blocks = 3, -(-columns // 32)
    x = random(7).standard_normal((tokens, columns)).astype(np.float32)
    x[1, :32] = 0  # a group of zeros has scale 0
    x[2, 5] = 1e4
    blocks = place_blocks(machine, x, threads=2)
    size, at = BLOCK_BYTES[build.relaxed], SCALE[build.relaxed]
    raw = machine.read(blocks, np.uint8, (tokens, k_blocks, size))
    padded = np.zeros((tokens, k_blocks * 32), np.float32)
    padded[:, :columns] = x
    q, scale = quantized(padded)
    if build.relaxed:
        got = raw[..., :32].view(np.int8)
    else:
        quads = raw[..., :64].copy().view(np.int16).reshape(tokens, k_blocks, 8, 4)
        got = quads[..., [0, 2, 1, 3]].reshape(tokens, k_blocks, 32)  # x[0], x[2], x[1], x[3]
    np.testing.assert_array_equal(got, q)
    factors = raw[..., at : at + 8].copy().view(np.float32).astype(np.float64) / EXPONENT
    np.testing.assert_allclose(factors[..., 0], scale, rtol=1e-6)
    np.testing.assert_allclose(factors[..., 1], scale * q.sum(-1), rtol=1e-5, atol=1e-7)


@each_build
@pytest.mark.parametrize("threads", [1, 2])
def test_rms_norm(build: Build, threads: int) -> None:
    machine = CpuMachine(build)
    tokens, columns, eps = 5, 96, 1e-5
    x = random(8).standard_normal((tokens, columns)).astype(np.float32) * 5
    gain = random(9).standard_normal(columns).astype(np.float32)
    expected = x / np.sqrt((x.astype(np.float64) ** 2).mean(-1, keepdims=True) + eps) * gain
    y, own = machine.place(x.nbytes), machine.place(columns * 4 * threads)
    x_at, gain_at, n = machine.place(x), machine.place(gain), machine.place(np.int32(tokens))
    machine.call("rms_norm", x_at, gain_at, y, n, columns, float_bits(eps), threads=threads)
    np.testing.assert_allclose(machine.read(y, np.float32, x.shape), expected, rtol=2e-6, atol=1e-6)
    machine.call("rms_norm_own", x_at, gain_at, own, columns * 4, columns, float_bits(eps), threads=threads)
    for copy in machine.read(own, np.float32, (threads, columns)):
        np.testing.assert_allclose(copy, expected[0], rtol=2e-6, atol=1e-6)


@each_build
def test_elementwise(build: Build) -> None:
    machine = CpuMachine(build)
    tokens, rows = 3, 20
    a, b = (random(s).standard_normal((tokens, rows)).astype(np.float32) * 10 for s in (10, 11))
    a[0, :4] = [-1000, 1000, 0, -90]
    bias = random(12).standard_normal(rows).astype(np.float32)
    n = machine.place(np.int32(tokens))
    y = machine.place(a)
    machine.call("add", y, machine.place(b), n, rows // 4, threads=2)
    np.testing.assert_array_equal(machine.read(y, np.float32, a.shape), a + b)
    machine.call("add_bias", y, machine.place(bias), n, rows // 4, threads=3)
    np.testing.assert_array_equal(machine.read(y, np.float32, a.shape), a + b + bias)
    machine.call("swiglu", machine.place(a), machine.place(b), y, n, rows // 4, threads=2)
    wide = a.astype(np.float64)
    expected = wide / (1 + np.exp(-wide.clip(-700))) * b
    np.testing.assert_allclose(machine.read(y, np.float32, a.shape), expected, rtol=1e-6, atol=1e-30)
    gelu = wide / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (wide + 0.044715 * wide**3)))
    machine.call("gelu", machine.place(a), y, n, rows // 4, threads=2)
    # Where tanh is within a rounding of -1 the true value is tiny and the two forms part.
    np.testing.assert_allclose(machine.read(y, np.float32, a.shape), gelu, rtol=2e-6, atol=1e-6)
    machine.call("geglu", machine.place(a), machine.place(b), y, n, rows // 4, threads=3)
    np.testing.assert_allclose(machine.read(y, np.float32, a.shape), gelu * b, rtol=2e-6, atol=1e-5)


@each_build
@pytest.mark.parametrize("threads", [1, 2])
def test_layer_norm(build: Build, threads: int) -> None:
    machine = CpuMachine(build)
    tokens, columns, eps = 3, 52, 1e-5
    x = random(40).standard_normal((tokens, columns)).astype(np.float32) * 3 + 100  # a mean that could cancel
    gain, bias = (random(s).standard_normal(columns).astype(np.float32) for s in (41, 42))
    wide = x.astype(np.float64)
    centred = wide - wide.mean(-1, keepdims=True)
    expected = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + eps) * gain + bias
    y = machine.place(x.nbytes)
    machine.call(
        "layer_norm", machine.place(x), machine.place(gain), machine.place(bias), y, machine.place(np.int32(tokens)),
        columns, float_bits(eps), threads=threads,
    )  # fmt: skip
    # The mean of numbers near 100 has 8e-6 of float32, and the result is a third of what is left of it.
    np.testing.assert_allclose(machine.read(y, np.float32, x.shape), expected, rtol=0, atol=5e-5)


@each_build
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("tokens", "threads"), [(1, 1), (5, 2)])
def test_matmul_of_plain_numbers(build: Build, dtype: str, tokens: int, threads: int) -> None:
    machine = CpuMachine(build)
    rows, columns = 24, 52
    w = random(13).standard_normal((rows, columns)).astype(DTYPES[dtype])
    w[0, :2] = [np.float32(2.0**-24), -6e-5]  # subnormal in float16
    x = random(14).standard_normal((tokens, columns)).astype(np.float32)
    y, n = machine.place(tokens * rows * 4), machine.place(np.int32(tokens))
    machine.call(f"matmul_{dtype}", machine.place(x), machine.place(w), y, n, columns, rows // 4, threads=threads)
    expected = x.astype(np.float64) @ w.astype(np.float64).T
    result = machine.read(y, np.float32, (tokens, rows))
    tolerance = 2e-6 * columns * np.abs(x).max() * np.abs(w.astype(np.float64)).max()
    np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance)


@each_build
@each_format
def test_embed(build: Build, layout: Format) -> None:
    machine = CpuMachine(build)
    rows, columns = 11, 96
    matrix = Matrix(machine, layout, rows, columns, zero=7, seed=15)
    ids = np.array([10, 0, 3, 10, 7], np.int32)
    y, n = machine.place(len(ids) * columns * 4), machine.place(np.int32(len(ids)))
    machine.call(f"embed_{layout.name}", machine.place(ids), matrix.address, y, n, columns, columns // 32, 7, threads=2)
    np.testing.assert_allclose(
        machine.read(y, np.float32, (len(ids), columns)), matrix.values[ids], rtol=3e-7, atol=1e-8
    )


@each_build
@pytest.mark.parametrize("dtype", DTYPES)
def test_embed_of_plain_numbers(build: Build, dtype: str) -> None:
    machine = CpuMachine(build)
    w = random(16).standard_normal((9, 20)).astype(DTYPES[dtype])
    ids = np.array([8, 1], np.int32)
    y = machine.place(2 * 20 * 4)
    machine.call(f"embed_{dtype}", machine.place(ids), machine.place(w), y, machine.place(np.int32(2)), 20)
    np.testing.assert_array_equal(machine.read(y, np.float32, (2, 20)), w[ids].astype(np.float32))


@each_build
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_widen(build: Build, dtype: str) -> None:
    machine = CpuMachine(build)
    values = np.array([0, -0.0, 1, -2.5, 65504, 6e-8, -6e-5], DTYPES[dtype])
    target = machine.place(4 * 7)
    machine.call(f"widen_{dtype}", machine.place(values), target, 0, 7, threads=None)
    np.testing.assert_array_equal(machine.read(target, np.float32, (7,)), values.astype(np.float32))


class Heads:
    """Shapes of attention, a cache with scattered pages, and its float64 reference."""

    page_size = 16

    def __init__(self, build: Build, heads: int, kv_heads: int, head_dim: int, before: int, tokens: int) -> None:
        self.machine = CpuMachine(build)
        self.heads, self.kv_heads, self.head_dim, self.before, self.tokens = heads, kv_heads, head_dim, before, tokens
        length = before + tokens
        self.width = -(-head_dim // 16) * 16
        pages = -(-length // self.page_size)
        self.table = random(20).permutation(pages + 3)[:pages].astype(np.int32)
        size = kv_heads * head_bytes(self.page_size, head_dim)
        self.page_bytes, self.k_offset, self.v_offset = 2 * size + 64, 64, 64 + size
        machine = self.machine
        # What pages held before is rubbish, also where scales are.
        rubbish = random(21).integers(0, 256, (pages + 3) * self.page_bytes, dtype=np.uint8)
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
            "rope_table", machine.place(self.inv_freq), state, table, n, machine.place(self.dynamic),
            self.head_dim // 2, float_bits(1.0), threads=threads,
        )  # fmt: skip
        qkv = machine.place(self.qkv[first : first + count])
        scratch = machine.place(4096 * threads)
        machine.call(
            "rope_append", qkv, table, state, self.table_at, self.kv, scratch, n, q, self.heads, self.kv_heads,
            self.head_dim, self.page_size, self.page_bytes, self.k_offset, self.v_offset, threads=threads,
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
            self.heads, self.kv_heads, self.head_dim, self.page_size, self.page_bytes, self.k_offset, self.v_offset,
            first_head, scratch_stride,
        )  # fmt: skip

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
    stride = 4 * 4 * 128
    state = machine.place(np.array([0, before, 0, 0, 0, 0, 0, 0], np.int32))
    out, scratch = machine.place(tokens * heads * head_dim * 4), machine.place(stride * threads)
    for first, count in case.tiles():
        machine.call(
            f"attention_prefill_{count}", q, case.kv, case.table_at, state, scratch, out,
            machine.place(np.int32(tokens)), *case.shape(first, stride), threads=threads,
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
    stride = 4 * 4 * 128
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
            machine.call("rope_table", machine.place(inv_freq), state, table, n, dynamic_at, 16, float_bits(1.5))
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
@pytest.mark.parametrize("threads", [1, 3])
def test_argmax(build: Build, threads: int) -> None:
    for vocab, peaks in ((1001, [7]), (1001, [1000]), (50, [3, 40]), (4, [0, 1, 2, 3]), (1000, [333, 334, 999])):
        machine = CpuMachine(build, 8)
        logits = random(30).standard_normal(vocab).astype(np.float32)
        logits[peaks] = 9
        parts, tokens = machine.place(PART_BYTES * SLICES), machine.place(64 * 4)
        state = machine.place(np.array([1, 20, 65, 0, 0, 0, 0, 0], np.int32))
        padded = np.concatenate([logits, np.full(8, 100, np.float32)])  # nothing behind the vocabulary counts
        machine.call("argmax_share", machine.place(padded), parts, vocab, threads=threads)
        machine.call("argmax_finish", parts, state, tokens, threads=threads)
        assert machine.read(state, np.int32, (4,)).tolist() == [peaks[0], 21, 66, 0]
        assert machine.read(tokens, np.int32, (64,))[1] == peaks[0]


@each_build
@pytest.mark.parametrize("name", SAMPLING_CASES)
@pytest.mark.parametrize("threads", [1, 2])
def test_sample(build: Build, name: str, threads: int) -> None:
    options: Sampling = SAMPLING_CASES[name]
    vocab = 1003
    for seed in range(12):
        generator = random(seed)
        logits = (generator.standard_normal(vocab) * 3).astype(np.float32)
        logits[5] = logits[900] = logits.max()  # a tie at the top
        counts = (generator.random(vocab) < 0.1).astype(np.int32) * generator.integers(1, 4, vocab, dtype=np.int32)
        result = _sample(build, logits, counts, options, seed, step=seed * 3, threads=threads)
        p = reference.probabilities(logits, counts, options)
        u = reference.uniform(seed, seed * 3)
        running = np.cumsum(p)
        if np.abs(running - u).min() < 1e-5:
            continue  # sums are taken in another order: either neighbour is right
        assert result["token"] == reference.draw(p, u)
        assert result["counts"][result["token"]] == counts[result["token"]] + 1
        assert result["counts"].sum() == counts.sum() + 1


@each_build
def test_sample_of_a_flat_and_of_a_peaked_distribution(build: Build) -> None:
    flat = np.zeros(2000, np.float32)
    counts = np.zeros(2000, np.int32)
    for options in (Sampling(), Sampling(top_k=50), Sampling(top_p=0.5)):
        token = _sample(build, flat, counts, options, 4, 9, 2)["token"]
        # All tie, so every filter keeps all of them.
        assert token == reference.draw(np.full(2000, 1 / 2000), reference.uniform(4, 9))
    peaked = flat.copy()
    peaked[77] = 200
    assert _sample(build, peaked, counts, Sampling(), 4, 9, 2)["token"] == 77


def _sample(
    build: Build, logits: np.ndarray, counts: np.ndarray, options: Sampling, seed: int, step: int, threads: int
) -> dict[str, Any]:
    machine = CpuMachine(build, 8)
    vocab = len(logits)
    pad = -vocab % 4
    counts_at = machine.place(np.pad(counts, (0, pad)))
    weights, parts = machine.place((vocab + pad) * 4), machine.place(PART_BYTES * SLICES)
    state = machine.place(np.array([1, 20, step, seed, 0, 0, 0, 0], np.int32))
    sampling, tokens = machine.place(sampling_buffer(options)), machine.place(64 * 4)
    machine.call(
        "penalize_share", machine.place(np.pad(logits, (0, pad))), counts_at, sampling, weights, parts, vocab,
        threads=threads,
    )  # fmt: skip
    machine.call("exp_share", weights, parts, vocab, threads=threads)
    gathered = machine.place((vocab + pad) * 4)
    machine.call("draw", weights, parts, sampling, counts_at, state, tokens, gathered, vocab, threads=threads)
    after = machine.read(state, np.int32, (4,))
    assert after[1:3].tolist() == [21, step + 1]
    assert machine.read(tokens, np.int32, (64,))[step % 64] == after[0]
    return {"token": int(after[0]), "counts": machine.read(counts_at, np.int32, (vocab,))}
