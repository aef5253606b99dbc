"""Proves that constrained answers of a real model in the browser have their form on both devices, drawn or greedy.

Needs Chromium. Masks, kernel and the engine's part are tested for themselves elsewhere; this is all of it together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from nomoat_compiler.errors import NomoatError

from tests.parity.package_browser import GREEDY, OpenPackage, PackageBrowser

pytestmark = pytest.mark.browser

SCHEMA = {
    "type": "object",
    "properties": {
        "animal": {"enum": ["fox", "owl", "camel"]},
        "age": {"type": "integer", "minimum": 1, "maximum": 30},
        "eats": {"type": "array", "items": {"type": "string", "maxLength": 8}, "maxItems": 2},
    },
    "required": ["animal", "age", "eats"],
    "additionalProperties": False,
}
PATTERN = "The (fox|owl|camel) (is|eats) [a-z]{2,8}\\."


@pytest.fixture(scope="module", params=["webgpu", "wasm"])
def tiny(
    request: pytest.FixtureRequest, package_browser: PackageBrowser, tiny_package: Callable[[str], Path]
) -> Iterator[OpenPackage]:
    with package_browser.open(tiny_package("q4"), request.param) as opened:
        yield opened


def test_answers_are_valid_against_the_schema(tiny: OpenPackage) -> None:
    for seed in range(3):
        options = {"temperature": 1.5, "seed": seed, "responseFormat": {"type": "schema", "schema": SCHEMA}}
        answer = tiny.generate("What does the owl eat?", **options)
        jsonschema.validate(json.loads(answer["text"]), SCHEMA)
        assert answer["usage"]["finishReason"] == "stop"


def test_a_greedy_answer_takes_the_likelier_token_that_fits(tiny: OpenPackage) -> None:
    answer = tiny.generate("The", **GREEDY, responseFormat={"type": "regex", "pattern": PATTERN})
    assert re.fullmatch(PATTERN, answer["text"])
    prompt = tiny.tokenize("Yes or no?")
    options = [tiny.tokenize(word)[0] for word in ("yes", "no")]
    logits = tiny.logits(prompt, len(prompt) - 1)[0]
    answer = tiny.generate("Yes or no?", **GREEDY, responseFormat={"type": "regex", "pattern": "yes|no"})
    # Shorter tokens of the same letters fit too, so the whole is decided by the first of them.
    fitting = [*options, tiny.tokenize("y")[0], tiny.tokenize("n")[0]]
    best = max(fitting, key=lambda token: float(np.float32(logits[token])))
    assert answer["usage"]["generatedIds"][0] == best


def test_what_is_not_supported_is_said(tiny: OpenPackage) -> None:
    with pytest.raises(NomoatError) as caught:
        tiny.generate("The", **GREEDY, responseFormat={"type": "schema", "schema": {"uniqueItems": True}})
    assert caught.value.code == "not_supported"
    assert caught.value.detail == {"path": "format.schema/uniqueItems", "keyword": "uniqueItems"}
