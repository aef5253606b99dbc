"""``nomoat embed``: a package of an encoder turns texts into vectors in headless Chromium."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from nomoat.browser import Adapter, BrowserModel, Device, Embedded, open_model
from nomoat.cli.console import Debug, Json, err, out, print_json, reports_errors
from nomoat.cli.device_options import AdapterOption, DeviceOption, ThreadsOption, refuse_contradictions
from nomoat.cli.load_progress import load_progress

SHOWN_CHARACTERS, SHOWN_VALUES = 36, 2


@reports_errors
def embed_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A compiled package of an encoder.")],
    texts: Annotated[
        list[str], typer.Argument(metavar="TEXT...", help="What to embed; a single - reads a text per line from stdin.")
    ],
    device: DeviceOption = Device.AUTO,
    threads: ThreadsOption = None,
    adapter: AdapterOption = Adapter.AUTO,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Let the encoder DIR (MiniLM, bge, e5, ...) embed each TEXT in headless Chromium.

    Prints how similar each is to the first one; with --json the vectors.
    """
    refuse_contradictions(device, threads, adapter)
    given = sys.stdin.read().splitlines() if texts == ["-"] else texts
    with (
        load_progress(hidden=json_output) as on_progress,
        open_model(folder, device=device, threads=threads, adapter=adapter, on_progress=on_progress) as model,
    ):
        on_progress.stop()
        embedded = model.embed(given)
    if json_output:
        print_json(as_json(model, embedded))
    else:
        out().print(table_of(given, embedded))
        figures = f"{embedded.prompt_tokens} tokens, loaded in {model.load_ms / 1000:.1f} s, "
        err().print(figures + embedded.device.describe(), style="dim")


def as_json(model: BrowserModel, embedded: Embedded) -> dict[str, object]:
    return {
        "embeddings": embedded.embeddings.tolist(),
        "prompt_tokens": embedded.prompt_tokens,
        "device": embedded.device.device,
        "adapter": embedded.device.adapter,
        "threads": embedded.device.threads,
        "load_ms": model.load_ms,
    }


def table_of(texts: list[str], embedded: Embedded) -> Table:
    rows = embedded.embeddings
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("Text", no_wrap=True)
    table.add_column("To the first", no_wrap=True)
    table.add_column(f"{rows.shape[1]} values", no_wrap=True)
    for text, row, cosine in zip(texts, rows, unit @ unit[0], strict=True):
        shown = text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"
        values = "  ".join(f"{value:+.4f}" for value in row[:SHOWN_VALUES])
        table.add_row(repr(shown), f"{cosine:.4f}", f"{values}  …")
    return table
