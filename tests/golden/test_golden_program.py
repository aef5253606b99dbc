"""Pins programs and their instances, so that a refactor cannot change them unseen: a Llama, and layers that differ.

Refresh with UPDATE_GOLDEN=1 and read the diff. Needs nothing. The runtime's tests read the same files.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from nomoat_compiler.program.canonical_json import canonical_json
from nomoat_compiler.program.instance import instantiate

from tests.fixtures.instances import configurations, llama_program, uneven_program

FOLDER = Path(__file__).parents[1] / "fixtures" / "program_v3"


def programs() -> dict[str, dict[str, Any]]:
    return {"tiny_llama": llama_program("tiny_llama", configurations()["tiny_llama"]), "uneven": uneven_program()}


def golden_files() -> dict[str, str]:
    files = {}
    for name, program in programs().items():
        files[f"{name}.program.json"] = json.dumps(program, indent=1) + "\n"
        instance = json.loads(canonical_json(instantiate(program).to_json()))
        files[f"{name}.instance.json"] = json.dumps(instance, indent=1) + "\n"
    return files


@pytest.mark.parametrize("name", golden_files())
def test_a_program_and_its_instance_are_unchanged(name: str) -> None:
    content = golden_files()[name]
    if os.environ.get("UPDATE_GOLDEN") == "1":
        (FOLDER / name).write_text(content)
    assert (FOLDER / name).read_text() == content, f"{name} changed: UPDATE_GOLDEN=1 refreshes it; read the diff"


def test_there_is_no_other_golden() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(golden_files())
