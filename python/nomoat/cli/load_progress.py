"""The progress bar of a model that is loaded in the browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from nomoat.cli.console import err
from nomoat.cli.quantities import format_bytes

TITLES = {"download": "Reading the package", "load": "Weights into memory", "compile": "Compiling kernels"}


class LoadProgress:
    """Called with (phase, loaded, total); ``stop`` takes the bars off the screen."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, phase: str, loaded: int, total: int) -> None:
        if phase not in self._tasks:
            self._tasks[phase] = self._progress.add_task(TITLES.get(phase, phase), total=total, amount="")
        amount = f"{loaded}/{total}" if phase == "compile" else f"{format_bytes(loaded)} of {format_bytes(total)}"
        self._progress.update(self._tasks[phase], completed=loaded, total=total, amount=amount)

    def stop(self) -> None:
        self._progress.stop()


@contextmanager
def load_progress(*, hidden: bool) -> Iterator[LoadProgress]:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[amount]}"), TimeElapsedColumn())
    console = err()
    is_hidden = hidden or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=is_hidden) as progress:
        yield LoadProgress(progress)
