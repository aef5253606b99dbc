"""``nomoat bench``: how fast a package runs here, and how near that is to the memory's speed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from nomoat.benchmark import MAX_RUNS, MIN_TOKENS, Benchmark, Spread, run_benchmark, steps_of
from nomoat.browser import Adapter, Device, open_model
from nomoat.cli.console import Debug, Json, err, out, print_json, reports_errors
from nomoat.cli.device_options import AdapterOption, DeviceOption, ThreadsOption, refuse_contradictions
from nomoat.cli.load_progress import load_progress
from nomoat.cli.quantities import format_bytes


@reports_errors
def bench_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A compiled package.")],
    prompt_tokens: Annotated[int, typer.Option(min=1, help="Tokens of each prompt.")] = 42,
    tokens: Annotated[int, typer.Option(min=MIN_TOKENS, help="Tokens to generate in each run.")] = 64,
    runs: Annotated[int, typer.Option(min=1, max=MAX_RUNS, help="Timed runs; two more are not counted.")] = 5,
    device: DeviceOption = Device.AUTO,
    threads: ThreadsOption = None,
    adapter: AdapterOption = Adapter.AUTO,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Time the package DIR in headless Chromium: loading, first token, prefill, decoding, and the memory's bandwidth.

    Outputs are checked while they are timed.
    """
    refuse_contradictions(device, threads, adapter)
    with (
        load_progress(hidden=json_output) as on_progress,
        open_model(folder, device=device, threads=threads, adapter=adapter, on_progress=on_progress) as model,
    ):
        on_progress.stop()
        with step_progress(steps_of(runs), hidden=json_output) as on_step:
            benchmark = run_benchmark(
                model, folder, prompt_tokens=prompt_tokens, tokens=tokens, runs=runs, on_step=on_step
            )
    if json_output:
        print_json(benchmark.to_json())
    else:
        print_benchmark(out(), benchmark)


@contextmanager
def step_progress(steps: int, *, hidden: bool) -> Iterator[Callable[[str], None]]:
    """Gives a function to call at the beginning of each step."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = err()
    with Progress(*columns, console=console, transient=True, disable=hidden or not console.is_terminal) as progress:
        task = progress.add_task("Preparing", total=steps, completed=-1)
        yield lambda title: progress.update(task, description=title, advance=1)


def print_benchmark(console: Console, benchmark: Benchmark) -> None:
    threads = "" if benchmark.threads is None else f", threads in the last run: {benchmark.threads}"
    where = f"{benchmark.device} ({benchmark.adapter})"
    console.print(f"[bold]{benchmark.model}[/], {where}{threads}", soft_wrap=True)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("")
    for column in ("Median", "Least", "Most"):
        table.add_column(column, justify="right")
    table.add_row("Load, ms", *row(benchmark.load_ms, ".0f"))
    table.add_row("First token, ms", *row(benchmark.ttft_ms, ".1f"))
    table.add_row("Prefill, tokens/s", *row(benchmark.prefill_tok_per_s, ".1f"))
    table.add_row("Decode, tokens/s", *row(benchmark.decode_tok_per_s, ".2f"))
    console.print(table)
    console.print(
        f"Decoding reads {benchmark.gb_per_s:.2f} GB/s ({format_bytes(benchmark.weight_bytes_per_token)} of weights a "
        f"token): {benchmark.roofline_share:.1%} of the {benchmark.roofline_gb_per_s:.2f} GB/s that the device reads."
    )
    if benchmark.stopped_early:
        counts = ", ".join(map(str, benchmark.completion_tokens))
        console.print(
            f"The model ended {benchmark.stopped_early} of {benchmark.runs} answers by itself: they have {counts} "
            f"tokens instead of {benchmark.tokens}, and those were timed.",
            style="yellow",
        )
    console.print(
        f"{benchmark.runs} runs of {benchmark.prompt_tokens} + {benchmark.tokens} tokens, browser {benchmark.browser}, "
        f"commit {benchmark.commit}.",
        style="dim",
    )


def row(spread: Spread, digits: str) -> tuple[str, str, str]:
    return f"{spread.median:{digits}}", f"{spread.min:{digits}}", f"{spread.max:{digits}}"
