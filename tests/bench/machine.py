"""What figures hold for: the machine, the browser and the commit."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from nomoat.browser import find_chromium

from tests.fixtures.packages import ROOT


def machine() -> dict[str, Any]:
    return {
        "commit": text_of(["git", "rev-parse", "--short", "HEAD"]),
        "changed_files": bool(text_of(["git", "status", "--porcelain", "--untracked-files=no"])),
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "system": f"{platform.system()} {platform.machine()}",
        "load_average": [round(value, 2) for value in os.getloadavg()],
        # Debian's packages add what they were built on.
        "browser": text_of([str(find_chromium()), "--version"]).partition(" built on ")[0],
        "python": platform.python_version(),
        "tvm": metadata.version("apache-tvm"),
    }


def processor() -> str:
    """The model's name where Linux tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def text_of(command: list[str]) -> str:
    """Standard output of a command in the repository's root."""
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
