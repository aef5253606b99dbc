"""Compiles SPIR-V with the Vulkan driver that the environment names. A process of its own: a compiler that fails there
takes its process along.

    python -m tests.isa.radv_process FOLDER < [{"file", "storage_buffers", "has_uniforms"}, ...]

FOLDER has the files. Prints {"driver_version", "kernels": [{"statistics", "assembly"}, ...]}.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from tests.isa.vulkan_client import Device

LOADER = "libvulkan.so.1"
ENTRY_POINT = "dawn_entry_point"  # Dawn calls every one so


def main(folder: Path) -> int:
    device = Device(LOADER)
    kernels = []
    for job in json.load(sys.stdin):
        spirv = (folder / job["file"]).read_bytes()
        # A driver need not check the name, and RADV does not.
        assert ENTRY_POINT.encode() in spirv, f"{job['file']} has no {ENTRY_POINT}"
        kernels.append(asdict(device.compile(spirv, ENTRY_POINT, job["storage_buffers"], job["has_uniforms"])))
    print(json.dumps({"driver_version": device.driver_version, "kernels": kernels}))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
