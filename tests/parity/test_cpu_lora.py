"""The CPU kernel of LoRA's second product against its NumPy reference, part by part. Needs only wasmtime."""

from __future__ import annotations

import numpy as np
import pytest
from nomoat_compiler.operators.cpu.emit import Build
from nomoat_compiler.operators.lora_up.reference import reference

from tests.parity.cpu_harness import CpuMachine, each_build, random


@each_build
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("tokens", [1, 5])
@pytest.mark.parametrize(("starts", "rows"), [((0,), 4), ((0, 64, 80), 96), ((0, 20), 44)])
@pytest.mark.parametrize("rank", [4, 20])
def test_lora_up(build: Build, threads: int, tokens: int, starts: tuple[int, ...], rows: int, rank: int) -> None:
    machine = CpuMachine(build)
    arrays = {
        "h": random(60).standard_normal((tokens, len(starts) * rank)).astype(np.float32),
        "b": random(61).standard_normal((rank, rows)).astype(np.float32),
    }
    part_1, part_2 = (*starts[1:], 0, 0)[:2]
    expected = reference({"rows": rows, "rank": rank, "part_1": part_1, "part_2": part_2}, arrays, tokens)["out"]
    h, b = machine.place(arrays["h"]), machine.place(arrays["b"])
    out = machine.place(np.full((tokens, rows), np.nan, np.float32))
    n = machine.place(np.int32(tokens))
    for part, (start, end) in enumerate(zip(starts, (*starts[1:], rows), strict=True)):
        machine.call(
            "lora_up", h + 4 * part * rank, b + 4 * start, out + 4 * start, n, rank, 4 * len(starts) * rank, 4 * rows,
            (end - start) // 4, threads=threads,
        )  # fmt: skip
    tolerance = 1e-6 * rank * np.abs(arrays["h"]).max() * np.abs(arrays["b"]).max()
    np.testing.assert_allclose(machine.read(out, np.float32, (tokens, rows)), expected, rtol=0, atol=tolerance)
