"""Kernels to RDNA3 machine code, without a GPU: WGSL to SPIR-V by Dawn in Node, SPIR-V to machine code by Mesa's RADV
on a null device.

Dawn runs on Mesa's lavapipe, of which it asks a pipeline and no more, and Mesa writes down the SPIR-V. Both drivers
are in one package of Debian.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.isa.model_kernels import ModelKernel
from tests.limits import PROCESS_S
from tests.parity.lavapipe import ROOT, find_lavapipe
from tests.parity.vulkan_driver import Unavailable, VulkanDriver

FAMILY = "navi31"  # RX 7900: RDNA3
# Neither reads what an earlier version left, and a pipeline that comes out of a cache leaves no SPIR-V.
COMMON = {"MESA_SHADER_CACHE_DISABLE": "true"}
QUOTED_CHARACTERS = 2000  # of what a process printed, the end


@dataclass(frozen=True)
class CompiledKernel:
    """``statistics`` by RADV's names, ``assembly`` its text."""

    statistics: Mapping[str, int]
    assembly: str


@cache
def find_radv() -> VulkanDriver | Unavailable:
    """The one that lies beside lavapipe."""
    lavapipe = find_lavapipe()
    if isinstance(lavapipe, Unavailable):
        return lavapipe
    icd = lavapipe.icd.with_name(lavapipe.icd.name.replace("lvp", "radeon"))
    return VulkanDriver(icd, lavapipe.library_folder) if icd.exists() else Unavailable(f"no RADV: {icd} is not there")


def compile_kernels(kernels: Sequence[ModelKernel]) -> tuple[str, list[CompiledKernel]]:
    """The version of Mesa, and what became of each kernel. Needs ``find_radv``."""
    lavapipe, radv = find_lavapipe(), find_radv()
    assert isinstance(lavapipe, VulkanDriver) and isinstance(radv, VulkanDriver)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        dump = ["node", str(Path(__file__).with_name("dump_spirv.js"))]
        shaders = [
            {"name": k.name, "wgsl": k.wgsl, "entryPoint": k.entry_point, "constants": dict(k.values)} for k in kernels
        ]
        files = _run(dump, shaders, lavapipe.environment() | {"MESA_SPIRV_DUMP_PATH": str(folder)})
        jobs = [
            {"file": file, "storage_buffers": len(k.bindings), "has_uniforms": k.has_uniforms}
            for file, k in zip(files, kernels, strict=True)
        ]
        compile_all = [sys.executable, "-m", "tests.isa.radv_process", str(folder)]
        # Later versions of Mesa know the second name only.
        family = {"RADV_FORCE_FAMILY": FAMILY, "AMD_FORCE_FAMILY": FAMILY}
        made = _run(compile_all, jobs, radv.environment() | family)
    return made["driver_version"], [CompiledKernel(**kernel) for kernel in made["kernels"]]


def _run(command: Sequence[str], given: Any, environment: Mapping[str, str]) -> Any:
    """The last line that the command prints, of JSON in and out. RuntimeError with its last words where it fails."""
    done = subprocess.run(
        command, input=json.dumps(given), env={**os.environ, **COMMON, **environment}, cwd=ROOT, timeout=PROCESS_S,
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode != 0:
        words = done.stderr[-QUOTED_CHARACTERS:]
        raise RuntimeError(f"{' '.join(command)} ended with code {done.returncode}:\n{words}")
    return json.loads(done.stdout.splitlines()[-1])
