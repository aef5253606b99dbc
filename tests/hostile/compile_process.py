"""`nomoat compile` in a process of its own with a limit on its memory.

The processes are forked from one that has imported the compiler (multiprocessing's forkserver), so that a case takes
a fraction of a second and not the seconds that importing TVM takes.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
from pathlib import Path

from tests.limits import WAIT_S

# TVM and NumPy reserve about 2 GiB of addresses; a lie of terabytes stays far beyond.
ADDRESS_SPACE_BYTES = 8 << 30


def compile_in_process(model: Path, output: Path) -> tuple[int, str]:
    """(exit code, standard output) of ``nomoat compile model -o output --json``. TimeoutError for a hang."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["nomoat.cli.compile", "nomoat_compiler.pipeline", __name__])
    log = output.with_suffix(".log")
    process = context.Process(target=_compile, args=(str(model), str(output), str(log)))
    process.start()
    process.join(WAIT_S)
    if process.is_alive():
        process.kill()
        raise TimeoutError(f"compiling {model.name} took more than {WAIT_S:.0f} s")
    return process.exitcode or 0, log.read_text()


def _compile(model: str, output: str, log: str) -> None:
    from nomoat.cli import app

    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    stdout = os.open(log, os.O_WRONLY | os.O_CREAT)
    os.dup2(stdout, 1)
    sys.stdout = os.fdopen(1, "w")
    app(["compile", model, "-o", output, "--json"])  # ends in SystemExit
