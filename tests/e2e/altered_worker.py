"""Browsers that this machine has not: lines put before the script of the engine's worker, which take something away.

The engine and what it runs on stay real; only what the worker is told about its browser is not.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import BrowserContext, Route

# As Vite names worker/main.ts.
WORKER_SCRIPTS = "main-*.js"

# The software adapter says that it is a GPU. "auto" prefers the CPU to a software adapter, so without this no request
# would ever run on a WebGPU device that it may leave.
GPU_IN_DISGUISE = """
for (const [name, value] of Object.entries({ isFallbackAdapter: false, vendor: "disguised", architecture: "gpu",
                                             device: "", description: "" }))
  Object.defineProperty(GPUAdapterInfo.prototype, name, { get: () => value });
"""
WITHOUT_WEBGPU = "Object.defineProperty(navigator, 'gpu', { value: undefined });"


def refusing(*instruction: int) -> str:
    """WebAssembly.validate refuses modules that have these bytes anywhere, as a browser without the instruction does.

    Only the engine's probes are as short as that has to mean the instruction itself; longer modules are not its way to
    find out what the browser can do.
    """
    return f"""{{
  const validate = WebAssembly.validate;
  const holds = (bytes) => Array.from(bytes).join().includes("{",".join(map(str, instruction))}");
  WebAssembly.validate = (bytes) => !holds(bytes) && validate(bytes);
}}
"""


WITHOUT_RELAXED_SIMD = refusing(0xFD, 0x92, 0x02)  # i16x8.relaxed_dot_i8x16_i7x16_s
WITHOUT_SIMD = refusing(0xFD, 0x0F)  # i8x16.splat


def alter_worker(context: BrowserContext, *lines: str) -> None:
    """In all pages of ``context``, from the next engine on."""

    def answer(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, body="".join(lines) + response.text())

    context.route(f"**/assets/{WORKER_SCRIPTS}", answer)


def altered_extension(extension: Path, folder: Path, *lines: str) -> Path:
    """A copy of the built extension in ``folder``: what an extension loads passes no route."""
    shutil.copytree(extension, folder)
    scripts = list((folder / "assets").glob(WORKER_SCRIPTS))
    assert scripts, f"no {WORKER_SCRIPTS}"
    for script in scripts:
        script.write_text("".join(lines) + script.read_text())
    return folder
