"""The CPU's kernel and launch plan of LoRA's second product against NumPy, and that a thread computes there what it
reads in the product that follows without a barrier. Needs only wasmtime.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from nomoat_compiler.operators.cpu.emit import Build
from nomoat_compiler.operators.cpu.fixed import FACTOR
from nomoat_compiler.operators.known_answer import Arrays, Case, definition_of
from nomoat_compiler.operators.lora_up.cpu import CHUNK, PEAK
from nomoat_compiler.operators.lora_up.reference import reference
from nomoat_compiler.scheme import FloatDtype, Plain

from tests.parity.cpu_harness import CpuMachine, each_build, random
from tests.parity.cpu_plan import CpuPlan

# First rows of the parts, rows, gated: parts end in each half, at its end, and beyond it.
SHAPES = (
    ((0,), 4, False), ((0, 64, 80), 96, False), ((0, 20), 44, False),
    ((0,), 48, True), ((0, 24), 48, True), ((0, 8, 36), 56, True), ((0, 40), 56, True),
)  # fmt: skip
each_shape = pytest.mark.parametrize(("starts", "rows", "gated"), SHAPES)


def definition_and_arrays(
    starts: tuple[int, ...], rows: int, gated: bool, rank: int, tokens: int, dtype: FloatDtype = "float16"
) -> tuple[dict[str, Any], Arrays]:
    part_1, part_2 = (*starts[1:], 0, 0)[:2]
    fields = {"rows": rows, "rank": rank, "part_1": part_1, "part_2": part_2, "gated": gated}
    b = random(61).uniform(-2, 2, (rank // 2, 2 * rows)).astype(dtype)
    b[0, :3] = [2.0**-24, -6e-5, 2]  # subnormal in float16, and the largest number
    return definition_of("lora_up", Case(fields, scheme=Plain(dtype))), {
        "h": random(60).standard_normal((tokens, len(starts) * rank)).astype(np.float32),
        "h_scale": random(62).uniform(0.5, 2, len(starts) * rank).astype(np.float32),
        "b": b,
        "out": np.full((tokens, rows), np.nan, np.float32),
    }


def on_device(arrays: Arrays) -> Arrays:
    """With B as the image of the weights has it."""
    b = arrays["b"]
    return arrays | {"b": np.rint(b.astype(np.float64) * FACTOR).astype(np.int16) if b.dtype == np.float16 else b}


@each_build
@each_shape
@pytest.mark.parametrize(("threads", "tokens"), [(1, 1), (3, 5)])
@pytest.mark.parametrize(("rank", "dtype"), [(4, "float32"), (20, "float32"), (8, "float16"), (40, "float16")])
def test_lora_up(
    build: Build, threads: int, tokens: int, starts: tuple[int, ...], rows: int, gated: bool, rank: int,
    dtype: FloatDtype,
) -> None:  # fmt: skip
    definition, arrays = definition_and_arrays(starts, rows, gated, rank, tokens, dtype)
    expected = reference(definition, arrays, tokens)["out"]
    plan = CpuPlan(CpuMachine(build, 4), definition, on_device(arrays), tokens, prefill=tokens > 1)
    plan.run(threads)
    scaled = np.abs(arrays["h"] * arrays["h_scale"])
    tolerance = 1e-6 * rank * scaled.max() * 2
    if dtype == "float16":  # What is rounded of h, and of values of b below 1/8.
        tolerance += rank * scaled.max() * (2 * 0.5 / PEAK + 0.5 / FACTOR)
    np.testing.assert_allclose(plan.read("out", expected.shape), expected, rtol=0, atol=tolerance)


@each_build
def test_integers_are_exact(build: Build) -> None:
    """Where nothing is rounded, the result is the float32 that NumPy rounds to, also at the largest sums."""
    rank, rows = 2 * CHUNK, 20
    rng = random(63)
    h = rng.integers(-PEAK, PEAK, (1, rank), endpoint=True).astype(np.float32)
    h[0, [0, CHUNK]] = PEAK
    h[0, CHUNK:] = PEAK
    b = (rng.integers(-16, 16, (rank // 2, 2 * rows), endpoint=True) / 8).astype(np.float16)
    b[CHUNK // 2 :, :6] = 2  # with these h the largest sum of a chunk
    arrays = {"h": h, "h_scale": np.ones(rank, np.float32), "b": b, "out": np.full((1, rows), np.nan, np.float32)}
    fields = {"rows": rows, "rank": rank, "part_1": 0, "part_2": 0, "gated": False}
    definition = definition_of("lora_up", Case(fields, scheme=Plain("float16")))
    plan = CpuPlan(CpuMachine(build, 4), definition, on_device(arrays), 1, prefill=False)
    plan.run(1)
    expected = reference(definition, arrays, 1)["out"]
    np.testing.assert_allclose(plan.read("out", expected.shape), expected, rtol=4e-7, atol=0)


@each_build
def test_fix_halves(build: Build) -> None:
    machine = CpuMachine(build, 4)
    halves = np.arange(0, 0x4000, dtype=np.uint16)
    halves = np.concatenate([halves, halves | 0x8000, np.full(8, 0x4000)]).astype(np.uint16).view(np.float16)
    target = machine.place(2 * halves.size)
    machine.call("fix_halves", machine.place(halves), target, halves.size, threads=None)
    expected = np.rint(halves.astype(np.float64) * FACTOR)
    np.testing.assert_array_equal(machine.read(target, np.int16, halves.shape), expected)
    wanted = np.full(8, -65504, np.float16)
    machine.call("fix_halves", machine.place(wanted), target, 8, threads=None)
    np.testing.assert_array_equal(machine.read(target, np.int16, (8,)), -2 * FACTOR)


class OneThread(CpuMachine):
    """Runs the part of one thread only."""

    def __init__(self, build: Build, thread: int) -> None:
        super().__init__(build, 4)
        self.thread = thread

    def call(self, kernel: str, *arguments: int, threads: int | None = 1) -> None:
        assert threads is not None
        function: Any = self.exports[kernel]
        function(self.store, *arguments, self.thread, threads)


@each_shape
@pytest.mark.parametrize("thread", range(3))
def test_a_thread_has_the_rows_that_it_adds(thread: int, starts: tuple[int, ...], rows: int, gated: bool) -> None:
    build = Build(relaxed=True, threads=False)
    definition, arrays = definition_and_arrays(starts, rows, gated, 4, 1)
    plan = CpuPlan(OneThread(build, thread), definition, on_device(arrays), 1, prefill=False)
    plan.run(3)
    made = np.isfinite(plan.read("out", (rows,)))
    fields = {"rows": rows, "columns": 32, "delta": True, "gated": gated}
    product = definition_of("linear", Case(fields, scheme=Plain("float32")))
    width = rows // 2 if gated else rows
    given = {
        "x": np.ones(32, np.float32), "w": np.ones((rows, 32), np.float32), "delta": np.zeros(rows, np.float32),
        "out": np.full(width, np.nan, np.float32),
    }  # fmt: skip
    linear = CpuPlan(OneThread(build, thread), product, given, 1, prefill=False)
    linear.run(3)
    read = np.isfinite(linear.read("out", (width,)))
    np.testing.assert_array_equal(made, np.tile(read, rows // width))
