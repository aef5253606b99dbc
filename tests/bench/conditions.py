"""Decoding where conditions are worse: in a browser without relaxed SIMD, and beside a program that keeps a core busy.

    python -m tests.bench.conditions DIR [--rounds 5] [--json FILE]

DIR is a compiled package of SmolLM2-135M. Each figure compares two ways to run it, in turns, each turn in a fresh page:

- the plain SIMD build of the kernels against the relaxed one, with one thread and with two;
- the runtime's own choice of threads against one thread, while another process keeps exactly one core busy: from
  before the model is loaded, where the choice is measured, or only after, where it has to be noticed.

The result is the ratio of the medians; texts are compared while they are timed. Exit code 1 where a goal is missed or a
text is wrong. A turn waits until the machine is quiet, and one that others disturbed is taken again. Needs Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from nomoat.benchmark import GREEDY
from nomoat.browser import Adapter, find_chromium
from nomoat.browser.local_site import local_site
from nomoat.browser.runner import RunnerPage, headless_browser
from nomoat.server import create_app
from playwright.sync_api import Browser
from rich.console import Console
from rich.table import Table

from tests.bench.machine import machine
from tests.bench.side_by_side.others import cores_of_others, least_disturbed, snapshot, wait_until_quiet
from tests.bench.side_by_side.workload import MIN_DISTINCT_RUNS, STORY, distinct_runs
from tests.e2e.altered_worker import WITHOUT_RELAXED_SIMD, alter_worker

TOKENS = 96
# The browser compiles what runs often once more, and the threads are chosen. Not counted.
WARM_UP_TOKENS = 16
QUIET_WAIT_S = 30.0
RETAKES = 1
PLAIN_GOAL = 0.50
BUSY_GOAL = 0.85
# It ends when whoever started it does, however that ends.
BUSY_LOOP = """
import os, sys
core, parent = map(int, sys.argv[1:])
os.sched_setaffinity(0, {core})
while os.getppid() == parent:
    for _ in range(1_000_000): pass
"""


@dataclass(frozen=True)
class Way:
    """``threads`` None: the runtime's choice. ``busy``: since when another process has a core for itself."""

    name: str
    threads: int | None
    build: Literal["relaxed", "plain"] = "relaxed"
    busy: Literal["never", "before loading", "after loading"] = "never"


@dataclass
class Turn:
    decode_tok_per_s: float
    threads: int  # at the end
    adapter: str
    text: str
    others_busy_cores: float | None


@dataclass
class Comparison:
    """The goal is what ``way`` must reach of ``against``."""

    name: str
    way: Way
    against: Way
    goal: float
    turns: dict[str, list[Turn]] = field(default_factory=dict)  # by the name of the way

    def speeds(self, way: Way) -> list[float]:
        return [turn.decode_tok_per_s for turn in self.turns[way.name]]

    @property
    def ratio(self) -> float:
        return statistics.median(self.speeds(self.way)) / statistics.median(self.speeds(self.against))

    @property
    def passed(self) -> bool:
        return self.ratio >= self.goal

    @property
    def others_busy_cores(self) -> float | None:
        """At most, in any turn."""
        known = [t.others_busy_cores for turns in self.turns.values() for t in turns if t.others_busy_cores is not None]
        return max(known, default=None)


def comparisons() -> list[Comparison]:
    made = []
    for threads in (1, 2):
        name = f"plain SIMD against relaxed, {threads} thread{'s' if threads > 1 else ''}"
        made.append(Comparison(name, Way("plain", threads, "plain"), Way("relaxed", threads), PLAIN_GOAL))
    busy: tuple[Literal["before loading", "after loading"], ...] = ("before loading", "after loading")
    for since in busy:
        own, one = Way("own choice", None, busy=since), Way("1 thread", 1, busy=since)
        made.append(Comparison(f"own threads against one, a core busy {since}", own, one, BUSY_GOAL))
    return made


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.conditions", description=__doc__.splitlines()[0])
    parser.add_argument("folder", metavar="DIR", type=Path, help="a compiled package of SmolLM2-135M")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write every turn there")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"--rounds must be at least 1, not {options.rounds}")
    if len(getattr(os, "sched_getaffinity", lambda _pid: [])(0)) < 2:
        raise SystemExit("This needs Linux and at least two cores: one is kept busy.")
    made = comparisons()
    progress = Console(stderr=True)
    with ExitStack() as stack:
        app = create_app([options.folder])
        site = stack.enter_context(local_site(app))
        browser = stack.enter_context(headless_browser(find_chromium(), Adapter.SOFTWARE))
        place = Place(browser, site, f"{site}/models/{next(iter(app.state.packages))}/")
        for number in range(options.rounds):
            for comparison in made:
                progress.print(f"round {number + 1} of {options.rounds}: {comparison.name} ...")
                for way in (comparison.way, comparison.against):
                    comparison.turns.setdefault(way.name, []).append(least_disturbed_turn(place, way))
    wrong = wrong_texts(made)
    passed = all(comparison.passed for comparison in made) and not wrong
    if options.json:
        options.json.write_text(json.dumps(report(made, wrong, passed), indent=1, ensure_ascii=False) + "\n")
    print_table(made, wrong)
    return 0 if passed else 1


