"""How commands talk: results on stdout, progress and errors on stderr, failures in one line."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Annotated, Any, ParamSpec

import typer
from nomoat_compiler.errors import NomoatError
from rich.console import Console
from rich.text import Text

P = ParamSpec("P")
FAILURE_EXIT_CODE = 1
INTERRUPTED_EXIT_CODE = 130

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the Python traceback of a failure.")]


def out() -> Console:
    """Results. Made anew each time, so that a redirected stdout is seen."""
    return Console(highlight=False)


def err() -> Console:
    """Progress and errors: never mixed into results."""
    return Console(stderr=True, highlight=False)


def print_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def reports_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Turns a failure of ``command`` into one red line (or, with --json, one object) and exit code 1."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt:
            err().print("Interrupted.", style="yellow")
            raise typer.Exit(INTERRUPTED_EXIT_CODE) from None
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except Exception as error:
            report(error, as_json=bool(kwargs.get("json_output")), debug=bool(kwargs.get("debug")))
            raise typer.Exit(FAILURE_EXIT_CODE) from None

    return run


def report(error: Exception, *, as_json: bool, debug: bool) -> None:
    if debug:
        err().print_exception()
    known = error if isinstance(error, NomoatError) else unexpected(error)
    if as_json:
        print_json({"error": known.to_wire()})
    else:
        line = Text.assemble(("error ", "bold red"), (known.code, "bold red"), (f": {known.message}", "red"))
        err().print(line, soft_wrap=True)


def unexpected(error: Exception) -> NomoatError:
    if isinstance(error, OSError) and error.filename is not None:
        return NomoatError("invalid_request", f"{error.filename}: {error.strerror}.")
    detail: dict[str, Any] = {"type": type(error).__name__}
    return NomoatError(
        "internal",
        f"{type(error).__name__}: {error}. This is a bug in NoMoat; --debug shows where.",
        **detail,
    )
