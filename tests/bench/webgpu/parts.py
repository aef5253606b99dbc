"""Parts of a report: each is a process of Node with a limit of its own, and what it wrote before it ended.

Standard library only, and Python 3.8: this runs on machines where nothing is installed.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Of what a process printed, the report keeps the end.
KEPT_CHARACTERS = 2000
# A process that a driver holds may outlive its kill. It is left behind then.
KILL_WAIT_S = 5
CONTEXTS, SAMPLERS, SECONDS, PREFILL_TOKENS = (0, 1024, 8192), ("greedy", "sample"), 2.0, 512


@dataclass(frozen=True)
class Node:
    """What every part needs: the node and dawn.node to use, bench.mjs, and the environment they run in."""

    executable: str
    dawn: str
    bench: str
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """``task`` is what node/task.ts describes, without the keys of every task."""

    name: str
    task: Mapping[str, Any]
    limit_s: float
    dawn_options: Sequence[str] = ()


def model_part(
    name: str,
    program: str,
    limit_s: float,
    *,
    contexts: Sequence[int] = CONTEXTS,
    samplers: Sequence[str] = SAMPLERS,
    seconds: float = SECONDS,
    variant: str | None = None,
    profile: bool = False,
) -> Part:
    """All measurements of the program in a package's folder."""
    task = {
        "task": "model", "program": program, "variant": variant, "contexts": list(contexts),
        "samplers": list(samplers), "prefill_tokens": PREFILL_TOKENS, "seconds": seconds, "profile": profile,
    }  # fmt: skip
    return Part(name, task, limit_s)


def run_part(node: Node, part: Part, limit_s: float) -> dict[str, Any]:
    """The part's record for the report: name, seconds, how it ended, its lines, and what it printed where it failed.

    The process does not outlive this call by more than a driver can hold it.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        task, lines, printed = (Path(folder) / name for name in ("task.json", "lines.jsonl", "printed.txt"))
        task.write_text(json.dumps({"dawn": node.dawn, "dawn_options": list(part.dawn_options), **part.task}))
        with printed.open("wb") as output:
            process = subprocess.Popen(
                [node.executable, node.bench, str(task), str(lines)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env={**os.environ, **node.environment}, start_new_session=True,
            )  # fmt: skip
            ended = _wait(process, limit_s)
        record: dict[str, Any] = {
            "name": part.name,
            "seconds": round(time.monotonic() - started, 1),
            "ended": ended,
            "lines": _read_lines(lines),
        }
        if ended != "ok":
            record["printed"] = printed.read_text(errors="replace")[-KEPT_CHARACTERS:]
    return record


def lines_of(record: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    return [line for line in record["lines"] if line["kind"] == kind]


def line_of(record: Mapping[str, Any], kind: str) -> dict[str, Any] | None:
    """The first line of that kind."""
    return next(iter(lines_of(record, kind)), None)


def host_facts() -> dict[str, Any]:
    """The machine, as far as it tells without any tool."""
    facts: dict[str, Any] = {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
    }
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total,clocks.max.mem", "--format=csv,noheader"]
    with suppress(OSError, subprocess.SubprocessError):
        facts["nvidia_smi"] = subprocess.run(
            query, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20, text=True
        ).stdout.strip()
    return facts


def _wait(process: subprocess.Popen[bytes], limit_s: float) -> str:
    """ "ok", "limit", or the exit code in words."""
    try:
        code = process.wait(timeout=limit_s)
    except subprocess.TimeoutExpired:
        _kill(process)
        return "limit"
    except BaseException:
        _kill(process)
        raise
    return "ok" if code == 0 else f"code {code}" if code > 0 else f"signal {-code}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=KILL_WAIT_S)


def _read_lines(path: Path) -> list[dict[str, Any]]:
    """A process that was killed may have left half a line at the end. Of "parity" lines the last has all counts."""
    lines: list[dict[str, Any]] = []
    for text in path.read_text().splitlines() if path.exists() else []:
        with suppress(ValueError):
            line = json.loads(text)
            if line["kind"] == "parity":
                lines = [other for other in lines if other["kind"] != "parity"]
            lines.append(line)
    return lines


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
