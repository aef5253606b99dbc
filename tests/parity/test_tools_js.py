"""Tools in real chat templates: prompts equal to transformers', families as docs/tools.md has them, calls read back.

Needs Node and the npm packages, transformers; the real templates need an archive that is skipped where it is missing.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jinja2
import pytest
from jsonschema import Draft202012Validator
from transformers.utils.chat_template_utils import render_jinja_template

from tests.fixtures.published import LLAMA_CPP, published_folder
from tests.parity import text_part

SPECIAL_TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}
# What ends an answer in these templates, and what only the tokenizer of a model knows.
STOPS = [
    "<|im_end|>", "</s>", "<|eot_id|>", "<|eom_id|>", "<|call|>", "<|end_of_text|>", "<|end|>", "<|eot|>", "<seed:eos>",
    "<｜end▁of▁sentence｜>", "<｜hy_eos:opensource｜>", "<SPECIAL_12>", "<|END_OF_TURN_TOKEN|>", "<|assistant_end|>",
    "[e~[", "<end_of_sentence>", "<|message_sep|>", "<|role_end|>", "<sep>", "</assistant>", "<turn|>", "<|calls|>",
    "<|user|>", "<|observation|>", "<|end_of_msg|>",
]  # fmt: skip
SPECIALS = {"LFM2": ["<|tool_call_start|>", "<|tool_call_end|>"]}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather of a city.",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string", "description": "A city"},
                    "days": {"type": "integer", "description": "How many"},
                    "note": {"type": "string", "description": "Anything"},
                },
                "required": ["city"],
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": "now",
            "description": "The time.",
            "parameters": {"type": "object", "properties": {}},
        },
    },
]
ARGUMENTS = {"city": 'Oslo "x" <b> {é}', "days": -2, "note": "line 1\n  line 2 🙂"}
ASK = {"role": "user", "content": "How is it there?"}


def calls(*named: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "id": f"call5678{index}",
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)},
        }
        for index, (name, arguments) in enumerate(named)
    ]


def called(*named: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """A conversation up to the answer after these calls."""
    made = calls(*named)
    results = [
        {"role": "tool", "name": call["function"]["name"], "tool_call_id": call["id"], "content": "Cold."}
        for call in made
    ]
    return [ASK, {"role": "assistant", "content": "", "tool_calls": made}, *results]


ONE = called(("get_weather", ARGUMENTS))
EMPTY = called(("now", {}))
TWO = called(("get_weather", ARGUMENTS), ("now", {}))
CONTINUED = [ASK, {"role": "assistant", "content": "It is: "}]
CONVERSATIONS: list[dict[str, Any]] = [
    {"messages": [ASK], "hasTools": True, "continueFinal": False},
    {"messages": ONE, "hasTools": True, "continueFinal": False},
    {"messages": EMPTY, "hasTools": True, "continueFinal": False},
    {"messages": TWO, "hasTools": True, "continueFinal": False},
    {"messages": [{"role": "developer", "content": "Be brief."}, ASK], "hasTools": False, "continueFinal": False},
    {"messages": CONTINUED, "hasTools": False, "continueFinal": True},
]


def templates() -> dict[str, str]:
    folder = published_folder(LLAMA_CPP) / "templates"
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.jinja"))}


def rendered(source: str, messages: list[dict[str, Any]], **variables: Any) -> str | None:
    """transformers' text; None where the template raises."""
    try:
        texts, _ = render_jinja_template([messages], chat_template=source, **SPECIAL_TOKENS, **variables)
    except (jinja2.exceptions.TemplateError, TypeError, ValueError):
        return None
    text: str = texts[0]
    return text


