"""What other programs do to the machine while an engine is measured. Linux tells; elsewhere nothing is known.

A busy core slows engines with spinning threads several times over, so a turn waits for a quiet machine, and every round
says how many cores others kept busy during it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

PROC = Path("/proc")
QUIET_CORES = 0.15
# Cores that others may keep busy during a round before it is taken again.
DISTURBED_CORES = 0.25
SAMPLE_S = 1.0
Turn = TypeVar("Turn")


@dataclass(frozen=True)
class Snapshot:
    """CPU seconds so far: of the whole machine, and of this process with everything that it started."""

    at: float
    machine_s: float
    ours_s: float


def snapshot() -> Snapshot | None:
    if not (PROC / "stat").exists():
        return None
    ticks = os.sysconf("SC_CLK_TCK")
    # user nice system idle iowait irq softirq
    fields = [int(n) for n in (PROC / "stat").read_text().splitlines()[0].split()[1:8]]
    machine = sum(fields[:3]) + sum(fields[5:])
    times, parents = {}, {}
    for pid, parent, ticks_used in processes():
        times[pid], parents[pid] = ticks_used, parent
    ours = sum(used for pid, used in times.items() if os.getpid() in ancestors(pid, parents))
    return Snapshot(time.monotonic(), machine / ticks, ours / ticks)


def cores_of_others(before: Snapshot | None, after: Snapshot | None) -> float | None:
    """Cores that others kept busy between two snapshots. Take the second before a process of ours ends."""
    if before is None or after is None or after.at <= before.at:
        return None
    used = (after.machine_s - before.machine_s) - (after.ours_s - before.ours_s)
    return round(max(0.0, used / (after.at - before.at)), 2)


def least_disturbed(take: Callable[[], Turn], disturbance: Callable[[Turn], float], retakes: int) -> tuple[Turn, int]:
    """(the turn that others disturbed least, how many were taken). One that they did disturb is taken again, whatever
    it measured; ``disturbance`` tells how many cores they kept busy.
    """
    attempts = [take()]
    while disturbance(attempts[-1]) > DISTURBED_CORES and len(attempts) <= retakes:
        attempts.append(take())
    return min(attempts, key=disturbance), len(attempts)


def wait_until_quiet(limit_s: float) -> None:
    """Returns when others leave the machine alone for a second, or after ``limit_s``."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        before = snapshot()
        time.sleep(SAMPLE_S)
        busy = cores_of_others(before, snapshot())
        if busy is None or busy <= QUIET_CORES:
            return


def processes() -> Iterator[tuple[int, int, int]]:
    """(pid, parent, ticks used by it and by its children that ended) of every process."""
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            try:
                # The name in parentheses may hold spaces.
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):  # it has just ended
                continue
            yield int(folder.name), int(fields[1]), sum(int(n) for n in fields[11:15])


def ancestors(pid: int, parents: dict[int, int]) -> Iterator[int]:
    """``pid`` itself and whoever started it."""
    while pid:
        yield pid
        pid = parents.get(pid, 0)
