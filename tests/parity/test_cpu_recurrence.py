"""The CPU kernel of the linear recurrence against its NumPy reference. Needs only wasmtime."""

from __future__ import annotations

import numpy as np
import pytest
from nomoat_compiler.operators.cpu.emit import Build
from nomoat_compiler.operators.linear_recurrence.reference import reference

from tests.parity.cpu_harness import CpuMachine, each_build, random

SLOTS = 3


@each_build
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("columns", [4, 12, 100])
@pytest.mark.parametrize(("position", "tokens"), [(0, 1), (0, 70), (5, 1), (5, 33)])
def test_linear_recurrence(build: Build, threads: int, columns: int, position: int, tokens: int) -> None:
    machine = CpuMachine(build)
    slot = 1
    arrays = {
        "x": random(50).standard_normal((tokens, columns)).astype(np.float32),
        "decay": random(51).uniform(-0.99, 0.99, columns).astype(np.float32),
        "memory": random(52).standard_normal((SLOTS, columns)).astype(np.float32),
        "state": np.array([0, position, 0, 0, slot, 0, 0, 0], np.int32),
    }
    if position == 0:
        arrays["memory"][slot] = np.nan  # what another sequence left there, or nobody
    expected = reference({"columns": columns}, arrays, tokens)
    x, decay, memory, state = (machine.place(arrays[name]) for name in ("x", "decay", "memory", "state"))
    out = machine.place(tokens * columns * 4)
    machine.call("linear_recurrence", x, decay, state, memory, out, machine.place(np.int32(tokens)), columns,
                 threads=threads)  # fmt: skip
    # One or two roundings a token, each of which decays.
    tolerance = 1e-6 * tokens * np.abs(expected["out"]).max()
    np.testing.assert_allclose(
        machine.read(out, np.float32, (tokens, columns)), expected["out"], rtol=0, atol=tolerance
    )
    after = machine.read(memory, np.float32, (SLOTS, columns))
    np.testing.assert_allclose(after[slot], expected["memory"][slot], rtol=0, atol=tolerance)
    others = [0, 2]
    np.testing.assert_array_equal(after[others], arrays["memory"][others])


@each_build
def test_a_prefill_in_pieces_is_the_whole(build: Build) -> None:
    machine = CpuMachine(build)
    tokens, columns = 20, 32
    x = random(53).standard_normal((tokens, columns)).astype(np.float32)
    decay = machine.place(random(54).uniform(0, 1, columns).astype(np.float32))

    def run(memory: int, first: int, count: int) -> np.ndarray:
        state = machine.place(np.array([0, first, 0, 0, 0, 0, 0, 0], np.int32))
        out = machine.place(count * columns * 4)
        n = machine.place(np.int32(count))
        machine.call(
            "linear_recurrence", machine.place(x[first : first + count]), decay, state, memory, out, n, columns
        )
        return machine.read(out, np.float32, (count, columns))

    whole = run(machine.place(columns * 4), 0, tokens)
    memory = machine.place(columns * 4)
    pieces = [run(memory, first, count) for first, count in ((0, 7), (7, 1), (8, 12))]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
