"""Proves the constraint engine on the JSON Schema Test Suite: the share of schemas that it accepts, that it says of
every instance what the suite says, and that what it generates at random, under masks, is valid for `jsonschema`.

Needs Node. NOMOAT_CONSTRAINT_GENERATIONS: answers for each schema, 2 by default; 100 takes some minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.limits import PROCESS_S

HERE = Path(__file__).parent
SUITE = HERE.parent / "fixtures" / "json_schema_test_suite"
GENERATIONS = int(os.environ.get("NOMOAT_CONSTRAINT_GENERATIONS", "2"))
VALIDATORS = {"draft2020-12": jsonschema.Draft202012Validator, "draft7": jsonschema.Draft7Validator}
# Tokens of more than a byte that begin, end and span parts of JSON.
WORDS = (
    '{"', '": "', '", "', '":', '"}', '"]', "}}", "]}", ", ", ": ", "[1", "12", "0.", "true", "null", "foo", "bar",
    "  ", "\n  ", "é", '\\"', "\\u00", '"foo',
)  # fmt: skip


@dataclass(frozen=True)
class Group:
    """One schema of the suite with its instances."""

    name: str
    schema: Any
    instances: list[Any]
    valid: list[bool]


def groups(folder: str) -> list[Group]:
    found = []
    for path in sorted((SUITE / folder).glob("*.json")):
        for group in json.loads(path.read_text()):
            schema, tests = group["schema"], group["tests"]
            if folder == "draft7" and isinstance(schema, dict):
                schema = {"$schema": "http://json-schema.org/draft-07/schema#"} | schema
            name = f"{path.stem}: {group['description']}"
            found.append(Group(name, schema, [t["data"] for t in tests], [t["valid"] for t in tests]))
    return found


def written(instance: Any, i: int) -> str:
    """In several spellings: indented, compact, and with escapes."""
    separators = (",", ":") if i % 3 == 1 else None
    return json.dumps(instance, indent=2 if i % 3 == 0 else None, separators=separators, ensure_ascii=i % 2 == 0)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("constraints")
    bundler = HERE / "bundle_driver.mjs"
    command = ["node", bundler, "constraint_driver", folder]
    subprocess.run(command, check=True, timeout=PROCESS_S, cwd=HERE.parents[1])
    return folder / "constraint_driver.mjs"


def run(driver: Path, suite: list[Group], generations: int, formats: str) -> list[dict[str, Any]]:
    schemas = [
        {"schema": g.schema, "instances": [written(instance, i) for i, instance in enumerate(g.instances)]}
        for g in suite
    ]
    job = {"seed": 20, "generations": generations, "formats": formats, "words": WORDS, "schemas": schemas}
    done = subprocess.run(["node", driver], input=json.dumps(job), capture_output=True, text=True, timeout=PROCESS_S)
    assert done.returncode == 0, done.stderr
    outcomes: list[dict[str, Any]] = json.loads(done.stdout)
    return outcomes


@pytest.mark.parametrize(("draft", "share"), [("draft2020-12", 0.87), ("draft7", 0.9)])
def test_the_official_suite(draft: str, share: float, driver: Path) -> None:
    suite = groups(draft)
    outcomes = run(driver, suite, GENERATIONS, "ignore")
    accepted = [(g, outcome) for g, outcome in zip(suite, outcomes, strict=True) if outcome["refused"] is None]
    assert len(accepted) >= share * len(suite)
    wrong = [(g.name, g.schema, g.instances) for g, outcome in accepted if outcome["valid"] != g.valid]
    assert wrong == []
    assert [(g.name, outcome["stuck"]) for g, outcome in accepted if outcome["stuck"]] == []
    invalid = []
    for group, outcome in accepted:
        validator = VALIDATORS[draft](group.schema)
        texts = [text for text in outcome["generated"] if not validator.is_valid(json.loads(text))]
        invalid += [(group.name, group.schema, text) for text in texts]
        # Where there is a valid instance, there is something to generate.
        assert len(outcome["generated"]) == GENERATIONS or not any(group.valid), group.name
    assert invalid == []
    for group, outcome in zip(suite, outcomes, strict=True):
        if outcome["refused"] is not None:
            assert outcome["refused"]["code"] == "not_supported", group.name
            keyword, path = outcome["refused"]["detail"]["keyword"], outcome["refused"]["detail"]["path"]
            assert path.endswith(keyword), (group.name, path)
            assert keyword in json.dumps(group.schema), (group.name, keyword)


def test_formats(driver: Path) -> None:
    """A format accepts nothing that is invalid; what is generated passes jsonschema's checker where it has one."""
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    suite = []
    for group in groups("formats"):
        judged = [(i, v) for i, v in zip(group.instances, group.valid, strict=True) if isinstance(i, str)]
        schema = {"type": "string"} | group.schema
        suite.append(Group(group.name, schema, [i for i, _ in judged], [v for _, v in judged]))
    for group, outcome in zip(suite, run(driver, suite, 10, "assert"), strict=True):
        judged = list(zip(group.instances, group.valid, outcome["valid"], strict=True))
        assert [instance for instance, valid, accepted in judged if accepted and not valid] == [], group.name
        assert any(accepted for _, _, accepted in judged), group.name
        validator = jsonschema.Draft202012Validator(group.schema, format_checker=checker)
        assert len(outcome["generated"]) == 10
        assert [text for text in outcome["generated"] if not validator.is_valid(json.loads(text))] == [], group.name
