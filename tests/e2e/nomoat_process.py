"""The command line as a person types it, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.limits import PROCESS_S


def nomoat(*arguments: str | Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nomoat", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PROCESS_S, input=stdin, check=False)


def nomoat_json(*arguments: str | Path) -> dict[str, Any]:
    """What a command that must succeed prints with --json."""
    result = nomoat(*arguments, "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    printed: dict[str, Any] = json.loads(result.stdout)
    return printed
