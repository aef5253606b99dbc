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
from random import Random
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
    command: list[str | Path] = ["node", bundler, "constraint_driver", folder]
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
        answers = list(zip(group.instances, group.valid, outcome["valid"], strict=True))
        assert [instance for instance, valid, accepted in answers if accepted and not valid] == [], group.name
        assert any(accepted for _, _, accepted in answers), group.name
        validator = jsonschema.Draft202012Validator(group.schema, format_checker=checker)
        assert len(outcome["generated"]) == 10
        assert [text for text in outcome["generated"] if not validator.is_valid(json.loads(text))] == [], group.name


def random_schema(draw: Random, depth: int) -> Any:
    """Keywords of every kind, few enough values that instances often fit."""
    leaves = (
        lambda: draw.random() < 0.9,
        lambda: {"type": draw.choice(["null", "boolean", "integer", "number", "string", "array", "object"])},
        lambda: {"enum": draw.sample([1, "a", None, [1], {"b": 2}, 0.5], 3)},
        lambda: {"const": draw.choice(["ab", 1, True, [], {"a": 1}])},
        lambda: {"minLength": draw.randrange(3), "maxLength": draw.randrange(1, 4)},
        lambda: {"pattern": draw.choice(["^a+$", "b", "^[a-c]{2,3}$", "x?"])},
        lambda: {"minimum": draw.randrange(-2, 3), "exclusiveMaximum": draw.randrange(1, 5)},
        lambda: {"multipleOf": draw.choice([1, 2, 0.5])},
    )
    if depth == 0:
        return draw.choice(leaves)()

    def inner() -> Any:
        return random_schema(draw, depth - 1)

    shapes = (
        lambda: {"properties": {"a": inner(), "b": inner()}, "required": draw.sample(["a", "b"], draw.randrange(3))},
        lambda: {"properties": {"a": inner()}, "patternProperties": {"^b": inner()}, "additionalProperties": inner()},
        lambda: {"minProperties": draw.randrange(3), "maxProperties": draw.randrange(1, 4), "propertyNames": inner()},
        lambda: {"prefixItems": [inner()], "items": inner(), "minItems": draw.randrange(3), "maxItems": 3},
        lambda: {"contains": inner(), "minContains": draw.randrange(3), "maxContains": 2},
        lambda: {"anyOf": [inner(), inner()]},
        lambda: {"oneOf": [inner(), inner(), inner()]},
        lambda: {"allOf": [inner(), inner()]},
        lambda: {"not": inner()},
        lambda: {"if": inner(), "then": inner(), "else": inner()},
        lambda: {"dependentSchemas": {"a": inner()}, "dependentRequired": {"b": ["a"]}},
        lambda: {"properties": {"a": inner()}, "anyOf": [inner(), inner()], "unevaluatedProperties": inner()},
        lambda: {"prefixItems": [inner()], "oneOf": [inner(), inner()], "unevaluatedItems": inner()},
    )
    return draw.choice(shapes)()


def random_value(draw: Random, depth: int) -> Any:
    if depth == 0 or draw.random() < 0.4:
        return draw.choice([None, True, False, 0, 1, 2, -1, 0.5, 2.5, 3.0, "", "a", "b", "ab", "abc", "x"])
    if draw.random() < 0.4:
        return [random_value(draw, depth - 1) for _ in range(draw.randrange(4))]
    return {name: random_value(draw, depth - 1) for name in draw.sample(["a", "b", "bb", "c"], draw.randrange(4))}


def test_random_schemas_say_what_jsonschema_says(driver: Path) -> None:
    draw = Random(8)
    suite = []
    for i in range(400):
        schema = random_schema(draw, 3)
        instances = [random_value(draw, 2) for _ in range(25)]
        validator = jsonschema.Draft202012Validator(schema)
        suite.append(Group(str(i), schema, instances, [validator.is_valid(instance) for instance in instances]))
    outcomes = run(driver, suite, 0, "ignore")
    compared = 0
    for group, outcome in zip(suite, outcomes, strict=True):
        if outcome["refused"] is not None:
            continue
        compared += 1
        different = [
            instance
            for instance, valid, accepted in zip(group.instances, group.valid, outcome["valid"], strict=True)
            if valid != accepted
        ]
        assert different == [], group.schema
    assert compared > 350
