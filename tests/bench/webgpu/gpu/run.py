"""Runs on the machine with the GPU, started by run.sh: unpacks, finds the driver, then parity first and each model.

Every part has its share of the time until the deadline; one that fails or is stopped does not keep the next from
running.
Standard library only, and Python 3.8.
"""

from __future__ import annotations

import json
import lzma
import os
import shutil
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

from tests.bench.webgpu.gpu.drivers import find_driver
from tests.bench.webgpu.parts import Node, Part, host_facts, line_of, model_part, run_part
from tests.bench.webgpu.table import passed, report_text

DEADLINE_S = 440
# A part that could only begin is not worth beginning.
SHORTEST_S = 20
# After the deadline only a process that no signal reaches can hold this one.
GRACE_S = 20
PARITY_LIMIT_S = 150
# Dawn hides shader-f16 on NVIDIA's Vulkan driver behind this.
NVIDIA_F16 = "enable-dawn-features=vulkan_enable_f16_on_nvidia"


def main(folder: Path) -> int:
    started = time.monotonic()
    out = Path(os.environ["OUT"])
    out.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {
        "date": date.today().isoformat(),
        "made": json.loads((folder / "made.json").read_text()),
        "host": host_facts(),
        "parts": [],
        "not_run": {},
    }
    watchdog = threading.Timer(DEADLINE_S + GRACE_S, give_up, [report, out])
    watchdog.daemon = True
    watchdog.start()
    temporary = Path(tempfile.mkdtemp(prefix="nomoat-bench-"))
    try:
        unpack(folder / "packed", temporary)
        run_all(folder, temporary, report, started + DEADLINE_S)
    except Exception as error:
        report["not_run"]["the rest"] = f"{type(error).__name__}: {error}"
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return finish(report, out)


def run_all(folder: Path, unpacked: Path, report: dict[str, Any], deadline: float) -> None:
    node = Node(str(unpacked / "node"), str(unpacked / "dawn.node"), str(folder / "bench.mjs"))
    (unpacked / "node").chmod(0o755)
    node, description = find_driver(node, folder / "lib", unpacked)
    parts = [Part("parity", {"task": "parity", "cases": str(unpacked / "cases.json")}, PARITY_LIMIT_S)]
    device = line_of(description, "device")
    if device is None:
        report["parts"].append(description)
        return
    if device["vendor"] == "nvidia" and "shader-f16" not in device["features"]:
        parts.append(Part("parity with shader-f16", parts[0].task, PARITY_LIMIT_S, [NVIDIA_F16]))
    programs = sorted((folder / "programs").iterdir(), key=lambda program: int((program / "order").read_text()))
    wanted = os.environ.get("MODELS", "").split()
    for program in programs:
        if not wanted or program.name in wanted:
            parts.append(model_part(program.name, str(program), DEADLINE_S, profile=True))
    for i, part in enumerate(parts):
        remaining = deadline - time.monotonic()
        if remaining < SHORTEST_S:
            report["not_run"][part.name] = "no time was left"
            continue
        print(f"{part.name} ...", flush=True)
        # What one part leaves, the next ones share.
        report["parts"].append(run_part(node, part, min(part.limit_s, remaining / (len(parts) - i))))
    write(report, Path(os.environ["OUT"]))


def unpack(packed: Path, target: Path) -> None:
    """Every .xz file of a folder, at the same time: lzma works outside of Python's lock."""

    def one(file: Path) -> None:
        with lzma.open(file) as source, (target / file.stem).open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)

    with ThreadPoolExecutor() as pool:
        list(pool.map(one, packed.glob("*.xz")))


def write(report: dict[str, Any], out: Path) -> None:
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    (out / "report.txt").write_text(report_text(report))


def finish(report: dict[str, Any], out: Path) -> int:
    write(report, out)
    print(report_text(report), end="", flush=True)
    return 0 if passed(report) else 1


def give_up(report: dict[str, Any], out: Path) -> None:
    """From a thread of its own, while the main one waits for something that does not end."""
    report["not_run"]["the rest"] = "the deadline passed while a part could not be stopped"
    finish(report, out)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
