"""Proves that every adapter is what its name says, and that it runs what the harness tells it to."""

from __future__ import annotations

import os
import signal
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from tests.parity.adapters import (
    CHROMIUM,
    EVERY_ADAPTER,
    GUARANTEED_LIMITS,
    LAVAPIPE_128MIB,
    SWIFTSHADER,
    SoftwareAdapter,
    every_adapter,
    running,
)
from tests.parity.dawn_host import KernelProcess
from tests.parity.kernel_host import WebGpuError
from tests.parity.webgpu_harness import (
    describe_adapter,
    evaluate,
    run_operator,
    run_operator_on_each,
    supported_variants,
)

both_hosts = pytest.mark.parametrize("adapter", [SWIFTSHADER, CHROMIUM], ids=lambda adapter: adapter.name)
on_swiftshader = pytest.mark.parametrize("adapter", [SWIFTSHADER], ids=lambda adapter: adapter.name)

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
# Each lane of four workgroups writes the size of its subgroup, and its number in it.
SUBGROUP_SIZE = """
enable subgroups;
@group(0) @binding(0) var<storage, read_write> out : array<vec2u>;
@compute @workgroup_size(64)
fn subgroup_size(
  @builtin(global_invocation_id) id : vec3u,
  @builtin(subgroup_size) size : u32,
  @builtin(subgroup_invocation_id) lane : u32,
) { out[id.x] = vec2u(size, lane); }
"""
# Each lane writes what lies one lane up. The lane at the end of a subgroup has no such neighbour and writes whatever.
NEIGHBOUR = """
enable subgroups;
@group(0) @binding(0) var<storage, read_write> out : array<u32>;
@compute @workgroup_size(64)
fn neighbour(@builtin(global_invocation_id) id : vec3u) { out[id.x] = subgroupShuffleDown(id.x, 1u); }
"""
HALVES = """
enable f16;
@group(0) @binding(0) var<storage, read_write> out : array<f16>;
@compute @workgroup_size(8)
fn halves(@builtin(global_invocation_id) id : vec3u) { out[id.x] = f16(id.x) / 3; }
"""
CONSTANTS = """
override SCALE : u32;
override OFFSET : u32 = 7;
@group(0) @binding(0) var<storage, read_write> out : array<u32>;
@compute @workgroup_size(4)
fn constants(@builtin(global_invocation_id) id : vec3u) { out[id.x] = id.x * SCALE + OFFSET; }
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
            {"requires": {"features": ["subgroups"], "subgroup_min_size": 8}, "kernel": "0" * 16, "grid": [1, 1, 1]},
            {"requires": {}, "kernel": "0" * 16, "grid": [["//", ["+", ["*", "n", 3], 31], 32], 1, 1]},
        ),
        "copy": operator({"requires": {}, "kernel": "1" * 16, "grid": [["//", "n", 2], 1, 1]}),
        "broken": operator({"requires": {}, "kernel": "2" * 16, "grid": [1, 1, 1]}),
        "no_grid": operator({"requires": {}, "kernel": "1" * 16, "grid": [["-", "n", "n"], 1, 1]}),
    },
}


def run_probe(adapter: SoftwareAdapter, name: str, wgsl: str, out: np.ndarray, grid: int = 1, **job: Any) -> np.ndarray:
    """What a kernel that binds nothing but ``out`` leaves there."""
    output = running(adapter).run(
        {
            "kernel_hash": name,
            "kernel_name": name,
            "entry_point": name,
            "wgsl": wgsl,
            "arguments": [{"access": "read_write", "nbytes": out.nbytes}],
            "uniform": None,
            "grid": [grid, 1, 1],
            "dispatches": 1,
            **job,
        },
        out.tobytes(),
    )
    return np.frombuffer(output, out.dtype).reshape(out.shape)


def lanes_of(adapter: SoftwareAdapter) -> int:
    """The width of subgroups that the adapter was asked for; SwiftShader always has 4."""
    return int(adapter.environment.get("LP_NATIVE_VECTOR_WIDTH", 128)) // 32


@every_adapter
def test_features_and_limits_are_as_asked(adapter: SoftwareAdapter) -> None:
    described = describe_adapter(adapter)
    features = {"subgroups", "shader-f16"} & set(described["features"])
    assert features == {"subgroups", "shader-f16"} - set(adapter.withheld) - (
        {"shader-f16"} if adapter.driver != "lavapipe" else set()
    )
    for name, value in adapter.limits.items():
        assert described["limits"][name] == value
    assert ("llvmpipe" in described["description"]) == (adapter.driver == "lavapipe"), "the driver of another adapter"


@every_adapter
def test_subgroups_are_as_wide_as_asked_and_lanes_lie_in_order(adapter: SoftwareAdapter) -> None:
    """Both kernels: only one asks for the size, and only the other would run with another width's cached code."""
    lanes, ids = lanes_of(adapter), np.arange(256)
    if "subgroups" in adapter.withheld:
        with pytest.raises(WebGpuError, match="subgroups"):
            run_probe(adapter, "subgroup_size", SUBGROUP_SIZE, np.zeros((256, 2), np.uint32), grid=4)
        return
    described = describe_adapter(adapter)
    assert described["subgroup_min_size"] == described["subgroup_max_size"] == lanes
    sizes, numbers = run_probe(adapter, "subgroup_size", SUBGROUP_SIZE, np.zeros((256, 2), np.uint32), grid=4).T
    assert set(sizes.tolist()) == {lanes}
    np.testing.assert_array_equal(numbers, ids % lanes)
    above = run_probe(adapter, "neighbour", NEIGHBOUR, np.zeros(256, np.uint32), grid=4)
    inside = ids % lanes != lanes - 1
    np.testing.assert_array_equal(above[inside], ids[inside] + 1)
    assert (above[~inside] != ids[~inside] + 1).all(), "subgroups are wider than they say"


