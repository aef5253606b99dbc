"""The command line. One command per file; this file only puts them together."""

from __future__ import annotations

from typing import Annotated

import typer

from nomoat import __version__
from nomoat.cli.bench import bench_command
from nomoat.cli.chat import chat_command
from nomoat.cli.compile import compile_command
from nomoat.cli.embed import embed_command
from nomoat.cli.generate import generate_command
from nomoat.cli.inspect import inspect_command
from nomoat.cli.serve import serve_command
from nomoat.cli.verify import verify_command

app = typer.Typer(
    name="nomoat",
    help="Compile open LLaMA-family models ahead of time and run them in the browser.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("compile")(compile_command)
app.command("inspect")(inspect_command)
app.command("verify")(verify_command)
app.command("generate")(generate_command)
app.command("chat")(chat_command)
app.command("embed")(embed_command)
app.command("bench")(bench_command)
app.command("serve")(serve_command)


def show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"nomoat {__version__}")
        raise typer.Exit


@app.callback()
def main(
    _version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Compile open LLaMA-family models ahead of time and run them in the browser."""
