"""The CPU kernels of matrices and of the activations they meet against NumPy. Needs only wasmtime."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from nomoat_compiler.operators.cpu import fine_activations
from nomoat_compiler.operators.cpu.activations import BLOCK_BYTES, EXPONENT, SCALE
from nomoat_compiler.operators.cpu.blocks import FORMATS, Format
from nomoat_compiler.operators.cpu.emit import Build

from tests.parity.cpu_harness import CpuMachine, each_build, float_bits, random
from tests.parity.cpu_matrix import Matrix, fine, place_blocks, quantized, token_bytes

each_format = pytest.mark.parametrize("layout", FORMATS, ids=lambda layout: layout.name)
# Of a sum, by the bits of the weights. With 8 bits the excess of the activations is added and taken out again.
TOLERANCE = {2: 1e-6, 3: 1e-6, 4: 1e-6, 5: 1e-6, 6: 1e-6, 8: 2e-6}
DTYPES = {"float32": np.float32, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16}


@each_build
@each_format
@pytest.mark.parametrize("threads", [1, 3])
def test_gemv(build: Build, layout: Format, threads: int) -> None:
    machine = CpuMachine(build)
    rows, columns = 4 * 13, 352  # a header for eight blocks, and one for three
    matrix = Matrix(machine, layout, rows, columns, zero=3, seed=1)
    x = random(2).standard_normal((1, columns)).astype(np.float32)
    y = machine.place(rows * 4)
    stride = token_bytes(machine, layout.bits, columns // 32)
    # Every thread has its own copy of x.
    copies = machine.place(stride * threads)
    kernel = "quantize_fine_own" if layout.bits == 8 else "quantize_own"
    machine.call(kernel, machine.place(x), copies, 0, stride, columns, columns // 32, threads=threads)
    sizes = (stride, columns // 32, rows // 4, 3)
    machine.call(f"gemv_{layout.name}", copies, *matrix.arguments(), y, *sizes, threads=threads)
    result = machine.read(y, np.float32, (rows,))
    # Sums of columns/32 float32 products, each rounded once or twice.
    tolerance = TOLERANCE[layout.bits] * columns * np.abs(x).max() * np.abs(matrix.values).max()
    np.testing.assert_allclose(result, matrix.times(x)[0], rtol=0, atol=tolerance)


@each_build
@each_format
@pytest.mark.parametrize(("tokens", "threads"), [(1, 1), (4, 2), (7, 1), (11, 3)])
def test_gemm(build: Build, layout: Format, tokens: int, threads: int) -> None:
    machine = CpuMachine(build)
    rows, columns = 4 * 5, 288
    matrix = Matrix(machine, layout, rows, columns, zero=2, seed=3)
    x = random(4).standard_normal((tokens, columns)).astype(np.float32) * 3
    y = machine.place(tokens * rows * 4)
    blocks, n = place_blocks(machine, x, threads, layout.bits), machine.place(np.int32(tokens))
    sizes = (columns // 32, rows // 4, 2)
    machine.call(f"gemm_{layout.name}", blocks, *matrix.arguments(), y, n, *sizes, threads=threads)
    result = machine.read(y, np.float32, (tokens, rows))
    tolerance = TOLERANCE[layout.bits] * columns * np.abs(x).max() * np.abs(matrix.values).max()
    np.testing.assert_allclose(result, matrix.times(x), rtol=0, atol=tolerance)


@each_build
@pytest.mark.parametrize("layout", [f for f in FORMATS if f.half], ids=lambda layout: layout.name)
def test_scales_below_the_smallest_normal_half_are_read(build: Build, layout: Format) -> None:
    machine = CpuMachine(build)
    rows, columns, tokens = 20, 96, 6
    matrix = Matrix(machine, layout, rows, columns, zero=7, seed=11, subnormal=True)
    x = random(12).standard_normal((tokens, columns)).astype(np.float32)
    tolerance = TOLERANCE[layout.bits] * columns * np.abs(x).max() * np.abs(matrix.values).max()
    y, n = machine.place(tokens * rows * 4), machine.place(np.int32(tokens))
    sizes = (columns // 32, rows // 4, 7)
    weights = matrix.arguments()
    machine.call(f"gemm_{layout.name}", place_blocks(machine, x, 1, layout.bits), *weights, y, n, *sizes)
    result = machine.read(y, np.float32, (tokens, rows))
    np.testing.assert_allclose(result, matrix.times(x), rtol=0, atol=tolerance)
    machine.call(f"gemv_{layout.name}", place_blocks(machine, x[:1], 1, layout.bits), *weights, y, 0, *sizes)
    result = machine.read(y, np.float32, (1, rows))
    np.testing.assert_allclose(result, matrix.times(x[:1]), rtol=0, atol=tolerance)


@each_build
@each_format
def test_a_token_alone_and_among_others_gives_the_same_bits(build: Build, layout: Format) -> None:
    machine = CpuMachine(build)
    rows, columns, tokens = 32, 128, 6
    matrix = Matrix(machine, layout, rows, columns, zero=0, seed=5)
    x = random(6).standard_normal((tokens, columns)).astype(np.float32)
    together, alone = machine.place(tokens * rows * 4), machine.place(rows * 4)
    n, weights, sizes = machine.place(np.int32(tokens)), matrix.arguments(), (columns // 32, rows // 4, 0)
    machine.call(f"gemm_{layout.name}", place_blocks(machine, x, 1, layout.bits), *weights, together, n, *sizes)
    machine.call(f"gemv_{layout.name}", place_blocks(machine, x[4:5], 1, layout.bits), *weights, alone, 0, *sizes)
    assert (machine.read(together, np.int32, (tokens, rows))[4] == machine.read(alone, np.int32, (rows,))).all()


@each_build
@pytest.mark.parametrize("layout", [f for f in FORMATS if f.bits == 8], ids=lambda layout: layout.name)
def test_row_sums(build: Build, layout: Format) -> None:
    machine = CpuMachine(build)
    matrix = Matrix(machine, layout, 20, 96, zero=120, seed=50)
    sums = machine.read(matrix.row_sums(), np.float32, (20,))
    tolerance = 1e-6 * 96 * np.abs(matrix.values).max()
    np.testing.assert_allclose(sums, matrix.values.sum(-1), rtol=0, atol=tolerance)


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
    factors = raw[..., at : at + 16].copy().view(np.float32).astype(np.float64) / EXPONENT
    np.testing.assert_allclose(factors[..., 0], scale, rtol=1e-6)
    np.testing.assert_allclose(factors[..., 1], scale * q.sum(-1), rtol=1e-5, atol=1e-7)
    for half in range(2):
        expected = scale * q[..., 16 * half : 16 * half + 16].sum(-1)
        np.testing.assert_allclose(factors[..., 2 + half], expected, rtol=1e-5, atol=1e-7)


@each_build
@pytest.mark.parametrize("columns", [32, 36, 100])
def test_quantize_fine(build: Build, columns: int) -> None:
    machine = CpuMachine(build)
    tokens, k_blocks = 3, -(-columns // 32)
    x = random(7).standard_normal((tokens, columns)).astype(np.float32)
    x[1] = 0  # scale 0
    x[2, 5] = -1e4
    stride = token_bytes(machine, 8, k_blocks)
    raw = machine.read(place_blocks(machine, x, 2, bits=8), np.uint8, (tokens, stride))
    q, scale = fine(x)
    np.testing.assert_allclose(raw[:, :4].copy().view(np.float32), scale, rtol=1e-6)
    blocks = raw[:, fine_activations.HEAD_BYTES :].reshape(tokens, k_blocks, fine_activations.BLOCK_BYTES)
    if build.relaxed:
        got = blocks[..., :32].astype(np.int64) + 64 * blocks[..., 32:64].astype(np.int64)
        assert blocks[..., :64].max() < 64
    else:
        quads = blocks[..., :64].copy().view(np.int16).reshape(tokens, k_blocks, 8, 4)
        got = quads[..., [0, 2, 1, 3]].reshape(tokens, k_blocks, 32).astype(np.int64)
    np.testing.assert_array_equal(blocks[..., 64:].copy().view(np.float32)[..., 0], got.sum(-1))
    expected = np.zeros((tokens, k_blocks * 32), np.int64)
    expected[:, :columns] = q
    np.testing.assert_array_equal(got.reshape(tokens, -1) - fine_activations.excess(build), expected)


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
    machine.call(f"matmul_{dtype}", machine.place(x), machine.place(w), y, n, 0, columns, rows // 4, threads=threads)
    expected = x.astype(np.float64) @ w.astype(np.float64).T
    result = machine.read(y, np.float32, (tokens, rows))
    tolerance = 2e-6 * columns * np.abs(x).max() * np.abs(w.astype(np.float64)).max()
    np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance)


@each_build
@each_format
def test_embed(build: Build, layout: Format) -> None:
    machine = CpuMachine(build)
    rows, columns = 11, 288
    matrix = Matrix(machine, layout, rows, columns, zero=3, seed=15)
    ids = np.array([10, 0, 3, 10, 7], np.int32)
    y, n = machine.place(len(ids) * columns * 4), machine.place(np.int32(len(ids)))
    place = (machine.place(ids), matrix.address, y, n, columns, float_bits(2.0), columns // 32, 3)
    machine.call(f"embed_{layout.name}", *place, threads=2)
    np.testing.assert_allclose(
        machine.read(y, np.float32, (len(ids), columns)), 2 * matrix.values[ids], rtol=3e-7, atol=1e-8
    )


@each_build
@pytest.mark.parametrize("dtype", DTYPES)
def test_embed_of_plain_numbers(build: Build, dtype: str) -> None:
    machine = CpuMachine(build)
    w = random(16).standard_normal((9, 20)).astype(DTYPES[dtype])
    ids = np.array([8, 1], np.int32)
    y = machine.place(2 * 20 * 4)
    machine.call(
        f"embed_{dtype}", machine.place(ids), machine.place(w), y, machine.place(np.int32(2)), 20, float_bits(2.0)
    )
    np.testing.assert_array_equal(machine.read(y, np.float32, (2, 20)), 2 * w[ids].astype(np.float32))


@each_build
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_widen(build: Build, dtype: str) -> None:
    machine = CpuMachine(build)
    values = np.array([0, -0.0, 1, -2.5, 65504, 6e-8, -6e-5], DTYPES[dtype])
    target = machine.place(4 * 7)
    machine.call(f"widen_{dtype}", machine.place(values), target, 0, 7, threads=None)
    np.testing.assert_array_equal(machine.read(target, np.float32, (7,)), values.astype(np.float32))
