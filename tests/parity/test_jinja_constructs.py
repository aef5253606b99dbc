"""The runtime's Jinja against Jinja2 as transformers sets it up: constructs, real templates, generated expressions.

Needs Node and the npm packages, transformers; the real templates need an archive that is skipped where it is missing.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from nomoat_compiler.chat_templates import built_in_templates
from transformers.utils.chat_template_utils import render_jinja_template

from tests.fixtures.published import LLAMA_CPP, published_folder
from tests.parity import text_part

FIXTURES = Path(__file__).parents[1] / "fixtures"
TABLE = json.loads((FIXTURES / "jinja_constructs.json").read_text())
FAULTS = json.loads((FIXTURES / "template_faults.json").read_text())
SPECIAL_TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}

REFUSED = object()
REAL_TEMPLATES = 70


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return text_part.bundle(tmp_path_factory.mktemp("driver"))


def expected(source: str, messages: list[dict[str, Any]], variables: dict[str, Any]) -> object:
    """Jinja2's text, or REFUSED where it raises anything at all."""
    try:
        rendered, _ = render_jinja_template(
            [messages], chat_template=source, **{"add_generation_prompt": True, **SPECIAL_TOKENS, **variables}
        )
    except Exception:
        return REFUSED
    text: str = rendered[0]
    return text


def got(driver: Path, jobs: list[tuple[str, list[dict[str, Any]], dict[str, Any]]]) -> list[object]:
    templates = [
        {"source": source, "specialTokens": SPECIAL_TOKENS, "messages": messages, "variables": variables}
        for source, messages, variables in jobs
    ]
    results = text_part.run(driver, {"templates": templates})["rendered"]
    for result in results:
        assert isinstance(result, str) or result["error"] in ("invalid_package", "invalid_request"), result
    return [REFUSED if isinstance(result, dict) else result for result in results]


def compare(driver: Path, jobs: list[tuple[str, list[dict[str, Any]], dict[str, Any]]]) -> None:
    for (source, messages, variables), result in zip(jobs, got(driver, jobs), strict=True):
        assert result == expected(source, messages, variables), (source, messages)


@pytest.mark.parametrize("kind", TABLE["constructs"])
def test_constructs(driver: Path, kind: str) -> None:
    context = TABLE["context"]
    compare(driver, [(source, context["messages"], context["variables"]) for source in TABLE["constructs"][kind]])


def test_the_table_is_large() -> None:
    assert sum(len(templates) for templates in TABLE["constructs"].values()) >= 500


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["name"])
def test_faults_that_were_met(driver: Path, fault: dict[str, Any]) -> None:
    assert got(driver, [(fault["source"], fault["messages"], {})]) == [fault["expected"]]
    assert expected(fault["source"], fault["messages"], {}) == fault["expected"]


TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": 'The weather of a "city" <now> & later, in °C.',
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string", "description": "A city", "enum": ["Oslo", "München"]},
                    "days": {"type": ["integer", "null"], "default": 1, "minimum": 0.5},
                    "options": {"type": "object", "properties": {"units": {"type": "string"}}, "required": ["units"]},
                    "tags": {"type": "array", "items": {"type": "string"}},
                },
                "required": ["city"],
            },
            "return": {"type": "string", "description": "A sentence"},
        },
    },
    {
        "type": "function",
        "function": {"name": "now", "description": "", "parameters": {"type": "object", "properties": {}}},
    },
]
SYSTEM = {"role": "system", "content": "You are terse.\n"}
HELLO = {"role": "user", "content": "Hello, who are you?"}
CODE = "```python\ndef f(x):\n    if x:\n\treturn x  \n    return None\n```\n"


def call(arguments: Any, call_id: str = "call12345") -> dict[str, Any]:
    function = {"name": "get_weather", "arguments": arguments}
    return {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": call_id, "type": "function", "function": function}],
    }


RESULT = {"role": "tool", "name": "get_weather", "tool_call_id": "call12345", "content": '{"celsius": -3.5}'}
CONVERSATIONS: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "one": ([HELLO], {}),
    "no generation prompt": ([HELLO, {"role": "assistant", "content": "I am."}], {"add_generation_prompt": False}),
    "system": ([SYSTEM, HELLO], {}),
    "empty": ([{"role": "user", "content": ""}], {}),
    "blank": ([{"role": "system", "content": " "}, {"role": "user", "content": " \n\t"}], {}),
    "nothing": ([], {}),
    "long": ([SYSTEM, {"role": "user", "content": "word é 你好 " * 2000}], {}),
    "turns": (
        [SYSTEM, *[{"role": ("user", "assistant")[i % 2], "content": f" m{i}\n"} for i in range(12)], HELLO],
        {},
    ),
    "unicode": (
        [
            {"role": "user", "content": "🙂 é \u0301 \u200b 你好 \u2028 \ufeff x\x1f"},
            {"role": "assistant", "content": "𝒳\n"},
            HELLO,
        ],
        {},
    ),
    "code": ([{"role": "user", "content": CODE}, {"role": "assistant", "content": "    " + CODE}, HELLO], {}),
    "thinking": (
        [
            HELLO,
            {"role": "assistant", "content": "<think>\nplan\n</think>\n\n    code\n"},
            {"role": "user", "content": "/no_think go"},
        ],
        {},
    ),
    "reasoning field": (
        [HELLO, {"role": "assistant", "content": "Yes", "reasoning_content": "hm\n", "thinking": "hm\n"}, HELLO],
        {"enable_thinking": False},
    ),
    "quotes": ([{"role": "user", "content": "{{ 7 * 7 }} {% raw %} '\"\\ \\n %s {0} $& <|im_end|>"}], {}),
    "two users": ([HELLO, HELLO], {}),
    "assistant first": ([{"role": "assistant", "content": "Hi"}, HELLO], {}),
    "system last": ([HELLO, SYSTEM], {}),
    "unknown role": ([{"role": "narrator", "content": "x"}], {}),
    "tools": ([SYSTEM, HELLO], {"tools": TOOLS}),
    "tools without system": ([HELLO], {"tools": TOOLS}),
    "tool call": ([SYSTEM, HELLO, call({"city": "Oslo", "days": 2, "tags": ["a", "ü"]}), RESULT], {"tools": TOOLS}),
    "tool call as text": (
        [HELLO, call('{"city": "Oslo"}'), RESULT, {"role": "assistant", "content": "Cold."}, HELLO],
        {"tools": TOOLS},
    ),
    "tool call without tools": ([HELLO, call({"city": "Oslo"}), RESULT], {}),
    "two tool results": ([HELLO, call({"city": "Oslo"}), RESULT, RESULT], {"tools": TOOLS}),
    "parts": ([{"role": "user", "content": [{"type": "text", "text": "What is this?"}, {"type": "image"}]}], {}),
    "documents": ([HELLO], {"documents": [{"title": "T", "text": "Body\n"}]}),
}


