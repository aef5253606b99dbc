"""The CPU kernels of norms and activation functions against NumPy. Needs only wasmtime."""

from __future__ import annotations

import numpy as np
import pytest
from nomoat_compiler.operators.cpu.emit import Build

from tests.fixtures.finite_floats import finite_floats
from tests.parity.cpu_harness import CpuMachine, each_build, float_bits, random


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
def test_activations_over_all_finite_numbers(build: Build) -> None:
    machine = CpuMachine(build)
    x = finite_floats()
    up = np.full_like(x, 0.5)
    n, blocks, wide = machine.place(np.int32(1)), len(x) // 4, x.astype(np.float64)
    with np.errstate(over="ignore"):
        silu = wide / (1 + np.exp(-wide))
        cube = np.sqrt(2 / np.pi) * (wide + 0.044715 * wide**3)
        gelu = wide / (1 + np.exp(-2 * cube))
    y = machine.place(x.nbytes)
    # The gate's value at its lowest stands for all below it: 1.5e-36 and 1.3e-37. The exponent of gelu, up to 88, has
    # the rounding of two sums and three products.
    for kernel, inputs, expected, relative, absolute in (
        ("swiglu", (x, up), silu / 2, 1e-6, 0.8e-36),
        ("geglu", (x, up), gelu / 2, 4e-5, 0.7e-37),
        ("gelu", (x,), gelu, 4e-5, 1.3e-37),
    ):
        machine.call(kernel, *map(machine.place, inputs), y, n, blocks, threads=2)
        np.testing.assert_allclose(machine.read(y, np.float32, x.shape), expected, rtol=relative, atol=absolute)


@each_build
@pytest.mark.parametrize("kernel", ["swiglu", "geglu", "gelu"])
def test_activations_pass_nan_on(build: Build, kernel: str) -> None:
    machine = CpuMachine(build, 8)
    x = np.array([np.nan, -np.nan, 1, np.nan], np.float32)
    y, n = machine.place(x.nbytes), machine.place(np.int32(1))
    inputs = [x] if kernel == "gelu" else [x, np.ones_like(x)]
    machine.call(kernel, *map(machine.place, inputs), y, n, 1)
    assert np.isnan(machine.read(y, np.float32, x.shape)).tolist() == [True, True, False, True]


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
