"""Proves that the benchmark of tests/bench/webgpu tells right from wrong and outlives what it runs. Needs Node."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.bench.webgpu.case_file import Case, Expected, write_cases
from tests.bench.webgpu.local import bundle_javascript, dawn_module
from tests.bench.webgpu.parts import Node, Part, lines_of, run_part
from tests.bench.webgpu.table import passed, problems
from tests.parity.vulkan_driver import Unavailable, find_swiftshader

# A quiet machine takes three seconds.
LIMIT_S = 120
SCALE = """
override factor : f32;
@group(0) @binding(0) var<storage, read> x : array<f32>;
@group(0) @binding(1) var<storage, read_write> out : array<f32>;
@compute @workgroup_size(1)
fn scale(@builtin(workgroup_id) id : vec3<u32>) { out[id.x] = x[id.x] * factor; }
"""
X = np.array([1, -2, 3, 0.5], dtype=np.float32)


def scale_case(name: str, expected: Any, requires: dict[str, Any] | None = None, wgsl: str = SCALE) -> Case:
    job = {
        "kernel_name": "scale", "kernel_hash": str(abs(hash(wgsl))), "entry_point": "scale", "wgsl": wgsl,
        "constants": {"factor": 2.5}, "requires": requires or {}, "uniform": None, "grid": [4, 1, 1],
        "arguments": [{"access": "read", "nbytes": 16}, {"access": "read_write", "nbytes": 16}],
    }  # fmt: skip
    values = np.array(expected, dtype=np.float32)
    return Case(name, job, (X.tobytes(), bytes(16)), (Expected(1, values, 1e-6, 0.0),))


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    driver = find_swiftshader()
    if isinstance(driver, Unavailable):
        pytest.skip(driver.reason)
    bundle = bundle_javascript(tmp_path_factory.mktemp("bundle"))
    return Node("node", str(dawn_module()), str(bundle), driver.environment())


def test_stored_cases_are_told_right_from_wrong(node: Node, tmp_path: Path) -> None:
    right = X * 2.5
    cases = [
        scale_case("right", right),
        scale_case("wrong in the last value", [*right[:3], 1.2501]),
        scale_case("not a number", [np.nan, *right[1:]]),
        scale_case("another right one", right),
        scale_case("does not compile", right, wgsl="fn scale() { let x : u32 = 1.0f; }"),
        scale_case("needs wide subgroups", right, {"subgroup_min_size": 4096}),
        scale_case("needs a feature", right, {"features": ["no-such-feature"]}),
    ]
    write_cases(tmp_path / "cases.json", cases)
    record = run_part(node, Part("parity", {"task": "parity", "cases": str(tmp_path / "cases.json")}, LIMIT_S), LIMIT_S)
    assert record["ended"] == "ok", record
    (counts,) = lines_of(record, "parity")
    assert [counts[key] for key in ("cases", "passed", "failed", "left_out")] == [7, 2, 3, 2]
    assert [line["case"] for line in lines_of(record, "failed")] == [
        "wrong in the last value", "not a number", "does not compile"
    ]  # fmt: skip
    assert not passed({"parts": [record]})


def python_part(tmp_path: Path, script: str, limit_s: float) -> dict[str, Any]:
    """A part whose process is this Python; the script gets the paths of the task and of the lines."""
    (tmp_path / "part.py").write_text(script)
    node = Node(sys.executable, "dawn.node", str(tmp_path / "part.py"))
    return run_part(node, Part("part", {"task": "describe"}, limit_s), limit_s)


def test_a_part_that_hangs_is_stopped_and_what_it_told_is_kept(tmp_path: Path) -> None:
    script = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[2], "w").write('{"kind": "decode", "tok_per_s": 3}\\n{"kind": "deco')
time.sleep(600)
"""
    record = python_part(tmp_path, script, 5)
    assert record["ended"] == "limit"
    assert record["lines"] == [{"kind": "decode", "tok_per_s": 3}]
    assert not passed({"parts": [record]})


def test_a_part_that_crashes_is_told_with_its_last_words(tmp_path: Path) -> None:
    record = python_part(tmp_path, "raise SystemExit('no driver here')", LIMIT_S)
    assert record["ended"] == "code 1"
    assert problems({"parts": [record]}) == ["failed: part: it ended with code 1: no driver here"]


def test_what_does_not_fit_a_device_is_no_failure(tmp_path: Path) -> None:
    script = """
import sys
open(sys.argv[2], "w").write('{"kind": "skipped", "what": "load", "message": "too large"}\\n')
"""
    record = python_part(tmp_path, script, LIMIT_S)
    assert problems({"parts": [record]}) == ["skipped: part: load: too large"]
    assert passed({"parts": [record]})