@pytest.mark.parametrize("conversation", CONVERSATIONS)
def test_real_templates(driver: Path, conversation: str) -> None:
    messages, variables = CONVERSATIONS[conversation]
    templates = sorted((published_folder(LLAMA_CPP) / "templates").glob("*.jinja"))
    assert len(templates) == REAL_TEMPLATES
    compare(driver, [(path.read_text(encoding="utf-8"), messages, variables) for path in templates])


@pytest.mark.parametrize("name", built_in_templates())
def test_built_in_templates(driver: Path, name: str) -> None:
    source = built_in_templates()[name].read_text()
    compare(driver, [(source, messages, variables) for messages, variables in CONVERSATIONS.values()])


ATOMS = [
    "0",
    "1",
    "-2",
    "7",
    "2.5",
    "'a'",
    "'b-c'",
    "''",
    "true",
    "none",
    "missing",
    "items",
    "text",
    "config",
    "names",
]
BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
FILTERS = [
    "upper",
    "trim",
    "length",
    "string",
    "list",
    "first",
    "last",
    "int",
    "float",
    "tojson",
    "default('d')",
    "abs",
    "join(',')",
    "sort",
    "reverse|list",
    "replace('a','b')",
    "title",
    "unique|list",
    "sum",
    "round",
    "capitalize",
    "map('string')|list",
    "select|list",
    "max",
    "min",
    "indent",
    "batch(2)|list",
    "wordcount",
    "escape",
    "center(9)",
    "dictsort",
    "items|list",
    "format",
    "truncate(3)",
    "slice(2)|list",
]
TESTS = [
    "defined",
    "none",
    "string",
    "number",
    "odd",
    "iterable",
    "mapping",
    "sequence",
    "integer",
    "float",
    "boolean",
    "upper",
    "callable",
]
METHODS = [
    ".upper()",
    ".strip('a')",
    ".split('b')",
    ".items()|list",
    "[0]",
    "[-1]",
    ".a",
    "['b']",
    ".get('b')",
    ".nope",
    ".count('a')",
]
WRAPPINGS = (
    "{{ # }}",
    "{% if # %}a{% else %}b{% endif %}",
    "{% for x in # %}[{{ x }}{{ loop.last }}]{% else %}-{% endfor %}",
    "{% set v = # %}{{ v }}",
    "  {%- set v %}\n{{ # }}\n{% endset +%}\n {{- v|trim }}",
    "{% macro m(a, b=#) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(#) }}",
)


def expression(random: Random, depth: int) -> str:
    if depth == 0 or random.random() < 0.2:
        return random.choice(ATOMS)
    inner = [expression(random, depth - 1) for _ in range(3)]
    forms = (
        f"({inner[0]} {random.choice(BINARY)} {inner[1]})",
        f"{inner[0]}|{random.choice(FILTERS)}",
        f"({inner[0]} is {random.choice(('', 'not '))}{random.choice(TESTS)})",
        f"({inner[0]}){random.choice(METHODS)}",
        f"({inner[0]} if {inner[1]} else {inner[2]})",
        f"[{inner[0]}, {inner[1]}]",
        f"{{'k': {inner[0]}}}",
        f"({inner[0]}, {inner[1]})",
        f"{random.choice(('text', 'items', 'names'))}[{random.choice(('1:', ':-1', '::-1', '-2:', '5:0:-2'))}]",
    )
    return random.choice(forms)


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@pytest.mark.parametrize("seed", range(4))
def test_generated_templates(driver: Path, seed: int) -> None:
    random = Random(seed)
    context = TABLE["context"]
    sources = [random.choice(WRAPPINGS).replace("#", expression(random, 3)) for _ in range(500)]
    jobs = [(source, context["messages"], context["variables"]) for source in sources]
    for source, ours in zip(sources, got(driver, jobs), strict=True):
        theirs = expected(source, context["messages"], context["variables"])
        # What prints an address, such as a generator, cannot be compared.
        if not (isinstance(theirs, str) and " at 0x" in theirs):
            assert ours == theirs, source
