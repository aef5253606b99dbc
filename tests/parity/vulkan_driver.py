"""A Vulkan driver that runs on the CPU, as the Vulkan loader of a child process is told of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nomoat.browser import find_chromium
from nomoat_compiler.errors import NomoatError

CHROMIUM_FOLDERS = (Path("/usr/lib/chromium"), Path("/usr/lib64/chromium"))


@dataclass(frozen=True)
class VulkanDriver:
    icd: Path  # the JSON file that names the library
    library_folder: Path | None  # what the system's loader does not search by itself

    def environment(self) -> dict[str, str]:
        """What makes the Vulkan loader take this driver and no other."""
        variables = {"VK_DRIVER_FILES": str(self.icd)}
        if self.library_folder is not None:
            folders = [str(self.library_folder), os.environ.get("LD_LIBRARY_PATH", "")]
            variables["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, folders))
        return variables


@dataclass(frozen=True)
class Unavailable:
    """No such driver here, and why."""

    reason: str


def find_swiftshader() -> VulkanDriver | Unavailable:
    """The one that Chromium and Chrome ship, with the loader beside it."""
    for folder in _chromium_folders():
        icd = folder / "vk_swiftshader_icd.json"
        if icd.exists():
            return VulkanDriver(icd, folder)
    return Unavailable("no SwiftShader: there is no Chromium with a vk_swiftshader_icd.json beside it")


def _chromium_folders() -> Iterator[Path]:
    try:
        yield find_chromium().resolve().parent
    except NomoatError:
        return
    yield from CHROMIUM_FOLDERS
