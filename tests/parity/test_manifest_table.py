"""manifest.schema.json decides over the table that runtime/tests/storage/manifest.test.ts runs through the runtime."""

import copy
import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

TABLE = json.loads(
    (Path(__file__).parents[2] / "runtime/tests/storage/manifest_table.json").read_text(encoding="utf-8")
)
SCHEMA = json.loads(
    resources.files("nomoat_compiler.program").joinpath("manifest.schema.json").read_text(encoding="utf-8")
)


def build(case: dict[str, Any]) -> Any:
    """The base or the adapter with one place set, or removed where the case gives no value."""
    manifest = copy.deepcopy(TABLE["base"] | (TABLE["adapter"] if case.get("adapter") else {}))
    if "at" not in case:
        return manifest
    *path, last = case["at"]
    target = manifest
    for key in path:
        target = target[key]
    if "repeat" in case:
        value = case["repeat"][0] * case["repeat"][1]
    elif "file" in case:
        value = TABLE["base"]["files"][0] | {"path": case["file"]}
    elif "value" in case:
        value = case["value"]
    else:
        del target[last]
        return manifest
    if isinstance(target, list) and last == len(target):
        target.append(value)
    else:
        target[last] = value
    return manifest


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: case["why"])
def test_schema_decides_as_the_table_says(case: dict[str, Any]) -> None:
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(build(case)) == case["valid"]
