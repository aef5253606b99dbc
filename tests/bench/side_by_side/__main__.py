"""This project's engine and its peers on the same models, machine and browser, in turns.

    python -m tests.bench.side_by_side [--models a,b] [--engines a,b] [--rounds 5] [--threads 2,1] [--quick]

Every round opens every engine once for each number of threads, in an order that rotates, loads the model and takes the
figures of workload.py. A peer that fails or says strange things gets a flag in the report and does not end the run. An
engine whose round takes long runs fewer rounds. Writes a page for each model: without-a-gpu*.json, .md, .svg and .png.
Figures are only worth something on a machine that does nothing else: a turn waits until it is quiet, and what others
did meanwhile is in the report; a round that they disturbed is taken again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Collection
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nomoat.browser import Adapter, find_chromium
from nomoat.browser.local_site import local_site
from nomoat.browser.runner import headless_browser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.bench.machine import machine
from tests.bench.side_by_side import install
from tests.bench.side_by_side.engines import ENGINES, NOMOAT, Engine, Place, opened, release_of, weight_bytes_per_token
from tests.bench.side_by_side.models import MODELS, BenchModel
from tests.bench.side_by_side.others import cores_of_others, least_disturbed, snapshot, wait_until_quiet
from tests.bench.side_by_side.report import markdown, summary
from tests.bench.side_by_side.site import peer_site
from tests.bench.side_by_side.workload import Counts, Prompts, measure
from tests.fixtures.packages import ROOT

QUICK = Counts(decode=24, prefill=128, long_context=256, long_decode=16)


def main() -> int:
    options = arguments()
    engines = [ENGINES[name] for name in options.engines]
    console = Console(stderr=True)
    onnx = prepare(engines, [MODELS[name] for name in options.models], console)
    for name in options.models:
        compare(MODELS[name], [e for e in engines if MODELS[name].in_onnx or not e.onnx_file], onnx, options, console)
    return 0


def compare(
    model: BenchModel, engines: list[Engine], onnx: dict[str, int], options: argparse.Namespace, console: Console
) -> None:
    """The page of one model, with the engines that can load it."""
    counts = QUICK if options.quick else Counts()
    rounds = 1 if options.quick else options.rounds
    gguf_file = model.gguf()
    package = model.package() if NOMOAT in engines else None
    prompts = Prompts(install.tokenizer(gguf_file))
    report: dict[str, Any] = {
        "model": model.label,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "threads": options.threads,
        "settings": {
            "rounds": rounds,
            "decode_tokens": counts.decode,
            "prefill_tokens": counts.prefill,
            "long_context_tokens": counts.long_context,
            "long_decode_tokens": counts.long_decode,
            "facts_tokens": prompts.facts_tokens,
            "quiet_wait_s": options.quiet_wait_s,
            "retakes": options.retakes,
            "slow_round_s": options.slow_round_s,
            "slow_rounds": options.slow_rounds,
        },
        "engines": {engine.name: described(engine, model, options.threads, onnx) for engine in engines},
    }
    with ExitStack() as stack:
        progress = stack.enter_context(progress_bar(console))
        base_url = stack.enter_context(local_site(peer_site(gguf_file, package)))
        # The software adapter is there for engines that look for one; nobody here is asked to use it.
        browser = stack.enter_context(headless_browser(find_chromium(), Adapter.SOFTWARE))
        place = Place(browser, base_url, gguf_file, counts.context_length)
        turns = Turns(report, place, prompts, counts, progress)
        turns.run(engines, rounds)
    finish(report)
    folder = options.output or (install.CACHE / "quick" if options.quick else ROOT / "docs" / "benchmarks")
    write(report, folder, model.page)
    print_summary(report, console)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.side_by_side", description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=model_names, default=list(MODELS), help=f"of {', '.join(MODELS)}")
    parser.add_argument("--engines", type=engine_names, default=list(ENGINES), help=f"of {', '.join(ENGINES)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=thread_counts, default=[2, 1], help="one or more numbers, as in 2,1")
    parser.add_argument("--slow-round-s", type=float, default=60, help="a round that takes longer makes an engine slow")
    parser.add_argument("--slow-rounds", type=int, default=3, help="rounds of a slow engine")
    parser.add_argument("--quiet-wait-s", type=float, default=30, help="how long a turn waits for a quiet machine")
    parser.add_argument("--retakes", type=int, default=1, help="how often a disturbed round is taken again")
    parser.add_argument("--quick", action="store_true", help="one round of small counts, to see that everything works")
    parser.add_argument("--output", type=Path, help="folder of the report (docs/benchmarks, or .cache/bench/quick)")
    return parser.parse_args()


def engine_names(text: str) -> list[str]:
    return known_names(text, "engine", ENGINES)


def model_names(text: str) -> list[str]:
    return known_names(text, "model", MODELS)


def known_names(text: str, what: str, known: Collection[str]) -> list[str]:
    names = text.split(",")
    if unknown := sorted(set(names) - set(known)):
        raise argparse.ArgumentTypeError(f"unknown {what} {', '.join(unknown)}; there are {', '.join(known)}")
    return names


def thread_counts(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def prepare(engines: list[Engine], models: list[BenchModel], console: Console) -> dict[str, int]:
    """Installs what these engines need for these models; the ONNX files' bytes per token."""

    def on_step(what: str) -> None:
        console.print(f"preparing {what} ...")

    install.install_npm(on_step)
    install.install_venv(on_step)
    if NOMOAT in engines:
        install.build_our_page(on_step)
    exported = any(engine.onnx_file for engine in engines) and any(model.in_onnx for model in models)
    return install.export_onnx(on_step) if exported else {}


