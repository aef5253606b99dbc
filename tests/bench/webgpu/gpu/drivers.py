"""Finds the Vulkan driver: a machine with a GPU often has one that the Vulkan loader is not told of.

Standard library only, and Python 3.8.
"""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.bench.webgpu.parts import Node, Part, line_of, run_part

DESCRIBE_LIMIT_S = 20
SEARCHED = ("/usr/share", "/etc", "/usr/local", "/opt", "/usr/lib", "/usr/lib64", "/run")
# libGLX_nvidia wants the libraries of X11, which a server may lack; libEGL_nvidia is the same driver without them.
NVIDIA_LIBRARIES = ("libGLX_nvidia.so.0", "libEGL_nvidia.so.0")
LIBRARY_FOLDERS = (
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/nvidia/lib64",
    "/usr/local/nvidia/lib",
)
SOFTWARE = ("llvmpipe", "lavapipe", "swiftshader")


def find_driver(node: Node, carried: Path, scratch: Path) -> tuple[Node, dict[str, Any]]:
    """``node`` with the environment in which Dawn finds a GPU, and that part's record; a software adapter where no
    GPU is found, and the last record where there is no adapter at all.

    ``carried`` holds libraries for where the system has none; ``scratch`` may be written to.
    """
    libraries = _missing_libraries(carried, scratch)
    found: tuple[Node, dict[str, Any]] | None = None
    for environment in _candidates(scratch):
        paths = [str(libraries), environment.get("LD_LIBRARY_PATH", ""), os.environ.get("LD_LIBRARY_PATH", "")]
        environment["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, paths))
        # Some drivers ask for a folder of the user's.
        environment.setdefault("XDG_RUNTIME_DIR", os.environ.get("XDG_RUNTIME_DIR", str(scratch)))
        candidate = replace(node, environment=environment)
        record = run_part(candidate, Part("adapter", {"task": "describe"}, DESCRIBE_LIMIT_S), DESCRIBE_LIMIT_S)
        device = line_of(record, "device")
        if device and not any(word in json.dumps(device).lower() for word in SOFTWARE):
            return candidate, record
        if found is None or (device and not line_of(found[1], "device")):
            found = candidate, record
        if "VK_DRIVER_FILES" in os.environ:
            break
    assert found is not None
    return found


def _candidates(scratch: Path) -> Iterator[dict[str, str]]:
    """Environments to try: as it is, with a driver's file that the loader does not search, with one written here."""
    yield {}
    if not any(Path("/dev").glob("nvidia*")):
        return
    files = sorted({path for root in SEARCHED for path in Path(root).rglob("nvidia_icd*.json")})
    for file in files:
        yield {"VK_DRIVER_FILES": str(file)}
    for folder in LIBRARY_FOLDERS:
        for name in NVIDIA_LIBRARIES:
            if (Path(folder) / name).exists():
                written = scratch / f"{name}.json"
                icd = {"library_path": str(Path(folder) / name), "api_version": "1.3.0"}
                written.write_text(json.dumps({"file_format_version": "1.0.0", "ICD": icd}))
                yield {"VK_DRIVER_FILES": str(written), "LD_LIBRARY_PATH": folder}


def _missing_libraries(carried: Path, scratch: Path) -> Path:
    """A folder with those of the carried libraries that the system lacks: its own fit its drivers better."""
    folder = scratch / "lib"
    folder.mkdir()
    for library in sorted(carried.iterdir()):
        try:
            ctypes.CDLL(library.name)
        except OSError:
            (folder / library.name).symlink_to(library.resolve())
    return folder
