"""Measures constrained answers: 20 schemas, ten answers each, drawn; how many are valid, and what a token costs more.

    python -m tests.bench.constraints PACKAGE [--device wasm] [--answers 10] [--max-tokens 400]

PACKAGE is a compiled model, such as SmolLM2 in q4. The cost compares the time of a token with that of unconstrained
answers beside them in the same page; a schema's first answer, whose masks are all new, is given apart.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import jsonschema

from tests.parity.package_browser import OpenPackage, PackageBrowser

STRING: dict[str, Any] = {"type": "string", "maxLength": 60}


def record(**properties: Any) -> dict[str, Any]:
    """An object with all of these and no others."""
    return {
        "type": "object", "properties": properties, "required": list(properties), "additionalProperties": False,
    }  # fmt: skip


SCHEMAS: dict[str, tuple[str, Any]] = {
    "yes or no": ("Is Paris in France?", {"enum": ["yes", "no"]}),
    "number": ("How many legs has a spider?", {"type": "integer", "minimum": 0, "maximum": 100}),
    "person": ("Invent a person.", record(name=STRING, age={"type": "integer", "minimum": 0, "maximum": 120})),
    "email": ("Give contact data.", record(name=STRING, email={"type": "string", "format": "email", "maxLength": 40})),
    "date": ("When did the war end?", record(date={"type": "string", "format": "date"}, event=STRING)),
    "list": ("Name three colours.", {"type": "array", "items": STRING, "minItems": 3, "maxItems": 3}),
    "tags": ("Tag this text.", record(tags={"type": "array", "items": {"enum": ["a", "b", "c"]}, "maxItems": 4})),
    "nested": ("Describe a city.", record(city=record(name=STRING, country=STRING), population={"type": "integer"})),
    "pattern": ("Invent a licence plate.", {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3}$"}),
    "union": ("Answer anything.", {"anyOf": [record(text=STRING), record(number={"type": "number", "maximum": 9}) ]}),
    "one of": ("Choose a shape.", {"oneOf": [record(kind={"const": "circle"}, r={"type": "integer", "maximum": 99}),
                                              record(kind={"const": "square"}, a={"type": "integer", "maximum": 99})]}),
    "optional": ("Describe a book.", {"type": "object", "properties": {"title": STRING, "year": {"type": "integer"},
                 "isbn": STRING}, "required": ["title"], "additionalProperties": False}),
    "tree": ("Draw a small tree.", {"$defs": {"leaf": {"type": "string", "maxLength": 12}, "branch": {"type": "array",
             "items": {"$ref": "#/$defs/leaf"}, "maxItems": 3}},
             **record(name={"$ref": "#/$defs/leaf"}, left={"$ref": "#/$defs/branch"},
                      right={"$ref": "#/$defs/branch"})}),
    "tuple": ("Where is Rome?", {"type": "array", "prefixItems": [{"type": "number", "minimum": -90, "maximum": 90},
              {"type": "number", "minimum": -180, "maximum": 180}], "minItems": 2, "items": False}),
    "conditional": ("Order a drink.", record(drink={"enum": ["tea", "coffee"]}, milk={"type": "boolean"})
                    | {"if": {"properties": {"drink": {"const": "tea"}}},
                       "then": {"properties": {"milk": {"const": False}}}}),
    "score": ("Rate this film.", record(
              score={"type": "number", "minimum": 0, "maximum": 10, "multipleOf": 0.5}, why=STRING)),
    "map": ("Count the animals.", {"type": "object",
            "patternProperties": {"^[a-z]{2,10}$": {"type": "integer", "maximum": 9}},
            "additionalProperties": False, "minProperties": 1, "maxProperties": 3}),
    "call": ("What is the weather in Oslo?", record(name={"const": "get_weather"}, arguments=record(
             city={"type": "string", "minLength": 1, "maxLength": 30}, unit={"enum": ["celsius", "fahrenheit"]}))),
    "contains": ("Give some numbers.", {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 9},
                 "contains": {"const": 7}, "maxItems": 5}),
    "nullable": ("Who wrote it?", record(
                 author={"type": ["string", "null"], "maxLength": 40}, sure={"type": "boolean"})),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("package", type=Path)
    parser.add_argument("--device", choices=["wasm", "webgpu"], default="wasm")
    parser.add_argument("--answers", type=int, default=10)
    parser.add_argument("--max-tokens", type=int, default=400)
    options = parser.parse_args()
    browser = PackageBrowser()
    try:
        with browser.open(options.package, options.device) as opened:
            print(json.dumps(measure(opened, options.answers, options.max_tokens), indent=2))
    finally:
        browser.close()


def measure(opened: OpenPackage, answers: int, max_tokens: int) -> dict[str, Any]:
    valid, cut = 0, 0
    rows: dict[str, dict[str, Any]] = {}
    later: list[float] = []
    plain = opened.generate("Tell me a long story about a fox.", temperature=0, maxTokens=120)["usage"]
    plain_ms = [1000 / plain["decodeTokPerS"]]
    for name, (question, schema) in SCHEMAS.items():
        token_ms: list[float] = []
        bad: list[str] = []
        for seed in range(answers):
            answer = opened.generate(
                [{"role": "user", "content": f"{question} Answer in JSON."}],
                temperature=0.8, seed=seed, maxTokens=max_tokens, responseFormat={"type": "schema", "schema": schema},
            )  # fmt: skip
            usage = answer["usage"]
            if usage["completionTokens"] > 4:
                token_ms.append(1000 / usage["decodeTokPerS"])
            try:
                jsonschema.validate(json.loads(answer["text"]), schema)
                valid += 1
            except (ValueError, jsonschema.ValidationError):
                bad.append(answer["text"][-80:])
                cut += usage["finishReason"] == "length"
        plain = opened.generate("Tell me a long story about a fox.", temperature=0, maxTokens=60)["usage"]
        plain_ms.append(1000 / plain["decodeTokPerS"])
        rows[name] = {"bad": bad}
        if len(token_ms) > 1:
            later.append(statistics.median(token_ms[1:]))
            rows[name] |= {"first_ms_per_token": round(token_ms[0], 2), "later_ms_per_token": round(later[-1], 2)}
    return {
        "valid": valid,
        "of": answers * len(SCHEMAS),
        "cut_at_max_tokens": cut,
        "plain_ms_per_token": round(statistics.median(plain_ms), 2),
        "constrained_ms_per_token": round(statistics.median(later), 2),
        "schemas": rows,
    }


if __name__ == "__main__":
    main()
