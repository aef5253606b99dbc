"""Runs every tier of the tests and sums up which ran, which were skipped, and why. Called by `make test`.

    python -m tests.tiers [--lanes N] [tier ...]

Each tier is a process of its own, so that one browser or one hung test cannot take the others along. Most tests keep
one core busy, so two tiers run at once where there are two cores; what a tier prints is shown when it ends. The summary
names the seconds of each tier, those of processors too, and the slowest tests, so that a slow machine can be told from
a slow test. The last line is ``N passed, N failed, N skipped``; the exit code is 1 where anything failed or a
tier did not come to its end.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.limits import TIER_S

ROOT = Path(__file__).parents[1]
REPORTS = ROOT / ".cache" / "test-reports"
SLOWEST = 10


@dataclass(frozen=True)
class Tier:
    """``tests`` are patterns of pytest's files, or ``workspace`` is an npm workspace with vitest.

    A file belongs to the first tier that has it.
    """

    name: str
    proves: str
    tests: tuple[str, ...] = ()
    workspace: str = ""

    def files(self) -> set[Path]:
        if self.workspace:
            found = (ROOT / self.workspace).rglob("*.test.ts")
            return {path for path in found if "node_modules" not in path.parts}
        before = TIERS[: TIERS.index(self)]
        taken = {path for tier in before for pattern in tier.tests for path in ROOT.glob(pattern)}
        return {path for pattern in self.tests for path in ROOT.glob(pattern)} - taken


KERNELS = ("tests/parity/test_kernel*.py", "tests/parity/test_lavapipe.py", "tests/parity/test_webgpu_*.py")
MODELS = tuple(f"tests/parity/test_{name}.py" for name in ("llama_*", "lora*", "encoders", "real_models"))
# The longest first, so that the lanes end together.
TIERS = [
    Tier("kernels", "GPU kernels against NumPy", KERNELS),
    Tier("models", "whole models in the browser", MODELS),
    Tier("e2e", "pages, extension and server in the browser", ("tests/e2e/test_*.py",)),
    Tier("runtime", "unit tests of the runtime", workspace="runtime"),
    Tier("parity", "CPU kernels, plans and text against their oracles", ("tests/parity/test_*.py",)),
    Tier("packages", "npm packages under every bundler, in Node and without either", ("tests/packages/test_*.py",)),
    Tier("hostile", "broken input gives typed errors", ("tests/hostile/test_*.py",)),
    Tier("compiler", "unit tests of the compiler", ("compiler/tests/test_*.py",)),
    Tier("python", "unit tests of the command line and server", ("python/tests/test_*.py",)),
    Tier("golden", "programs and their instances are unchanged", ("tests/golden/test_*.py",)),
    Tier("firefox", "playground and packages in Firefox", ("tests/firefox/test_*.py",)),
    Tier("extension", "unit tests of the extension", workspace="extension"),
    Tier("client", "unit tests of the client", workspace="client"),
]


@dataclass
class Outcome:
    tier: Tier
    passed: int = 0
    failed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)  # reason -> tests
    seconds: float = 0.0
    processor_seconds: float = 0.0  # of the tier's processes, as far as their parents waited for them
    output: str = ""
    tests: list[tuple[float, str]] = field(default_factory=list)  # seconds with its fixtures, name
    problem: str = ""  # why there are no counts


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tiers", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lanes", type=int, default=min(2, os.cpu_count() or 1), help="tiers that run at once")
    parser.add_argument("tiers", nargs="*", metavar="tier", help=", ".join(tier.name for tier in TIERS))
    options = parser.parse_args(arguments)
    if unknown := set(options.tiers) - {tier.name for tier in TIERS}:
        parser.error(f"unknown tier {', '.join(sorted(unknown))}; there are {', '.join(tier.name for tier in TIERS)}")
    REPORTS.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with ThreadPoolExecutor(options.lanes) as lanes:
        outcomes = list(lanes.map(run, (tier for tier in TIERS if tier.name in (options.tiers or tier.name))))
    return report(outcomes, time.monotonic() - start)


_printing = threading.Lock()


def run(tier: Tier) -> Outcome:
    outcome = Outcome(tier)
    if tier.files():
        say(f"--- {tier.name} begins")
        run_tests(tier, outcome)
    else:
        outcome.problem = "no tests"
    say(f"\n=== {tier.name}: {tier.proves}\n{outcome.output}")
    return outcome


def say(text: str) -> None:
    with _printing:
        print(text, flush=True)


def run_tests(tier: Tier, outcome: Outcome) -> None:
    junit, log = REPORTS / f"{tier.name}.xml", REPORTS / f"{tier.name}.log"
    junit.unlink(missing_ok=True)
    start = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(command(tier, junit), cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
    limit = threading.Timer(TIER_S, process.kill)
    limit.start()
    try:
        _, status, used = os.wait4(process.pid, 0)
    finally:
        limit.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    outcome.seconds, outcome.processor_seconds = time.monotonic() - start, used.ru_utime + used.ru_stime
    outcome.output = log.read_text(errors="replace")
    if junit.exists():
        count(junit, outcome)
    if outcome.seconds >= TIER_S:
        outcome.problem = f"stopped after {TIER_S:.0f} s"
    elif process.returncode != 0 and outcome.failed == 0:
        outcome.problem = f"exit code {process.returncode} without a failed test"


def command(tier: Tier, junit: Path) -> list[str]:
    if tier.workspace:
        reporters = ["--reporter=default", "--reporter=junit", f"--outputFile.junit={junit}"]
        return ["npm", "run", "test", "-w", tier.workspace, "--", *reporters]
    files = sorted(str(path.relative_to(ROOT)) for path in tier.files())
    return [sys.executable, "-m", "pytest", "-q", f"--junitxml={junit}", *files]


def count(junit: Path, outcome: Outcome) -> None:
    for case in ElementTree.parse(junit).iter("testcase"):
        outcome.tests.append((float(case.get("time") or 0), f"{case.get('classname')} {case.get('name')}"))
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            outcome.failed += 1
        elif skipped is not None:
            outcome.skipped[skipped.get("message") or "no reason given"] += 1
        else:
            outcome.passed += 1


def report(outcomes: Sequence[Outcome], seconds: float) -> int:
    print(f"\n=== the {SLOWEST} slowest tests")
    tests = ((lasted, outcome.tier.name, test) for outcome in outcomes for lasted, test in outcome.tests)
    for lasted, tier, test in sorted(tests, reverse=True)[:SLOWEST]:
        print(f"{lasted:6.1f} s  {tier:10} {test}")
    print("\n=== summary")
    for outcome in outcomes:
        skipped = outcome.skipped.total()
        counts = f"{outcome.passed:4} passed {outcome.failed:3} failed {skipped:3} skipped"
        times = f"{outcome.seconds:6.1f} s, {outcome.processor_seconds:6.1f} s of processors"
        print(f"{outcome.tier.name:10} {counts}  {times}  {outcome.problem}".rstrip())
        for reason, tests in outcome.skipped.most_common():
            print(f"{'':10} skipped {tests}: {reason}")
    broken = [outcome for outcome in outcomes if outcome.problem]
    failed = sum(outcome.failed for outcome in outcomes)
    for outcome in broken:
        print(f"{outcome.tier.name} did not run to its end: {outcome.problem}")
    print(f"{seconds:.0f} s in all; {os.cpu_count()} processors, load average {os.getloadavg()[2]:.1f} over 15 minutes")
    passed, skipped = sum(o.passed for o in outcomes), sum(o.skipped.total() for o in outcomes)
    print(f"{passed} passed, {failed + len(broken)} failed, {skipped} skipped")
    return 1 if failed or broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
