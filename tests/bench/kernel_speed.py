"""How fast the CPU's matrix kernels are by themselves, in Chromium on one thread, and what holds them back.

    python -m tests.bench.kernel_speed [--passes 15] [--json FILE]

Each kernel runs on a matrix that stays in the processor's cache and, one copy after the other, on more of it than a
cache holds; beside it, a pass of plain reads over the same copies says what the memory gives. A kernel that is hardly
faster from the cache waits for its own instructions, not for the memory. Results are compared with what wasmtime gives
while they are timed. Needs nothing but the browser.
"""

from __future__ import annotations

import argparse
import base64
import json
import statistics
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from nomoat.browser import Adapter, find_chromium
from nomoat.browser.runner import headless_browser
from nomoat_compiler.cpu_kernels.blocks import FORMATS
from nomoat_compiler.cpu_kernels.emit import Build
from playwright.sync_api import Page
from rich.console import Console
from rich.table import Table

from tests.bench.machine import machine
from tests.parity.cpu_harness import BUILDS, CpuMachine, module_bytes, random
from tests.parity.test_cpu_matrices import Matrix, place_blocks, token_bytes

LAYOUTS = {layout.name: layout for layout in FORMATS}
ROWS, COLUMNS = 768, 576
TOKENS = 64
# More than the caches of today's processors.
MEMORY_BYTES = 256 << 20
CACHE_REPEATS = 200
# Both engines multiply and add the same numbers; an engine may round a fused product once or twice.
TOLERANCE = 1e-5

# Times `kernel` with its arguments; argument 1 is the address of the weights. Returns milliseconds of each pass.
MEASURE = """
async ({ module, image, kernel, arguments: given, y, copies, matrixBytes, repeats, passes, streamed }) => {
  const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const start = Math.ceil(bytes(image).length / 65536) * 65536;
  const pages = Math.ceil((start + copies * matrixBytes) / 65536) + 1;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: 65536 });
  const { instance } = await WebAssembly.instantiate(bytes(module), { env: { memory } });
  const all = new Uint8Array(memory.buffer);
  all.set(bytes(image));
  const weights = given[1];
  for (let i = 0; i < copies; i++) all.copyWithin(start + i * matrixBytes, weights, weights + matrixBytes);
  const run = instance.exports[kernel];
  const read = instance.exports.stream_read;
  const time = (work) => { const from = performance.now(); work(); return performance.now() - from; };
  const times = { cache: [], memory: [], reads: [] };
  const fromCache = () => { for (let i = 0; i < repeats; i++) run(...given); };
  const fromMemory = () => {
    for (let i = 0; i < copies; i++) { given[1] = start + i * matrixBytes; run(...given); }
    given[1] = weights;
  };
  for (let pass = -3; pass < passes; pass++) {
    const taken = { cache: time(fromCache) };
    if (copies > 0) taken.memory = time(fromMemory);
    if (copies > 0) taken.reads = time(() => read(start, streamed, (copies * matrixBytes) >> 4, 0, 1));
    if (pass >= 0) for (const [name, ms] of Object.entries(taken)) times[name].push(ms);
  }
  return { ...times, y: Array.from(new Float32Array(memory.buffer, y.address, y.count)) };
}
"""


@dataclass(frozen=True)
class Speed:
    build: str
    kernel: str
    unit: str  # GB/s of weights, or GMAC/s
    cache: float  # medians
    memory: float | None
    reads: float | None  # GB/s

    @property
    def share(self) -> float | None:
        return self.memory / self.reads if self.memory and self.reads else None


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.kernel_speed")
    parser.add_argument("--passes", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    with headless_browser(find_chromium(), Adapter.SOFTWARE) as browser:
        page = browser.new_page()
        speeds = [speed for build in BUILDS for speed in measured(page, build, options.passes)]
    if options.json:
        found = [asdict(speed) for speed in speeds]
        options.json.write_text(json.dumps({"machine": machine(), "kernels": found}, indent=1) + "\n")
    print_table(speeds)
    return 0


def measured(page: Page, build: Build, passes: int) -> list[Speed]:
    speeds = []
    for name, tokens in (("q4m", 1), ("q4s", 1), ("q8s", 1), ("q4m", TOKENS)):
        layout = LAYOUTS[name]
        machine_ = CpuMachine(build)
        matrix = Matrix(machine_, layout, ROWS, COLUMNS, zero=8, seed=1)
        x = random(2).standard_normal((tokens, COLUMNS)).astype(np.float32)
        tokens_at = place_blocks(machine_, x, bits=layout.bits)
        y = machine_.place(tokens * ROWS * 4)
        n = machine_.place(np.int32(tokens))
        sums = machine_.place(64)
        k_blocks, groups = COLUMNS // 32, ROWS // 4
        if tokens == 1:
            kernel, sizes = f"gemv_{name}", (token_bytes(machine_, layout.bits, k_blocks), k_blocks, groups, 8)
            given = [tokens_at, *matrix.arguments(), y, *sizes, 0, 1]
        else:
            kernel = f"gemm_{name}"
            given = [tokens_at, *matrix.arguments(), y, n, k_blocks, groups, 8, 0, 1]
        image = bytes(machine_.memory.read(machine_.store, 0, machine_.place(0)))
        machine_.exports[kernel](machine_.store, *given)
        expected = machine_.read(y, np.float32, (tokens * ROWS,))
        matrix_bytes = groups * k_blocks * layout.nbytes
        copies = MEMORY_BYTES // matrix_bytes if tokens == 1 else 0
        repeats = CACHE_REPEATS if tokens == 1 else 4
        times: dict[str, Any] = page.evaluate(
            MEASURE,
            {
                "module": base64.b64encode(module_bytes(build)).decode(),
                "image": base64.b64encode(image).decode(),
                "kernel": kernel,
                "arguments": given,
                "y": {"address": y, "count": tokens * ROWS},
                "copies": copies,
                "matrixBytes": matrix_bytes,
                "repeats": repeats,
                "passes": passes,
                "streamed": sums,
            },
        )
        largest = float(np.abs(expected).max())
        np.testing.assert_allclose(times["y"], expected, rtol=0, atol=TOLERANCE * largest, err_msg=kernel)
        work = matrix_bytes if tokens == 1 else ROWS * COLUMNS * tokens
        speeds.append(
            Speed(
                build=build.name,
                kernel=kernel,
                unit="GB/s" if tokens == 1 else "GMAC/s",
                cache=rate(work * repeats, times["cache"]),
                memory=rate(matrix_bytes * copies, times["memory"]) if copies else None,
                reads=rate(matrix_bytes * copies, times["reads"]) if copies else None,
            )
        )
    return speeds


def rate(work: int, times_ms: list[float]) -> float:
    """Units of 10^9 a second, of the median pass."""
    return work / statistics.median(times_ms) / 1e6


def print_table(speeds: list[Speed]) -> None:
    table = Table(box=None, header_style="bold")
    for heading in ("Build", "Kernel", "Unit", "From the cache", "From memory", "Plain reads", "Share of reads"):
        table.add_column(heading, justify="left" if heading in ("Build", "Kernel", "Unit") else "right")
    for speed in speeds:
        table.add_row(
            speed.build,
            speed.kernel,
            speed.unit,
            f"{speed.cache:.1f}",
            "" if speed.memory is None else f"{speed.memory:.1f}",
            "" if speed.reads is None else f"{speed.reads:.1f}",
            "" if speed.share is None else f"{speed.share:.0%}",
        )
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
