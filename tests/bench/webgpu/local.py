"""What the benchmark is made of on a developer's machine: programs, the bundled runtime, Node and Dawn."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.bench.machine import text_of
from tests.bench.webgpu.parts import Node
from tests.fixtures.packages import ROOT, compiled
from tests.parity.lavapipe import find_lavapipe
from tests.parity.vulkan_driver import Unavailable

FOLDER = Path(__file__).parent
CONFIGS = {folder.name: folder for folder in sorted((FOLDER / "configs").iterdir())}
KERNEL_LIBRARY = ROOT / "runtime" / "src" / "device" / "webgpu" / "library"
DAWN_PACKAGE = ROOT / "node_modules" / "webgpu"


def program_of(config: str, quantization: str) -> tuple[str, Path]:
    """Name and package folder of the program of a name in configs/, a config.json or a folder with one."""
    path = CONFIGS.get(config, Path(config))
    folder = path.parent if path.is_file() else path
    if not (folder / "config.json").exists():
        raise SystemExit(f"{config} is neither a config.json nor one of {', '.join(CONFIGS)}")
    name = f"{folder.name} {quantization}"
    return name, compiled(folder, quantization, name=f"{folder.name}-program", program_only=True)


def bundle_javascript(folder: Path) -> Path:
    """bench.mjs, made in ``folder``: node/main.ts with the runtime's sources. The kernel library lies beside it."""
    subprocess.run(["node", str(FOLDER / "bundle_driver.mjs"), str(folder)], cwd=ROOT, check=True)
    # Where the runtime looks for it, beside its own code.
    shutil.copytree(KERNEL_LIBRARY, folder / KERNEL_LIBRARY.name)
    return folder / "bench.mjs"


def local_node(folder: Path, lavapipe: bool) -> Node:
    """This machine's, with a bundle in ``folder``; with ``lavapipe`` on Mesa's driver for the CPU."""
    environment = {}
    if lavapipe:
        driver = find_lavapipe()
        if isinstance(driver, Unavailable):
            raise SystemExit(driver.reason)
        environment = driver.environment()
    node = shutil.which("node")
    if node is None:
        raise SystemExit("node is not on PATH")
    return Node(node, str(dawn_module()), str(bundle_javascript(folder)), environment)


def dawn_module() -> Path:
    """The native module of the npm package webgpu."""
    system, machine = platform.system().lower(), {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), "")
    return DAWN_PACKAGE / "dist" / ("darwin-universal" if system == "darwin" else f"{system}-{machine}") / "dawn.node"


def made_facts() -> dict[str, Any]:
    """What a report's figures are figures of."""
    return {
        "commit": text_of(["git", "rev-parse", "--short", "HEAD"]),
        "changed_files": bool(text_of(["git", "status", "--porcelain", "--untracked-files=no"])),
        "dawn": json.loads((DAWN_PACKAGE / "package.json").read_text())["version"],
    }
