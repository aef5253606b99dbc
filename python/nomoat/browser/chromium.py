"""Where Chromium is, and how it is started so that a headless page has WebGPU."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from nomoat_compiler.errors import NomoatError

ENVIRONMENT_VARIABLE = "NOMOAT_CHROMIUM"
NAMES_ON_PATH = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MACOS_APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
HEADLESS_ARGUMENTS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # WebGPU on Linux is behind this flag, and reaches a GPU through Vulkan only.
    "--enable-unsafe-webgpu",
    "--enable-features=Vulkan",
)


SOFTWARE_ARGUMENTS = (
    "--use-webgpu-adapter=swiftshader",
    # SwiftShader compiles the zeroing of a workgroup's memory as a store a word: seconds a kernel. No kernel of ours
    # reads what it has not written.
    "--enable-dawn-features=disable_workgroup_init",
)


class Adapter(StrEnum):
    """Which WebGPU adapter the browser may use."""

    AUTO = "auto"  # a GPU where there is one, else the software adapter
    HARDWARE = "hardware"  # a GPU, or an error
    SOFTWARE = "software"  # SwiftShader: the same results on every machine, and very slow


def find_chromium(environment: Mapping[str, str] = os.environ) -> Path:
    """The browser to drive: NOMOAT_CHROMIUM, else the first of Chromium and Chrome on PATH.

    Raises ``NomoatError`` ``unsupported_device`` where there is none.
    """
    named = environment.get(ENVIRONMENT_VARIABLE)
    if named:
        found = shutil.which(named)
        if found is None:
            raise NomoatError(
                "unsupported_device",
                f"{ENVIRONMENT_VARIABLE} is {named!r}, which is not an executable file. "
                "Point it at a Chromium or Chrome binary, or unset it.",
                path=named,
            )
        return Path(found)
    for name in (*NAMES_ON_PATH, *MACOS_APPLICATIONS):
        found = shutil.which(name, path=environment.get("PATH"))
        if found is not None:
            return Path(found)
    raise NomoatError(
        "unsupported_device",
        "No Chromium or Chrome was found. Install one (Debian and Ubuntu: apt-get install chromium), or set "
        f"{ENVIRONMENT_VARIABLE} to its path.",
    )


def launch_arguments(adapter: Adapter) -> list[str]:
    """Command-line arguments for headless Chromium with WebGPU.

    Without ``--use-webgpu-adapter`` Chromium takes a GPU where it has one and SwiftShader where it has none, which
    is what AUTO means; HARDWARE starts the same way, and the caller looks at what it got.
    """
    # Chromium refuses to start its sandbox as root, which is what containers and CI run as.
    sandbox = ["--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else []
    if adapter is Adapter.SOFTWARE:
        return [*HEADLESS_ARGUMENTS, *sandbox, *SOFTWARE_ARGUMENTS]
    # Headless servers with a data-centre GPU are often on Chromium's list of drivers to avoid.
    return [*HEADLESS_ARGUMENTS, *sandbox, "--ignore-gpu-blocklist"]