def with_objects(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Arguments as objects, as transformers' documentation has them."""
    changed: list[dict[str, Any]] = json.loads(json.dumps(messages))
    for message in changed:
        for call in message.get("tool_calls", []):
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    return changed


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the runtime finds, writes and reads, for each template."""
    sources = templates()
    jobs = [
        {
            "source": source,
            "specialTokens": SPECIAL_TOKENS,
            "specials": next((words for begin, words in SPECIALS.items() if name.startswith(begin)), []),
            "stops": STOPS,
            "tools": TOOLS,
            "conversations": CONVERSATIONS,
            "texts": [answer(source, messages) for messages in (ONE, EMPTY, TWO)],
        }
        for name, source in sources.items()
    ]
    driver = text_part.bundle(tmp_path_factory.mktemp("driver"))
    return dict(zip(sources, text_part.run(driver, {"tools": jobs})["tools"], strict=True))


def answer(source: str, messages: list[dict[str, Any]]) -> str:
    """The assistant's turn as transformers renders it, without what a template writes around any answer."""
    for turn in (with_objects(messages[:2]), messages[:2]):
        text = rendered(source, turn, tools=TOOLS, functions=json.dumps(TOOLS), datetime="now")
        plain = rendered(source, [ASK, {"role": "assistant", "content": "zq"}], tools=TOOLS, functions="", datetime="")
        if text is None or plain is None or "{'" in text.split(ASK["content"])[-1]:
            continue
        after = text.split(ASK["content"])[-1]
        begin = plain.split(ASK["content"])[-1].split("zq")[0]
        while not after.startswith(begin):
            begin = begin[:-1]
        return after[len(re.sub(r"[<\[][^<>\[\]]*$", "", begin)) :]
    return ""


def test_families_are_those_of_the_documentation(results: dict[str, dict[str, Any]]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "tools.md").read_text()
    documented: dict[str, str | None] = {}
    table = page.split("|---|---|---|\n")[1].split("\n\n")[0]
    for family, names in re.findall(r"^\| `?([\w.+-]+)`? \|.*\| ([^|]*) \|$", table, re.MULTILINE):
        for name in names.split(", "):
            documented[name.strip("`")] = None if family == "none" else family
    assert {name: result["family"] for name, result in results.items()} == documented


def test_prompts_are_those_of_transformers(results: dict[str, dict[str, Any]]) -> None:
    """Of the messages as they were adapted always, of the caller's own wherever transformers makes sense of them."""
    same = 0
    for name, source in templates().items():
        for conversation, prompt in zip(CONVERSATIONS, results[name]["prompts"], strict=True):
            continues = bool(conversation["continueFinal"])
            options = {"continue_final_message": True} if continues else {"add_generation_prompt": True}
            if "error" in prompt:
                assert prompt["error"] in ("invalid_request", "invalid_package"), (name, prompt)
                continue
            adapted = rendered(source, prompt["messages"], **prompt["variables"], **options)
            assert prompt["text"] == adapted, name
            own = with_objects(conversation["messages"])
            if own[0]["role"] == "developer" and not re.search("""['"]developer['"]""", source):
                own[0]["role"] = "system"
            natural = rendered(source, own, tools=TOOLS if conversation["hasTools"] else None, **options)
            same += natural == prompt["text"]
    # The others: calls that the template does not write, tools that it does not show, arguments as text.
    assert same >= 350, same


def test_calls_are_read_back(results: dict[str, dict[str, Any]]) -> None:
    """From what transformers writes, whole and character by character."""
    expected: list[list[tuple[str, dict[str, Any]]]] = [
        [("get_weather", ARGUMENTS)],
        [("now", {})],
        [("get_weather", ARGUMENTS), ("now", {})],
    ]
    read = 0
    for name, result in results.items():
        for wanted, parsed in zip(expected, result["parsed"], strict=True):
            if parsed is None or not parsed["calls"]:
                continue
            found = [(call["name"], json.loads(call["arguments"])) for call in parsed["calls"]]
            # Templates of one call an answer write the first alone.
            assert found in (wanted, wanted[:1]), (name, found)
            read += len(found)
    assert read >= 180, read


def test_written_cases_are_sound() -> None:
    """Of tests/bench/tool_calls.py: what a case expects is among what it offers, and fits the tool's schema."""
    table = json.loads((Path(__file__).parents[1] / "fixtures" / "tool_cases.json").read_text())
    schemas = {tool["name"]: tool["parameters"] for tool in table["tools"]}
    assert len(table["cases"]) == 40
    assert {case["expected"]["tool"] for case in table["cases"]} == set(schemas)
    for case in table["cases"]:
        expected = case["expected"]
        assert expected["tool"] in case["tools"]
        assert set(case["tools"]) <= set(schemas)
        for key, value in expected["arguments"].items():
            schema = schemas[expected["tool"]]["properties"][key]
            values = value if isinstance(value, list) and schema["type"] != "array" else [value]
            for each in values:
                Draft202012Validator(schema).validate(each)