def described(engine: Engine, model: BenchModel, threads: list[int], onnx: dict[str, int]) -> dict[str, Any]:
    return {
        "label": engine.label,
        "release": release_of(engine),
        "weights": engine.weights,
        "weight_bytes_per_token": weight_bytes_per_token(engine, model, onnx),
        "runs": {str(count): {"rounds": []} for count in threads},
    }


class Turns:
    """Runs engines in turns and puts their rounds into the report."""

    def __init__(self, report: dict[str, Any], place: Place, prompts: Prompts, counts: Counts, progress: Progress):
        self.report = report
        self.place = place
        self.prompts = prompts
        self.counts = counts
        self.progress = progress

    def run(self, engines: list[Engine], rounds: int) -> None:
        turns = [(engine, threads) for threads in self.report["threads"] for engine in engines]
        task = self.progress.add_task("", total=rounds * len(turns))
        for number in range(rounds):
            start = number % len(turns)
            for engine, threads in turns[start:] + turns[:start]:
                self.progress.update(task, description=f"round {number + 1}: {engine.label}, {threads} thread(s)")
                done = self.report["engines"][engine.name]["runs"][str(threads)]["rounds"]
                if not self.is_slow(done) or len(done) < self.report["settings"]["slow_rounds"]:
                    done.append(self.turn(engine, threads))
                self.progress.advance(task)

    def is_slow(self, done: list[dict[str, Any]]) -> bool:
        return any(r["round_s"] > self.report["settings"]["slow_round_s"] or "error" in r for r in done)

    def turn(self, engine: Engine, threads: int) -> dict[str, Any]:
        retakes = self.report["settings"]["retakes"]
        result, attempts = least_disturbed(lambda: self.attempt(engine, threads), disturbance, retakes)
        return result | {"attempts": attempts}

    def attempt(self, engine: Engine, threads: int) -> dict[str, Any]:
        wait_until_quiet(self.report["settings"]["quiet_wait_s"])
        load_average, before, start = os.getloadavg()[0], snapshot(), time.monotonic()
        result: dict[str, Any] = {"flags": []}
        try:
            with opened(engine, threads, self.place) as session:
                result |= session.info
                result |= measure(session, self.prompts, self.counts)
                result["bandwidth_gb_per_s"] = session.bandwidth()
                result["others_busy_cores"] = cores_of_others(before, snapshot())
        except Exception as error:  # Whatever a peer does, the others are measured.
            message = str(error).splitlines()[0]
            result |= {"error": message, "flags": [f"failed: {message}"]}
            self.progress.console.print(f"{engine.label}, {threads} thread(s): {message}", markup=False)
        if result.get("threads", threads) != threads:
            result["flags"].append(f"ran on {result['threads']} thread(s)")
        return result | {"load_average": round(load_average, 2), "round_s": round(time.monotonic() - start, 1)}


def disturbance(round_: dict[str, Any]) -> float:
    return round_.get("others_busy_cores") or 0.0


def finish(report: dict[str, Any]) -> None:
    """Adds medians, and for an engine that measured the memory's bandwidth, the decode speed that it allows."""
    for engine in report["engines"].values():
        for run in engine["runs"].values():
            run["summary"] = summary(run["rounds"])
            for round_ in run["rounds"]:
                engine["weight_bytes_per_token"] = round_.get("weightBytesPerToken") or engine["weight_bytes_per_token"]
            if bandwidth := run["summary"].get("bandwidth_gb_per_s"):
                run["roofline_tok_per_s"] = round(bandwidth["median"] * 1e9 / engine["weight_bytes_per_token"], 1)


def write(report: dict[str, Any], folder: Path, page: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / f"{page}.json"
    source.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    install.run([str(install.VENV_PYTHON), str(install.PEERS / "plot.py"), str(source), str(folder / page)])
    (folder / f"{page}.md").write_text(markdown(report, page))
    print(source)


def print_summary(report: dict[str, Any], console: Console) -> None:
    for engine in report["engines"].values():
        for threads, run in engine["runs"].items():
            figures = {key: value["median"] for key, value in run["summary"].items() if "median" in value}
            console.print(
                f"{engine['label']}, {threads} thread(s): {figures} {list(run['summary']['flags'])}", markup=False
            )


def progress_bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


if __name__ == "__main__":
    sys.exit(main())
