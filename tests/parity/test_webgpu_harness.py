"""Proves that the kernel harness uploads, dispatches and reads back what it is told. Needs Chromium."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from .webgpu_harness import (
    WebGpuError,
    describe_adapter,
    evaluate,
    run_operator,
    run_operator_on_each,
    supported_variants,
)

pytestmark = pytest.mark.browser

SCALE_ADD = """
@group(0) @binding(0) var<storage, read> x : array<f32>;
@group(0) @binding(1) var<storage, read_write> out : array<f32>;
struct Uniforms { count : i32, offset : u32, grid_x_last : u32 }
@group(0) @binding(2) var<uniform> u : Uniforms;
@compute @workgroup_size(32, 1, 1)
fn scale_add(@builtin(global_invocation_id) id : vec3<u32>) {
  if (i32(id.x) >= u.count) { return; }
  out[id.x] = x[id.x] * 2.0 + f32(u.offset) + f32(u.grid_x_last) + out[id.x];
}
"""
COPY_WORDS = """
@group(0) @binding(0) var<storage, read> x : array<u32>;
@group(0) @binding(1) var<storage, read_write> out : array<u32>;
@compute @workgroup_size(1)
fn copy_words(@builtin(workgroup_id) id : vec3<u32>) { out[id.x] = x[id.x]; }
"""
BROKEN = "@compute @workgroup_size(1) fn broken() { let a : u32 = 1.0f; }"
MODULES = {"0" * 16: SCALE_ADD, "1" * 16: COPY_WORDS, "2" * 16: BROKEN}


def kernel(name: str, uniforms: list[dict[str, Any]], workgroup: int = 1) -> dict[str, Any]:
    return {
        "name": name,
        "entry_point": name,
        "workgroup_size": [workgroup, 1, 1],
        "bindings": [{"argument": "x", "access": "read"}, {"argument": "out", "access": "read_write"}],
        "uniforms": uniforms,
        "workgroup_bytes": 0,
    }


def operator(*variants: dict[str, Any]) -> dict[str, Any]:
    return {"arguments": ["x", "out"], "variants": list(variants)}


PROGRAM: dict[str, Any] = {
    "kernels": {
        "0" * 16: kernel(
            "scale_add",
            [
                {"name": "count", "type": "i32", "value": ["*", "n", 3]},
                {"name": "offset", "type": "u32", "value": 5},
                {
                    "name": "grid_x_last",
                    "type": "u32",
                    "value": ["-", ["//", ["+", ["*", "n", 3], 31], 32], 1],
                },
            ],
            32,
        ),
        "1" * 16: kernel("copy_words", []),
        "2" * 16: kernel("broken", []),
    },
    "operators": {
        "scale_add": operator(
            {"requires": {"subgroup_min_size": 128}, "kernel": "0" * 16, "grid": [1, 1, 1]},
            {"requires": {}, "kernel": "0" * 16, "grid": [["//", ["+", ["*", "n", 3], 31], 32], 1, 1]},
        ),
        "copy": operator({"requires": {}, "kernel": "1" * 16, "grid": [["//", "n", 2], 1, 1]}),
        "broken": operator({"requires": {}, "kernel": "2" * 16, "grid": [1, 1, 1]}),
        "no_grid": operator({"requires": {}, "kernel": "1" * 16, "grid": [["-", "n", "n"], 1, 1]}),
    },
}


def test_values_uniforms_grid_and_initial_output() -> None:
    x = np.arange(90, dtype=np.float32)
    out = np.full(100, 0.25, dtype=np.float32)
    result = run_operator(PROGRAM, MODULES, "scale_add", {"x": x, "out": out}, {"n": 30})["out"]
    np.testing.assert_array_equal(result[:90], x * 2 + 5 + 2 + 0.25)
    np.testing.assert_array_equal(result[90:], out[90:])


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.uint16])
def test_odd_lengths_of_two_byte_types_come_back_unchanged(dtype: Any) -> None:
    x = np.arange(7).astype(dtype)
    result = run_operator(PROGRAM, MODULES, "copy", {"x": x, "out": np.zeros_like(x)}, {"n": 8})["out"]
    assert result.dtype == x.dtype
    np.testing.assert_array_equal(result.view(np.uint16), x.view(np.uint16))


def test_each_set_of_arrays_has_a_dispatch_of_its_own() -> None:
    sets = [{"x": np.array([i, 2 * i], np.uint16), "out": np.zeros(2, np.uint16)} for i in range(5)]
    results = run_operator_on_each(PROGRAM, MODULES, "copy", sets, {"n": 2})
    assert [result["out"].tolist() for result in results] == [[i, 2 * i] for i in range(5)]
    with pytest.raises(ValueError, match="differ"):
        run_operator_on_each(PROGRAM, MODULES, "copy", [sets[0], {**sets[1], "x": np.zeros(3, np.uint16)}], {"n": 2})


def test_variants_are_chosen_by_the_adapter_and_can_be_forced() -> None:
    adapter = describe_adapter()
    assert adapter["limits"]["maxComputeInvocationsPerWorkgroup"] >= 128
    supported = supported_variants(PROGRAM, "scale_add")
    assert supported[-1] == 1
    if 0 not in supported:
        arrays = {"x": np.zeros(3, np.float32), "out": np.zeros(3, np.float32)}
        with pytest.raises(ValueError, match="subgroups of at least 128"):
            run_operator(PROGRAM, MODULES, "scale_add", arrays, {"n": 1}, variant=0)


def test_a_broken_shader_is_an_error_and_the_page_still_answers() -> None:
    arrays = {"x": np.zeros(2, np.uint32), "out": np.zeros(2, np.uint32)}
    with pytest.raises(WebGpuError, match="cannot initialize"):
        run_operator(PROGRAM, MODULES, "broken", arrays)
    arrays["x"] += 7
    np.testing.assert_array_equal(run_operator(PROGRAM, MODULES, "copy", arrays, {"n": 4})["out"], [7, 7])


def test_bad_calls_are_refused_before_the_browser() -> None:
    with pytest.raises(KeyError, match="lacks"):
        run_operator(PROGRAM, MODULES, "copy", {"x": np.zeros(2, np.uint32)}, {"n": 4})
    arrays = {"x": np.zeros(2, np.uint32), "out": np.zeros(2, np.uint32)}
    with pytest.raises(ValueError, match="65535"):
        run_operator(PROGRAM, MODULES, "no_grid", arrays, {"n": 4})


def test_expressions_floor_like_the_schema_says() -> None:
    assert evaluate(["//", ["-", 0, "n"], 2], {"n": 3}) == -2
    assert evaluate(["%", -1, 16], {}) == 15
    assert evaluate(["max", ["min", 4, "n"], 2], {"n": 9}) == 4