@every_adapter
def test_f16_where_it_is_not_withheld(adapter: SoftwareAdapter) -> None:
    out = np.zeros(8, np.float16)
    if "shader-f16" in describe_adapter(adapter)["features"]:
        np.testing.assert_array_equal(run_probe(adapter, "halves", HALVES, out), np.arange(8, dtype=np.float16) / 3)
    else:
        with pytest.raises(WebGpuError, match="f16"):
            run_probe(adapter, "halves", HALVES, out)


@pytest.mark.parametrize("adapter", [LAVAPIPE_128MIB], ids=lambda adapter: adapter.name)
def test_a_lowered_limit_is_enforced(adapter: SoftwareAdapter) -> None:
    words = GUARANTEED_LIMITS["maxComputeWorkgroupStorageSize"] // 4 + 1
    wgsl = f"""
    var<workgroup> shared_words : array<u32, {words}>;
    @group(0) @binding(0) var<storage, read_write> out : array<u32>;
    @compute @workgroup_size(1) fn large() {{ shared_words[out[0]] = 1; out[1] = shared_words[out[2]]; }}
    """
    with pytest.raises(WebGpuError, match="workgroup"):
        run_probe(adapter, "large", wgsl, np.zeros(4, np.uint32))


@both_hosts
def test_overridable_constants_are_set_and_each_value_is_a_pipeline(adapter: SoftwareAdapter) -> None:
    out, ids = np.zeros(4, np.uint32), np.arange(4)
    for constants, expected in [
        ({"SCALE": 3}, ids * 3 + 7),
        ({"SCALE": 5, "OFFSET": 1}, ids * 5 + 1),
        ({"SCALE": 3}, ids * 3 + 7),
    ]:
        np.testing.assert_array_equal(run_probe(adapter, "constants", CONSTANTS, out, constants=constants), expected)
    with pytest.raises(WebGpuError, match="SCALE"):
        run_probe(adapter, "constants", CONSTANTS, out)


def test_a_limit_that_the_adapter_does_not_reach_is_refused() -> None:
    unreachable = SoftwareAdapter("unreachable", "swiftshader", limits={"maxStorageBuffersPerShaderStage": 10**6})
    with pytest.raises(WebGpuError, match="maxStorageBuffersPerShaderStage cannot be lowered"):
        running(unreachable)


@on_swiftshader
def test_a_killed_process_is_an_error_and_the_next_use_starts_another(adapter: SoftwareAdapter) -> None:
    host = running(adapter)
    assert isinstance(host, KernelProcess)
    os.kill(host.process_id, signal.SIGKILL)
    with pytest.raises(WebGpuError, match="killed by signal 9"):
        # The first call may find the pipe still open.
        host.run({}, b"")
    assert not host.alive
    assert running(adapter) is not host
    test_overridable_constants_are_set_and_each_value_is_a_pipeline(adapter)


@on_swiftshader
def test_a_process_that_never_starts_is_an_error_with_what_it_printed(adapter: SoftwareAdapter) -> None:
    with pytest.raises(WebGpuError, match="Cannot find module"):
        KernelProcess({"NODE_OPTIONS": "--require=there-is-no-such-module"})


