"""The CPU kernels of norms and activation functions against NumPy. Needs only wasmtime."""

from __future__ import annotations

import numpy as np
import pytest
from nomoat_compiler.operators.activations import activate
from nomoat_compiler.operators.cpu.emit import Build
from nomoat_compiler.operators.declaration import ACTIVATIONS

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
    residual = random(7).standard_normal((tokens, columns)).astype(np.float32)
    residual_at = machine.place(residual)
    machine.call("rms_norm_add", x_at, gain_at, residual_at, y, n, columns, float_bits(eps), threads=threads)
    np.testing.assert_allclose(machine.read(y, np.float32, x.shape), expected + residual, rtol=2e-6, atol=2e-6)
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
    machine.call("add_rows", y, machine.place(bias), n, rows // 4, 0, threads=3)
    np.testing.assert_array_equal(machine.read(y, np.float32, a.shape), a + b + bias)
    for scale, softcap in ((0.75, 0.0), (1.0, 30.0), (0.25, 2.0)):
        y = machine.place(a)
        machine.call("scale_cap", y, n, rows // 4, float_bits(scale), float_bits(softcap), threads=2)
        scaled = a.astype(np.float64) * scale
        expected = softcap * np.tanh(scaled / softcap) if softcap else scaled
        np.testing.assert_allclose(machine.read(y, np.float32, a.shape), expected, rtol=2e-6, atol=0)


# Relative and absolute tolerance. The half of a subnormal number is rounded. The gate's value at its lowest stands for
# all below it: 1.5e-36 and 1.3e-37. The exponent of gelu by tanh, up to 88, has the rounding of two sums and three
# products; erf is good to 1.5e-7, of which half counts, times a gate of up to 6, beyond which it is 1.
TOLERANCES = {
    "none": (0, 2e-45),
    "silu": (1e-6, 1.5e-36),
    "gelu": (1e-6, 5e-7),
    "gelu_tanh": (4e-5, 1.3e-37),
    "relu": (0, 2e-45),
}
each_activation = pytest.mark.parametrize("name", ACTIVATIONS)


@each_build
@each_activation
def test_activations_over_all_finite_numbers(build: Build, name: str) -> None:
    machine, index = CpuMachine(build), ACTIVATIONS.index(name)
    x = finite_floats()
    up = np.full_like(x, 0.5)
    n, blocks = machine.place(np.int32(1)), len(x) // 4
    with np.errstate(over="ignore"):
        expected = activate(x.astype(np.float64), index)
    relative, absolute = TOLERANCES[name]
    y = machine.place(x.nbytes)
    machine.call(f"gate_{index}", machine.place(x), machine.place(up), y, n, blocks, threads=2)
    np.testing.assert_allclose(machine.read(y, np.float32, x.shape), expected / 2, rtol=relative, atol=absolute / 2)
    if index > 0:
        y = machine.place(x)
        machine.call(f"activate_{index}", y, n, blocks, threads=2)
        np.testing.assert_allclose(machine.read(y, np.float32, x.shape), expected, rtol=relative, atol=absolute)


@each_build
@each_activation
def test_activations_pass_nan_on(build: Build, name: str) -> None:
    machine, index = CpuMachine(build, 8), ACTIVATIONS.index(name)
    x = np.array([np.nan, -np.nan, 1, np.nan], np.float32)
    y, n = machine.place(x.nbytes), machine.place(np.int32(1))
    machine.call(f"gate_{index}", machine.place(x), machine.place(np.ones_like(x)), y, n, 1)
    assert np.isnan(machine.read(y, np.float32, x.shape)).tolist() == [True, True, False, True]
    y = machine.place(x)
    machine.call("scale_cap", y, n, 1, float_bits(1.0), float_bits(2.0))
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
    y, without = machine.place(x.nbytes), machine.place(x.nbytes)
    machine.call(
        "layer_norm", machine.place(x), machine.place(gain), machine.place(bias), y, machine.place(np.int32(tokens)),
        columns, float_bits(eps), 1, threads=threads,
    )  # fmt: skip
    machine.call(
        "layer_norm", machine.place(x), machine.place(gain), 0, without, machine.place(np.int32(tokens)), columns,
        float_bits(eps), 0, threads=threads,
    )  # fmt: skip
    # The mean of numbers near 100 has 8e-6 of float32, and the result is a third of what is left of it.
    np.testing.assert_allclose(machine.read(y, np.float32, x.shape), expected, rtol=0, atol=5e-5)
    np.testing.assert_allclose(machine.read(without, np.float32, x.shape), expected - bias, rtol=0, atol=5e-5)
