"""What the way costs from a page to the engine and back, without inference; how fast tokens arrive; and a first mask.

    python -m tests.bench.round_trip DIR [--rounds 6] [--tokens 96] [--json FILE]

DIR is a compiled package of a language model. One Chromium with the extension has two pages: one with the runtime in
it, and one that asks the extension. They take turns, on wasm with the same number of threads. A round trip is
``measure("x")`` of a session in the extension's page and ``tokenize("x")`` in the other: both go to the worker, to the
tokenizer and back. The extension lets a site ask some 40 times at once and 4 times a second then, so each round asks 24
times and waits. Tokens are those of one greedy answer, from the call to its end as the page sees it; both pages must
say the same. A first mask is what the time to the first token of an answer grows by with a schema that is new.
Exit code 1 where a goal is missed or an answer differs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from nomoat.browser.local_site import local_site
from nomoat.browser.runner import RunnerPage
from nomoat.server import create_app
from nomoat_compiler.program.package import read_manifest

from tests.bench.constraints import SCHEMAS
from tests.bench.machine import machine
from tests.e2e.conftest import EXTENSION
from tests.e2e.extension_browser import ExtensionBrowser, open_extension
from tests.e2e.local_site import PAGES, LocalSite

GOALS = {"round_trip_ms": 1.0, "extension_token_rate": 0.97, "first_mask_ms": 50.0}
TRIPS = 24
PAUSE_S = TRIPS / 4 + 1
PROMPT = "Tell me a long story about a fox."
IN_PAGE_TRIPS = """async (count) => {
  const times = [];
  for (let i = 0; i < count; i++) {
    const at = performance.now();
    const { result } = await nomoatRunner.tokenize("x");
    times.push(performance.now() - at);
    if (result.length === 0) throw new Error("no tokens");
  }
  return times;
}"""
EXTENSION_TRIPS = """async (count) => {
  const session = await llm.createSession();
  const times = [];
  for (let i = 0; i < count; i++) {
    const at = performance.now();
    const tokens = await session.measure("x");
    times.push(performance.now() - at);
    if (!(tokens > 0)) throw new Error("no tokens");
  }
  session.destroy();
  return times;
}"""
IN_PAGE_ANSWER = """async ([prompt, options]) => {
  const at = performance.now();
  const { result, error } = await nomoatRunner.generate(prompt, options, false);
  if (error) throw new Error(error.message);
  return { ms: performance.now() - at, text: result.text, usage: result.usage };
}"""
EXTENSION_ANSWER = """async ([prompt, options]) => {
  const at = performance.now();
  const generation = llm.generate(prompt, options);
  const text = await generation;
  return { ms: performance.now() - at, text, usage: await generation.usage };
}"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.round_trip", description=__doc__.splitlines()[0])
    parser.add_argument("folder", metavar="DIR", type=Path, help="a compiled package of a language model")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--extension", type=Path, default=EXTENSION / ".output" / "chrome-mv3", help="its build")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the report there")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"--rounds must be at least 1, not {options.rounds}")
    report = {"machine": machine(), "goals": GOALS, **measure(options)}
    print(json.dumps(report, indent=2))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    return 0 if report["same_answers"] and reached(report) else 1


def reached(report: dict[str, Any]) -> bool:
    return (
        max(report["in_page_round_trip_ms"], report["extension_round_trip_ms"]) <= GOALS["round_trip_ms"]
        and report["extension_token_rate"] >= GOALS["extension_token_rate"]
        and report["first_mask_ms"] <= GOALS["first_mask_ms"]
    )


def measure(options: argparse.Namespace) -> dict[str, Any]:
    model_id = str(read_manifest(options.folder)["id"])
    app = create_app([options.folder])
    with (
        tempfile.TemporaryDirectory() as profile,
        local_site(app) as url,
        LocalSite(PAGES) as pages,
        open_extension(options.extension, Path(profile)) as browser,
    ):
        asking = ready_extension(browser, f"{url}/models/{model_id}/", model_id, pages)
        loaded = browser.snapshot()["loaded"]["device"]
        page = browser.context.new_page()
        with_runtime = RunnerPage(page, lambda _phase, _loaded, _total: None)
        with_runtime.open(f"{url}/runner.html", None)
        device = {"device": "wasm", "threads": loaded["threads"]}
        with_runtime.call("load", f"{url}/models/{model_id}/", device)
        return {"model": model_id, "threads": loaded["threads"], **rounds(page, asking, options)}


