"""What the documentation shows, for tests to run it: fenced blocks, of which some are named after their language."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = "docs/packages.md"
# The model of all examples.
MODEL = "https://models.example/SmolLM2-135M-Instruct-q4/"
BLOCK = re.compile(r"^```\w+(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def files() -> dict[str, str]:
    """The named blocks of docs/packages.md by their names, which are those of files."""
    return {match[1]: match[2] for match in BLOCK.finditer((ROOT / PAGE).read_text()) if match[1]}


def policy() -> str:
    """The Content-Security-Policy that docs/packages.md asks for, on one line."""
    return " ".join(files()["Content-Security-Policy"].split())


def first_block(page: str) -> str:
    found = BLOCK.search((ROOT / page).read_text())
    assert found is not None, f"{page} shows nothing"
    return found[2]
