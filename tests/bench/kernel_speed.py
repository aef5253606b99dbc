"""How fast the CPU's matrix kernels are by themselves, in Chromium on one thread, and what holds them back.

    python -m tests.bench.kernel_speed [--passes 15] [--formats q4m,q5s] [--builds relaxed] [--json FILE]

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
from nomoat_compiler.operators.cpu.blocks import FORMATS
from nomoat_compiler.operators.cpu.emit import Build
from playwright.sync_api import Page
from rich.console import Console
from rich.table import Table

from tests.bench.machine import machine
from tests.parity.cpu_harness import BUILDS, CpuMachine, module_bytes, random
from tests.parity.cpu_matrix import Matrix, place_blocks, token_bytes

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
async ({ module, image, kernel, arguments: given, y, sums, copies, matrixBytes, repeats, passes }) => {
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
    if (copies > 0) taken.reads = time(() => read(start, sums, (copies * matrixBytes) >> 4, 0, 1));
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
    parser.add_argument("--formats", default="q4m,q4s,q8s,q5s,q4m_uint8,q5m_uint8,q6s_int8", help=", ".join(LAYOUTS))
    parser.add_argument("--builds", default="relaxed,plain")
    options = parser.parse_args(arguments)
    with headless_browser(find_chromium(), Adapter.SOFTWARE) as browser:
        page = browser.new_page()
        builds = [build for build in BUILDS if build.name in options.builds.split(",")]
        names = options.formats.split(",")
        speeds = [speed for build in builds for speed in measured(page, build, names, options.passes)]
    if options.json:
        found = [asdict(speed) for speed in speeds]
        options.json.write_text(json.dumps({"machine": machine(), "kernels": found}, indent=1) + "\n")
    print_table(speeds)
    return 0


def measured(page: Page, build: Build, names: list[str], passes: int) -> list[Speed]:
    """One token times matrices of each kind, then many tokens, of which only the arithmetic is of interest."""
    speeds = []
    for name in names:
        cpu, matrix, given, y = product(build, name, 1)
        copies = MEMORY_BYTES // matrix.nbytes
        times = timed(page, cpu, f"gemv_{name}", given, y, matrix, 1, passes, CACHE_REPEATS, copies)
        cache = rate(matrix.nbytes * CACHE_REPEATS, times["cache"])
        memory, reads = (rate(matrix.nbytes * copies, times[kind]) for kind in ("memory", "reads"))
        speeds.append(Speed(build.name, f"gemv_{name}", "GB/s", cache, memory, reads))
    for name in names:
        cpu, matrix, given, y = product(build, name, TOKENS)
        times = timed(page, cpu, f"gemm_{name}", given, y, matrix, TOKENS, passes, 4, 0)
        multiplied = rate(ROWS * COLUMNS * TOKENS * 4, times["cache"])
        speeds.append(Speed(build.name, f"gemm_{name}", "GMAC/s", multiplied, None, None))
    return speeds


def product(build: Build, name: str, tokens: int) -> tuple[CpuMachine, Matrix, list[int], int]:
    """A machine with a matrix and activations on it, the arguments of the kernel that multiplies them, and where its
    result will be.
    """
    layout = LAYOUTS[name]
    cpu = CpuMachine(build)
    matrix = Matrix(cpu, layout, ROWS, COLUMNS, zero=2, seed=1)
    x = random(2).standard_normal((tokens, COLUMNS)).astype(np.float32)
    blocks, y = place_blocks(cpu, x, bits=layout.bits), cpu.place(tokens * ROWS * 4)
    k_blocks = COLUMNS // 32
    # Of gemv the distance between threads' copies of x, of gemm where the number of tokens is.
    which = token_bytes(cpu, layout.bits, k_blocks) if tokens == 1 else cpu.place(np.int32(tokens))
    return cpu, matrix, [blocks, *matrix.arguments(), y, which, k_blocks, matrix.blocks, matrix.zero, 0, 1], y


def timed(
    page: Page,
    cpu: CpuMachine,
    kernel: str,
    given: list[int],
    y: int,
    matrix: Matrix,
    tokens: int,
    passes: int,
    repeats: int,
    copies: int,
) -> dict[str, Any]:
    """Milliseconds of each pass by kind. The browser's memory begins as the machine's, and its result must be equal."""
    sums = cpu.place(16)
    image = bytes(cpu.memory.read(cpu.store, 0, cpu.place(0)))
    cpu.exports[kernel](cpu.store, *given)
    expected = cpu.read(y, np.float32, (tokens * ROWS,))
    times: dict[str, Any] = page.evaluate(
        MEASURE,
        {
            "module": base64.b64encode(module_bytes(cpu.build)).decode(),
            "image": base64.b64encode(image).decode(),
            "kernel": kernel,
            "arguments": given,
            "y": {"address": y, "count": expected.size},
            "sums": sums,
            "copies": copies,
            "matrixBytes": matrix.nbytes,
            "repeats": repeats,
            "passes": passes,
        },
    )
    tolerance = TOLERANCE * float(np.abs(expected).max())
    np.testing.assert_allclose(times["y"], expected, rtol=0, atol=tolerance, err_msg=kernel)
    return times


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