def ready_extension(browser: ExtensionBrowser, package: str, model_id: str, pages: LocalSite) -> Any:
    """A page that may ask, with the model loaded."""
    browser.install(package, model_id)
    browser.run_on("wasm")
    browser.command("site.set", origin=pages.origin, topOrigin=pages.origin, decision="allow")
    page = browser.open(f"{pages.origin}/asking.html")
    page.evaluate(EXTENSION_ANSWER, [PROMPT, {"maxTokens": 4}])
    return page


def rounds(in_page: Any, asking: Any, options: argparse.Namespace) -> dict[str, Any]:
    trips: dict[str, list[float]] = {"in_page": [], "extension": []}
    rates: list[float] = []
    token_ms: dict[str, list[float]] = {"in_page": [], "extension": []}
    same = True
    greedy = {"temperature": 0, "maxTokens": options.tokens}
    for number in range(options.rounds + 1):
        answers = {}
        order = [("in_page", in_page, IN_PAGE_TRIPS, IN_PAGE_ANSWER)]
        order.append(("extension", asking, EXTENSION_TRIPS, EXTENSION_ANSWER))
        for name, page, ask_trips, ask_answer in order[:: 1 if number % 2 else -1]:
            page.bring_to_front()
            times = page.evaluate(ask_trips, TRIPS)
            answers[name] = page.evaluate(ask_answer, [PROMPT, greedy])
            # In the first round the browser compiles what runs often.
            if number > 0:
                trips[name] += times
                token_ms[name].append(answers[name]["ms"] / answers[name]["usage"]["completionTokens"])
        same = same and answers["in_page"]["text"] == answers["extension"]["text"] != ""
        if number > 0:
            rates.append(token_ms["in_page"][-1] / token_ms["extension"][-1])
        time.sleep(PAUSE_S)
    masks = [first_mask(in_page, question, schema) for question, schema in SCHEMAS.values()][1:]
    return {
        "in_page_round_trip_ms": percentile(trips["in_page"], 0.5),
        "in_page_round_trip_p95_ms": percentile(trips["in_page"], 0.95),
        "extension_round_trip_ms": percentile(trips["extension"], 0.5),
        "extension_round_trip_p95_ms": percentile(trips["extension"], 0.95),
        "in_page_token_ms": percentile(token_ms["in_page"], 0.5),
        "extension_token_ms": percentile(token_ms["extension"], 0.5),
        "extension_token_rate": round(statistics.median(rates), 4),
        "token_rates": [round(rate, 4) for rate in rates],
        "same_answers": same,
        "first_mask_ms": percentile(masks, 0.5),
        "first_mask_largest_ms": percentile(masks, 1.0),
    }


def first_mask(page: Any, question: str, schema: Any) -> float:
    """Milliseconds that the first token comes later with a schema that is new; the least of three without one, for the
    prompt is in the cache of all but the first. The first schema of all also loads the constraint engine.
    """
    one = {"temperature": 0, "maxTokens": 1}
    held = {**one, "responseFormat": {"type": "schema", "schema": schema}}
    plain = [page.evaluate(IN_PAGE_ANSWER, [question, one])["usage"]["ttftMs"] for _ in range(3)]
    answer = page.evaluate(IN_PAGE_ANSWER, [question, held])
    assert answer["text"].strip()[:1] in ("", *'{["-0123456789tfn'), answer["text"]
    return float(answer["usage"]["ttftMs"]) - min(plain[1:])


def percentile(values: list[float], fraction: float) -> float:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(fraction * len(ordered)))], 3)


if __name__ == "__main__":
    raise SystemExit(main())
