"""Runs every tier of the tests and sums up which ran, which were skipped, and why. Called by `make test`.

    python -m tests.tiers [tier ...]

Each tier is a process of its own, so that one browser or one hung test cannot take the others along. The last line
is ``N passed, N failed, N skipped``; the exit code is 1 where anything failed or a tier did not come to its end.
"""

from __future__ import annotations

import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
REPORTS = ROOT / ".cache" / "test-reports"
# A tier that takes longer hangs; the whole is meant to stay below 20 minutes.
TIER_TIMEOUT_S = 1200


@dataclass(frozen=True)
class Tier:
    """``paths`` are test folders of pytest, or ``workspace`` is an npm workspace with vitest."""

    name: str
    proves: str
    paths: tuple[str, ...] = ()
    workspace: str = ""


TIERS = [
    Tier("compiler", "unit tests of the compiler", ("compiler/tests",)),
    Tier("python", "unit tests of the command line and server", ("python/tests",)),
    Tier("runtime", "unit tests of the runtime", workspace="runtime"),
    Tier("extension", "unit tests of the extension", workspace="extension"),
    Tier("golden", "programs and their instances are unchanged", ("tests/golden",)),
    Tier("parity", "kernels, models and text against their oracles", ("tests/parity",)),
    Tier("hostile", "broken input gives typed errors", ("tests/hostile",)),
    Tier("e2e", "pages, extension and server in the browser", ("tests/e2e",)),
]


@dataclass
class Outcome:
    tier: Tier
    passed: int = 0
    failed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)  # reason -> tests
    seconds: float = 0.0
    problem: str = ""  # why there are no counts


def main(names: Sequence[str]) -> int:
    unknown = set(names) - {tier.name for tier in TIERS}
    if unknown:
        raise SystemExit(f"unknown tier {', '.join(unknown)}; there are {', '.join(tier.name for tier in TIERS)}")
    REPORTS.mkdir(parents=True, exist_ok=True)
    outcomes = [run(tier) for tier in TIERS if not names or tier.name in names]
    return report(outcomes)


def run(tier: Tier) -> Outcome:
    outcome = Outcome(tier)
    print(f"\n=== {tier.name}: {tier.proves}", flush=True)
    if not list(test_files(tier)):
        outcome.problem = "no tests"
        return outcome
    junit = REPORTS / f"{tier.name}.xml"
    junit.unlink(missing_ok=True)
    start = time.monotonic()
    try:
        status = subprocess.run(command(tier, junit), cwd=ROOT, timeout=TIER_TIMEOUT_S, check=False).returncode
    except subprocess.TimeoutExpired:
        status, outcome.problem = 1, f"stopped after {TIER_TIMEOUT_S} s"
    outcome.seconds = time.monotonic() - start
    if junit.exists():
        count(junit, outcome)
    if status != 0 and outcome.failed == 0:
        outcome.problem = outcome.problem or f"exit code {status} without a failed test"
    return outcome


def command(tier: Tier, junit: Path) -> list[str]:
    if tier.workspace:
        reporters = ["--reporter=default", "--reporter=junit", f"--outputFile.junit={junit}"]
        return ["npm", "run", "test", "-w", tier.workspace, "--", *reporters]
    return [sys.executable, "-m", "pytest", "-q", f"--junitxml={junit}", *tier.paths]


def test_files(tier: Tier) -> Iterator[Path]:
    for path in tier.paths:
        yield from (ROOT / path).rglob("test_*.py")
    if tier.workspace:
        folder = ROOT / tier.workspace
        yield from (p for p in folder.rglob("*.test.ts") if "node_modules" not in p.parts)


def count(junit: Path, outcome: Outcome) -> None:
    for case in ElementTree.parse(junit).iter("testcase"):
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            outcome.failed += 1
        elif skipped is not None:
            outcome.skipped[skipped.get("message") or "no reason given"] += 1
        else:
            outcome.passed += 1


def report(outcomes: Sequence[Outcome]) -> int:
    print("\n=== summary")
    for outcome in outcomes:
        skipped = outcome.skipped.total()
        counts = f"{outcome.passed:4} passed {outcome.failed:3} failed {skipped:3} skipped  {outcome.seconds:6.1f} s"
        print(f"{outcome.tier.name:10} {counts}  {outcome.problem}".rstrip())
        for reason, tests in outcome.skipped.most_common():
            print(f"{'':10} skipped {tests}: {reason}")
    broken = [outcome for outcome in outcomes if outcome.problem]
    failed = sum(outcome.failed for outcome in outcomes)
    for outcome in broken:
        print(f"{outcome.tier.name} did not run to its end: {outcome.problem}")
    passed, skipped = sum(o.passed for o in outcomes), sum(o.skipped.total() for o in outcomes)
    print(f"{passed} passed, {failed + len(broken)} failed, {skipped} skipped")
    return 1 if failed or broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
