"""The GPU kernels of every operator with every knob against their references in NumPy.

One adapter takes them all: what differs between adapters is proved by the known answers (test_kernels.py) and by the
matmuls, and lavapipe compiles each of some hundred pipelines for a second. NOMOAT_EVERY_KERNEL=1 takes every adapter.
"""

from __future__ import annotations

import numpy as np
import pytest
from nomoat_compiler.operators.activations import activate
from nomoat_compiler.operators.declaration import ACTIVATIONS

from tests.fixtures.finite_floats import finite_floats
from tests.parity.adapters import ADAPTERS, EVERY_KERNEL, SWIFTSHADER, SoftwareAdapter, each_adapter
from tests.parity.kernel_cases import POISON, SCHEMES, run_everywhere
from tests.parity.operator_instances import Instance, each_instance
from tests.parity.test_kernel_linear import linear


def check(instance: Instance, adapter: SoftwareAdapter) -> None:
    definition, case, arrays = instance.definition, instance.case, instance.arrays()
    expected = instance.expected(arrays)
    # What is written wholly must not depend on what was there.
    for name in {"out", "q"} & expected.keys():
        arrays[name] = np.full_like(arrays[name], POISON)
    for outputs in run_everywhere(definition, arrays, prefill=case.prefill, n=case.tokens, adapter=adapter):
        for name, values in expected.items():
            got = outputs[name].reshape(values.shape)
            np.testing.assert_allclose(got, values, rtol=0, atol=instance.tolerance, err_msg=name)


@each_instance("linear", "attention", "add_position", "embed")
def test_knobs(instance: Instance) -> None:
    check(instance, SWIFTSHADER)


@pytest.mark.parametrize("adapter", ADAPTERS if EVERY_KERNEL else [SWIFTSHADER], ids=lambda adapter: adapter.name)
@each_instance("rope_append", "rms_norm", "layer_norm", "short_conv", "pool")
def test_knobs_where_workgroups_meet(instance: Instance, adapter: SoftwareAdapter) -> None:
    check(instance, adapter)


# Relative and absolute. WGSL's exp is good to 3 + 2|x| units in the last place, with x of gelu by tanh up to 88; erf to
# 1.5e-7, of which half counts, times a gate of up to 6, beyond which it is 1.
TOLERANCES = {
    "none": (1e-6, 0),
    "silu": (2.5e-5, 1.6e-36),
    "gelu": (1e-6, 6e-7),
    "gelu_tanh": (6e-5, 1e-36),
    "relu": (1e-6, 0),
}


@pytest.mark.parametrize("gated", [False, True], ids=["alone", "gated"])
@pytest.mark.parametrize("name", ACTIVATIONS)
@each_adapter
def test_activations_over_all_finite_numbers(name: str, gated: bool, adapter: SoftwareAdapter) -> None:
    """Numbers of every size, and NaN, which must not be lost: the rows of the matrix are [number, 0, 0, 0]."""
    numbers = np.append(finite_floats(), np.float32(np.nan))
    numbers = numbers[(np.abs(numbers) >= 2.0**-100) | np.isnan(numbers)]
    w = np.zeros((len(numbers) * (1 + gated), 4), np.float32)
    w[: len(numbers), 0] = numbers
    w[len(numbers) :, 1] = 0.5
    arrays = {"x": np.array([[1, 1, 0, 0]], np.float32), "w": w, "out": np.full((1, len(numbers)), POISON)}
    index = ACTIVATIONS.index(name)
    with np.errstate(over="ignore"):
        expected = activate(numbers.astype(np.float64), index) * (0.5 if gated else 1)
    relative, absolute = TOLERANCES[name]
    definition = linear(SCHEMES["f32"], len(w), 4, activation=index, gated=gated)
    for outputs in run_everywhere(definition, arrays, adapter=adapter):
        out = outputs["out"][0]
        assert np.isnan(out[-1])
        assert (np.abs(out - expected) <= np.abs(expected) * relative + absolute)[:-1].all()


@each_adapter
def test_soft_cap_over_all_finite_numbers(adapter: SoftwareAdapter) -> None:
    """tanh is good to 1e-6 for small numbers too, large ones end at the cap, and NaN stays."""
    numbers = np.append(finite_floats(), np.float32(np.nan))
    numbers = numbers[(np.abs(numbers) >= 2.0**-100) | np.isnan(numbers)]
    w = np.zeros((len(numbers), 4), np.float32)
    w[:, 0] = numbers
    arrays = {"x": np.array([[1, 0, 0, 0]], np.float32), "w": w, "out": np.full((1, len(numbers)), POISON)}
    expected = 30 * np.tanh(numbers.astype(np.float64) / 30)
    for outputs in run_everywhere(linear(SCHEMES["f32"], len(w), 4, softcap=30.0), arrays, adapter=adapter):
        out = outputs["out"][0]
        assert np.isnan(out[-1])
        np.testing.assert_allclose(out[:-1], expected[:-1], rtol=2e-6, atol=0)
