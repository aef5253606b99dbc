"""The browser's GPU process dies under a model: a stream goes on on the CPU, and whoever comes later is answered. Needs
Chromium; WebGPU is its software adapter, which says that it is a GPU."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import numpy as np
import pytest
from nomoat.browser import Adapter, find_chromium
from nomoat.browser.chromium import launch_arguments
from nomoat.browser.local_site import local_site
from nomoat.browser.runner import RunnerPage
from nomoat.browser.session import playwright_session
from nomoat.server import create_app
from playwright.sync_api import Browser, Page

from tests.e2e.altered_worker import GPU_IN_DISGUISE, alter_worker
from tests.e2e.devices import needs
from tests.limits import WAIT_MS, WAIT_S
from tests.parity.package_browser import decode_logits
from tests.patient_browser import patient

pytestmark = pytest.mark.browser
PROMPT = "What comes after four?"
GREEDY = {"temperature": 0, "repetitionPenalty": 1}
TOKENS = 800
# Chromium takes WebGPU from pages that lost it twice; here each loss is another test's.
UNLIMITED_CRASHES = ("--disable-gpu-process-crash-limit", "--disable-domain-blocking-for-3d-apis")
# Of the text, before the GPU is lost: more than one submit, and far from the end.
CHARACTERS_BEFORE = 40
# Tokens that WebGPU alone computes, to compare with what came before.
REFERENCE_TOKENS = 48
FEW_TOKENS = 8
# By how much the greedy token of one device may be below the best one of the other.
ROUNDING = 0.05
START = """([method, ...values]) => {
  window.answered = null;
  void window.nomoatRunner[method](...values).then((answer) => { window.answered = answer });
}"""


@pytest.fixture(autouse=True)
def both_devices() -> None:
    needs("webgpu")
    needs("wasm")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    arguments = [*launch_arguments(Adapter.SOFTWARE), *UNLIMITED_CRASHES]
    with playwright_session() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=arguments, timeout=WAIT_MS)
        yield patient(browser)
        browser.close()


@pytest.fixture(scope="module")
def model_url(endless_package: Path) -> Iterator[str]:
    app = create_app([endless_package])
    with local_site(app) as url:
        yield f"{url}/models/{next(iter(app.state.packages))}/"


@dataclass
class Runner:
    """A runner page whose engine takes the software adapter for a GPU."""

    browser: Browser
    page: Page
    runner: RunnerPage
    model_url: str
    phases: list[str]
    pieces: list[str] = field(default_factory=list)

    def load(self, device: str) -> str:
        """The device that the model is on."""
        loaded: str = self.runner.call("load", self.model_url, {"device": device})["device"]["device"]
        return loaded

    def generate(self, tokens: int, partition: str) -> dict[str, Any]:
        options = {**GREEDY, "maxTokens": tokens, "partition": partition}
        answer: dict[str, Any] = self.runner.call("generate", PROMPT, options, False)
        return answer

    def start(self, method: str, *values: object) -> None:
        """A call that goes on while the test does; ``pieces`` and ``phases`` grow while it waits for the page."""
        self.runner.on_text = self.pieces.append
        self.page.evaluate(START, [method, *values])

    def wait_for(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < deadline, "".join(self.pieces)
            self.page.wait_for_timeout(5)

    def answered(self) -> dict[str, Any]:
        """What became of the call: {result} or {error}."""
        self.wait_for(lambda: self.page.evaluate("Boolean(window.answered)"))
        answer: dict[str, Any] = self.page.evaluate("window.answered")
        return answer

    def crash_gpu(self) -> None:
        self.browser.new_browser_cdp_session().send("Browser.crashGpuProcess")

    def margins(self, usage: dict[str, Any]) -> np.ndarray:
        """How far each generated token is below the best one, as the device computes it now from the same tokens."""
        prompt_ids, generated_ids = usage["promptIds"], usage["generatedIds"]
        logits = decode_logits(self.runner, [*prompt_ids, *generated_ids[:-1]], len(prompt_ids) - 1)
        chosen = logits[np.arange(len(generated_ids)), generated_ids]
        margins: np.ndarray = logits.max(axis=1) - chosen
        return margins


@pytest.fixture
def runner(chromium: Browser, model_url: str) -> Iterator[Runner]:
    context = chromium.new_context()
    alter_worker(context, GPU_IN_DISGUISE)
    page = context.new_page()
    phases: list[str] = []
    runner_page = RunnerPage(page, lambda phase, _loaded, _total: phases.append(phase))
    runner_page.open(urljoin(model_url, "/runner.html"), None)
    yield Runner(chromium, page, runner_page, model_url, phases)
    context.close()


def test_a_stream_goes_on_on_the_cpu(runner: Runner) -> None:
    assert runner.load("auto") == "webgpu"
    reference = runner.generate(REFERENCE_TOKENS, "reference")
    assert reference["device"]["device"] == "webgpu"

    runner.start("generate", PROMPT, {**GREEDY, "maxTokens": TOKENS, "partition": "stream"})
    runner.wait_for(lambda: len("".join(runner.pieces)) >= CHARACTERS_BEFORE)
    before = "".join(runner.pieces)
    runner.crash_gpu()
    answer = runner.answered()

    assert "error" not in answer
    text, usage = answer["result"]["text"], answer["result"]["usage"]
    assert (usage["completionTokens"], usage["finishReason"]) == (TOKENS, "length")
    assert usage["device"] == answer["result"]["device"]["device"] == "wasm"
    # Nothing is lost, sent twice or changed: what was there before is WebGPU's text, and the answer begins with it.
    compared = min(len(before), len(reference["text"]))
    assert before[:compared] == reference["text"][:compared]
    assert len(before) < len(text)
    assert text.startswith(before)
    runner.wait_for(lambda: len("".join(runner.pieces)) >= len(text))
    assert "".join(runner.pieces) == text
    # The rest is the CPU's greedy text from the same tokens.
    assert runner.margins(usage).max() <= ROUNDING
    # The model stays there.
    assert runner.generate(FEW_TOKENS, "next")["device"]["device"] == "wasm"


@pytest.mark.parametrize("pause_ms", [0, 500])
def test_lost_while_idle_the_next_request_is_answered(runner: Runner, pause_ms: int) -> None:
    """At once, the engine may not know yet; later, it looks for a device again and may find either."""
    assert runner.load("auto") == "webgpu"
    first = runner.generate(FEW_TOKENS, "first")
    runner.crash_gpu()
    runner.page.wait_for_timeout(pause_ms)
    second = runner.generate(2 * FEW_TOKENS, "second")
    assert second["usage"]["completionTokens"] == 2 * FEW_TOKENS
    assert second["text"].startswith(first["text"])
    assert runner.margins(second["usage"]).max() <= ROUNDING


def test_lost_while_loading_the_model_is_loaded_on_the_cpu(runner: Runner) -> None:
    runner.start("load", runner.model_url, {"device": "auto"})
    # The device is open, the model is not on it yet.
    runner.wait_for(lambda: "compile" in runner.phases)
    runner.crash_gpu()
    answer = runner.answered()
    assert "error" not in answer
    assert answer["result"]["device"]["device"] == "wasm"
    assert runner.generate(FEW_TOKENS, "next")["usage"]["completionTokens"] == FEW_TOKENS
