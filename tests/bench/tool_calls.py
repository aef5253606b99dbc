"""Which tool a small model picks: 40 written cases on Qwen2.5-Coder-0.5B on the CPU device, through the chat API.

    python -m tests.bench.tool_calls [--cases 10] [--choice auto required]

Each case offers three tools, of which one is right (tests/fixtures/tool_cases.json). Under `required` the constraint
forces a call; under `auto` the model may answer with text. Counted are: answers that call, the right tool, the expected
values among its arguments, and arguments that are valid against their schema, which must be all of them. Greedy.
Prints JSON; the exit code is 1 where a call has invalid arguments, a name that was not offered, or is missing under
`required`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from jsonschema import Draft202012Validator
from nomoat.browser import Device, open_model
from nomoat.browser.runner import BrowserModel

from tests.fixtures.packages import ROOT, compiled
from tests.fixtures.real_models import QWEN, fetched

CASES = ROOT / "tests" / "fixtures" / "tool_cases.json"
MAX_TOKENS = 256


def main() -> int:
    about = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m tests.bench.tool_calls", description=about)
    parser.add_argument("--cases", type=int, default=40, help="only the first ones")
    parser.add_argument("--choice", nargs="+", default=["auto", "required"], choices=["auto", "required"])
    options = parser.parse_args()
    table = json.loads(CASES.read_text())
    tools = {tool["name"]: tool for tool in table["tools"]}
    package = compiled(fetched(QWEN), "q4", name="qwen2.5-coder-0.5b")
    with open_model(package, device=Device.WASM) as model:
        report = {choice: measure(model, tools, table["cases"][: options.cases], choice) for choice in options.choice}
    print(json.dumps(report, indent=1))
    return int(any(figures["faults"] for figures in report.values()))


def measure(
    model: BrowserModel, tools: dict[str, dict[str, Any]], cases: Sequence[dict[str, Any]], choice: str
) -> dict[str, Any]:
    """{"cases", "called", "right_tool", "right_arguments", "valid", "faults": [...], "misses": [...]}."""
    figures: dict[str, Any] = {"cases": len(cases), "called": 0, "right_tool": 0, "right_arguments": 0, "valid": 0}
    faults: list[dict[str, Any]] = []
    misses: list[dict[str, Any]] = []
    for case in cases:
        request = {
            "messages": [{"role": "user", "content": case["question"]}],
            "tools": [{"type": "function", "function": tools[name]} for name in case["tools"]],
            "tool_choice": choice,
            "parallel_tool_calls": False,
            "temperature": 0,
            "max_completion_tokens": MAX_TOKENS,
        }
        [answer] = model.page.call("chat", request)["choices"]
        calls = answer["message"].get("tool_calls") or []
        if not calls:
            (faults if choice == "required" else misses).append({"question": case["question"], "got": answer})
            continue
        figures["called"] += 1
        [call] = calls
        fault = fault_of(call["function"], case, tools)
        figures["valid"] += fault is None
        if fault is not None:
            faults.append({"question": case["question"], "got": call["function"], "fault": fault})
            continue
        is_right = call["function"]["name"] == case["expected"]["tool"]
        has_values = is_right and expected_values(json.loads(call["function"]["arguments"]), case)
        figures["right_tool"] += is_right
        figures["right_arguments"] += has_values
        if not has_values:
            misses.append({"question": case["question"], "got": call["function"]})
    return {**figures, "faults": faults, "misses": misses}


def fault_of(function: dict[str, str], case: dict[str, Any], tools: dict[str, dict[str, Any]]) -> str | None:
    """What no call may have under a constraint."""
    if function["name"] not in case["tools"]:
        return "the tool was not offered"
    try:
        arguments = json.loads(function["arguments"])
    except ValueError as error:
        return f"the arguments are no JSON: {error}"
    errors = Draft202012Validator(tools[function["name"]]["parameters"]).iter_errors(arguments)
    return next((error.message for error in errors), None)


def expected_values(arguments: dict[str, Any], case: dict[str, Any]) -> bool:
    """Whether the arguments hold what the question says; a list means any of these, unless a list is wanted."""
    for key, wanted in case["expected"]["arguments"].items():
        got = arguments.get(key)
        options = wanted if isinstance(wanted, list) and not isinstance(got, list) else [wanted]
        if not any(alike(got, option) for option in options):
            return False
    return True


def alike(got: object, wanted: object) -> bool:
    if isinstance(got, str) and isinstance(wanted, str):
        return got.strip().casefold() == wanted.strip().casefold()
    if isinstance(got, list) and isinstance(wanted, list):
        return len(got) == len(wanted) and all(alike(a, b) for a, b in zip(got, wanted, strict=True))
    return got == wanted


if __name__ == "__main__":
    sys.exit(main())