def test_every_adapter_has_a_name_of_its_own() -> None:
    assert len({adapter.name for adapter in EVERY_ADAPTER}) == len(EVERY_ADAPTER)


@both_hosts
def test_values_uniforms_grid_and_initial_output(adapter: SoftwareAdapter) -> None:
    x = np.arange(90, dtype=np.float32)
    out = np.full(100, 0.25, dtype=np.float32)
    result = run_operator(PROGRAM, MODULES, "scale_add", {"x": x, "out": out}, {"n": 30}, adapter=adapter)["out"]
    np.testing.assert_array_equal(result[:90], x * 2 + 5 + 2 + 0.25)
    np.testing.assert_array_equal(result[90:], out[90:])


@both_hosts
@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.uint16])
def test_odd_lengths_of_two_byte_types_come_back_unchanged(dtype: Any, adapter: SoftwareAdapter) -> None:
    x = np.arange(7).astype(dtype)
    arrays = {"x": x, "out": np.zeros_like(x)}
    result = run_operator(PROGRAM, MODULES, "copy", arrays, {"n": 8}, adapter=adapter)["out"]
    assert result.dtype == x.dtype
    np.testing.assert_array_equal(result.view(np.uint16), x.view(np.uint16))


@both_hosts
def test_each_set_of_arrays_has_a_dispatch_of_its_own(adapter: SoftwareAdapter) -> None:
    sets = [{"x": np.array([i, 2 * i], np.uint16), "out": np.zeros(2, np.uint16)} for i in range(5)]
    results = run_operator_on_each(PROGRAM, MODULES, "copy", sets, {"n": 2}, adapter=adapter)
    assert [result["out"].tolist() for result in results] == [[i, 2 * i] for i in range(5)]
    unequal = [sets[0], {**sets[1], "x": np.zeros(3, np.uint16)}]
    with pytest.raises(ValueError, match="differ"):
        run_operator_on_each(PROGRAM, MODULES, "copy", unequal, {"n": 2}, adapter=adapter)


@every_adapter
def test_variants_are_chosen_by_the_adapter_and_can_be_forced(adapter: SoftwareAdapter) -> None:
    """The second of three variants needs subgroups of 8."""
    supported = supported_variants(PROGRAM, "scale_add", adapter)
    wide = lanes_of(adapter) >= 8 and "subgroups" not in adapter.withheld
    assert supported == ([1, 2] if wide else [2])
    arrays = {"x": np.zeros(3, np.float32), "out": np.zeros(3, np.float32)}
    with pytest.raises(ValueError, match="subgroups of at least 128"):
        run_operator(PROGRAM, MODULES, "scale_add", arrays, {"n": 1}, variant=0, adapter=adapter)
    for variant in supported:
        assert (
            run_operator(PROGRAM, MODULES, "scale_add", arrays, {"n": 1}, variant, adapter)["out"].tolist() == [5] * 3
        )


@both_hosts
def test_a_broken_shader_is_an_error_and_the_host_still_answers(adapter: SoftwareAdapter) -> None:
    arrays = {"x": np.zeros(2, np.uint32), "out": np.zeros(2, np.uint32)}
    with pytest.raises(WebGpuError, match="cannot initialize"):
        run_operator(PROGRAM, MODULES, "broken", arrays, adapter=adapter)
    arrays["x"] += 7
    copied = run_operator(PROGRAM, MODULES, "copy", arrays, {"n": 4}, adapter=adapter)["out"]
    np.testing.assert_array_equal(copied, [7, 7])


@on_swiftshader
def test_bad_calls_are_refused_before_the_adapter_sees_them(adapter: SoftwareAdapter) -> None:
    with pytest.raises(KeyError, match="lacks"):
        run_operator(PROGRAM, MODULES, "copy", {"x": np.zeros(2, np.uint32)}, {"n": 4}, adapter=adapter)
    arrays = {"x": np.zeros(2, np.uint32), "out": np.zeros(2, np.uint32)}
    with pytest.raises(ValueError, match="65535"):
        run_operator(PROGRAM, MODULES, "no_grid", arrays, {"n": 4}, adapter=adapter)


def test_expressions_floor_like_the_schema_says() -> None:
    assert evaluate(["//", ["-", 0, "n"], 2], {"n": 3}) == -2
    assert evaluate(["%", -1, 16], {}) == 15
    assert evaluate(["max", ["min", 4, "n"], 2], {"n": 9}) == 4