@dataclass(frozen=True)
class Place:
    browser: Browser
    site: str
    model_url: str


def least_disturbed_turn(place: Place, way: Way) -> Turn:
    turn, _ = least_disturbed(lambda: take_turn(place, way), lambda turn: turn.others_busy_cores or 0.0, RETAKES)
    return turn


def take_turn(place: Place, way: Way) -> Turn:
    wait_until_quiet(QUIET_WAIT_S)
    with ExitStack() as stack:
        if way.busy == "before loading":
            stack.enter_context(busy_core())
        context = place.browser.new_context()
        stack.callback(context.close)
        if way.build == "plain":
            alter_worker(context, WITHOUT_RELAXED_SIMD)
        page = RunnerPage(context.new_page(), lambda _phase, _loaded, _total: None)
        page.open(f"{place.site}/runner.html", None)
        threads = {} if way.threads is None else {"threads": way.threads}
        page.call("load", place.model_url, {"device": "wasm", **threads})
        generate(page, WARM_UP_TOKENS)
        if way.busy == "after loading":
            stack.enter_context(busy_core())
        before = snapshot()
        answer = generate(page, TOKENS)
        # The busy process is one of ours, so it does not count among the others.
        others = cores_of_others(before, snapshot())
    usage, device = answer["usage"], answer["device"]
    return Turn(usage["decodeTokPerS"], usage["threads"], device["adapter"], answer["text"], others)


def generate(page: RunnerPage, tokens: int) -> dict[str, Any]:
    """The story's beginning, with no part of it from an earlier request; no pieces, which would cost time."""
    options = {**GREEDY, "maxTokens": tokens, "partition": str(tokens)}
    answer: dict[str, Any] = page.call("generate", STORY, options, False)
    if answer["usage"]["completionTokens"] != tokens:
        raise SystemExit(f"The story ended after {answer['usage']['completionTokens']} of {tokens} tokens.")
    return answer


@contextmanager
def busy_core() -> Iterator[None]:
    """One core has a program that does nothing else, until the context ends."""
    core = max(os.sched_getaffinity(0))
    process = subprocess.Popen([sys.executable, "-c", BUSY_LOOP, str(core), str(os.getpid())])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def wrong_texts(made: list[Comparison]) -> list[str]:
    """Each build has one text, whatever the threads and the load; the two may differ by rounding, but must be sane."""
    wrong = []
    texts: dict[str, set[str]] = {}
    for comparison in made:
        for way in (comparison.way, comparison.against):
            for turn in comparison.turns[way.name]:
                texts.setdefault(way.build, set()).add(turn.text)
                if ("relaxed" in turn.adapter) != (way.build == "relaxed"):
                    wrong.append(f"{comparison.name}: {way.name} ran on {turn.adapter}")
                if way.threads not in (None, turn.threads):
                    wrong.append(f"{comparison.name}: {way.name} ran on {turn.threads} threads")
    for build, found in texts.items():
        if len(found) > 1:
            wrong.append(f"the {build} build wrote {len(found)} texts for one prompt")
        if any(distinct_runs(text) < MIN_DISTINCT_RUNS for text in found):
            wrong.append(f"the story of the {build} build repeats itself")
    return wrong


def report(made: list[Comparison], wrong: list[str], passed: bool) -> dict[str, Any]:
    figures = {
        comparison.name: {
            "goal": comparison.goal,
            "ratio": round(comparison.ratio, 3),
            "passed": comparison.passed,
            "others_busy_cores": comparison.others_busy_cores,
            "turns": {name: [asdict(turn) for turn in turns] for name, turns in comparison.turns.items()},
        }
        for comparison in made
    }
    return {"machine": machine(), "tokens": TOKENS, "passed": passed, "wrong": wrong, "figures": figures}


def print_table(made: list[Comparison], wrong: list[str]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("", "Tokens/s: median (least to most)", "Threads at the end", "Goal", "Result", "", "Others, cores"):
        table.add_column(column)
    for comparison in made:
        ways = (comparison.way, comparison.against)
        others = comparison.others_busy_cores
        table.add_row(
            comparison.name,
            " : ".join(spread(comparison.speeds(way)) for way in ways),
            " : ".join(threads_of(comparison.turns[way.name]) for way in ways),
            f">= {comparison.goal:.0%}",
            f"{comparison.ratio:.0%}",
            "reached" if comparison.passed else "missed",
            "unknown" if others is None else f"up to {others:.2f}",
        )
    console = Console(width=200)
    console.print(table)
    console.print(f"Texts of {TOKENS} tokens were compared: {len(wrong) or 'nothing'} wrong.", *wrong, sep="\n- ")


def spread(speeds: list[float]) -> str:
    return f"{statistics.median(speeds):.1f} ({min(speeds):.1f} to {max(speeds):.1f})"


def threads_of(turns: list[Turn]) -> str:
    """How many threads the turns ended on: "1" or "1, 2"."""
    return ", ".join(str(count) for count in sorted({turn.threads for turn in turns}))


if __name__ == "__main__":
    sys.exit(main())
