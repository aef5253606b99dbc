"""Which device runs a model: the caller's wish, what is reported to the caller, and what is refused. Needs Chromium.

The runner page in the browser's software adapter, and the command line on top of it. That each device computes the
right thing is proved in tests/parity.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nomoat.browser.local_site import local_site
from nomoat.browser.runner import RunnerPage
from nomoat.server import create_app
from nomoat_compiler.errors import NomoatError
from playwright.sync_api import Browser

from tests.conftest import PackageOf
from tests.e2e.conftest import ENDLESS
from tests.e2e.devices import needs, on_each_device
from tests.e2e.nomoat_process import nomoat, nomoat_json

pytestmark = pytest.mark.browser
PROMPT = "What is the capital of France?"
GREEDY = {"temperature": 0, "maxTokens": 12}


@pytest.fixture(scope="module")
def site(tiny_package: PackageOf) -> Iterator[str]:
    with local_site(create_app([tiny_package("f32"), tiny_package("q4")])) as url:
        yield url


class Runner:
    """A runner page, and the addresses of the tiny Llama's packages."""

    def __init__(self, page: RunnerPage, site: str) -> None:
        self.page = page
        self.site = site

    def load(self, quantization: str = "f32", **options: object) -> dict[str, Any]:
        """The DeviceInfo of the loaded model."""
        loaded = self.page.call("load", f"{self.site}/models/tiny_llama-{quantization}/", options)
        device: dict[str, Any] = loaded["device"]
        return device


@pytest.fixture
def runner(chromium: Browser, site: str) -> Iterator[Runner]:
    context = chromium.new_context()
    page = RunnerPage(context.new_page(), lambda _phase, _loaded, _total: None)
    page.open(f"{site}/runner.html", None)
    yield Runner(page, site)
    context.close()


@on_each_device
def test_the_wish_is_met_and_reported(runner: Runner, device: str) -> None:
    info = runner.load(device=device)
    assert set(info) == {"device", "adapter", "software", "threads", "weightBytesPerToken", "doubts"}
    assert info["device"] == device
    assert info["adapter"] != ""
    assert info["software"] is (device == "webgpu")
    assert (info["threads"] is None) == (device == "webgpu")
    usage = runner.page.call("generate", PROMPT, GREEDY)["usage"]
    assert (usage["device"], usage["threads"]) == (device, info["threads"])


@on_each_device
def test_weights_per_token_follow_the_quantization(runner: Runner, device: str) -> None:
    by_quantization = {q: runner.load(q, device=device)["weightBytesPerToken"] for q in ("f32", "q4")}
    # The tiny Llama has 0.44 million parameters; a token reads all of them, and one row of a tied embedding is small.
    assert 4 * 400_000 < by_quantization["f32"] < 4 * 500_000
    assert 4 < by_quantization["f32"] / by_quantization["q4"] < 8


@on_each_device
def test_bandwidth_is_measured(runner: Runner, device: str) -> None:
    runner.load(device=device)
    first, second = (runner.page.call("measureBandwidth")["gbPerS"] for _ in range(2))
    # What any machine reads: more than a floppy disk and less than the largest accelerator of the day.
    assert 0.05 < min(first, second) <= max(first, second) < 20_000
    # The model still answers.
    assert runner.page.call("generate", PROMPT, GREEDY)["usage"]["generatedIds"] != []


def test_auto_is_wasm_where_the_only_adapter_is_software(runner: Runner) -> None:
    needs("wasm")
    assert runner.load()["device"] == "wasm"
    assert runner.load(device="auto")["device"] == "wasm"


def test_moving_between_devices_in_one_page(runner: Runner) -> None:
    needs("wasm")
    needs("webgpu")
    answers = {}
    for device in ("wasm", "webgpu", "wasm"):
        assert runner.load(device=device)["device"] == device
        ids = runner.page.call("generate", PROMPT, GREEDY)["usage"]["generatedIds"]
        # The trained tiny Llama's margins are wide: what wasm rounds in its cache changes no token.
        assert answers.setdefault("ids", ids) == ids


def test_wasm_with_every_number_of_threads_gives_the_same_answer(runner: Runner) -> None:
    needs("wasm")
    answers = []
    for threads in (1, 2):
        assert runner.load("q4", device="wasm", threads=threads)["threads"] == threads
        answers.append(runner.page.call("generate", PROMPT, GREEDY)["usage"]["generatedIds"])
    assert answers[0] == answers[1] != []


@pytest.mark.parametrize("threads", [0, -1, 1.5, 65, 100_000, "2"])
@pytest.mark.parametrize("wish", ["auto", "wasm"])
def test_unsupported_thread_counts_are_refused(runner: Runner, wish: str, threads: object) -> None:
    with pytest.raises(NomoatError) as caught:
        runner.load(device=wish, threads=threads)
    assert caught.value.code == "invalid_request"
    assert "threads" in caught.value.message


def test_webgpu_has_no_threads_to_choose(runner: Runner, device: str) -> None:
    with pytest.raises(NomoatError) as caught:
        runner.load(device="webgpu", threads=2)
    assert caught.value.code == "invalid_request"
    # Nothing is left behind that would be in the way.
    assert runner.load(device=device)["device"] == device


@pytest.mark.parametrize("device", ["cpu", "WASM", "", None, 1])
def test_unknown_devices_are_refused(runner: Runner, device: object) -> None:
    with pytest.raises(NomoatError) as caught:
        runner.load(device=device)
    assert caught.value.code == "invalid_request"
    assert "device" in caught.value.message


def test_unknown_load_options_are_refused(runner: Runner) -> None:
    with pytest.raises(NomoatError) as caught:
        runner.load(treads=2)
    assert caught.value.code == "invalid_request"
    assert "treads" in caught.value.message


@on_each_device
def test_bench_reports_the_device_and_checks_its_outputs(endless_package: Path, device: str) -> None:
    options = ("--device", device, "--prompt-tokens", "20", "--tokens", "8", "--runs", "2")
    figures = nomoat_json("bench", endless_package, *options)
    assert figures["device"] == device
    assert (figures["threads"] is None) == (device == "webgpu")
    assert (figures["model"], figures["prompt_tokens"], figures["tokens"], figures["runs"]) == (ENDLESS, 20, 8, 2)
    assert figures["completion_tokens"] == [8, 8]
    for name in ("load_ms", "ttft_ms", "prefill_tok_per_s", "decode_tok_per_s"):
        assert 0 < figures[name]["min"] <= figures[name]["median"] <= figures[name]["max"]
    reached = figures["weight_bytes_per_token"] * figures["decode_tok_per_s"]["median"] / 1e9
    assert figures["gb_per_s"] == pytest.approx(reached)
    assert figures["roofline_share"] == pytest.approx(reached / figures["roofline_gb_per_s"])
    assert figures["commit"] != ""
    assert figures["browser"][0].isdigit()


def test_bench_for_people(endless_package: Path, device: str) -> None:
    result = nomoat("bench", endless_package, "--device", device, "--tokens", "4", "--runs", "1")
    assert result.returncode == 0, result.stderr
    for words in (ENDLESS, device, "Decode, tokens/s", "Load, ms", "GB/s", "1 runs of 42 + 4 tokens"):
        assert words in " ".join(result.stdout.split())


def test_bench_refuses_more_than_the_context(tiny_package: PackageOf, device: str) -> None:
    result = nomoat("bench", tiny_package("q4"), "--device", device, "--prompt-tokens", "500", "--json")
    assert result.returncode == 1
    assert json.loads(result.stdout)["error"]["code"] == "invalid_request"


def test_threads_reach_the_engine(tiny_package: PackageOf) -> None:
    needs("wasm")
    options = ("--device", "wasm", "--threads", "1", "--max-tokens", "4", "--temperature", "0")
    generated = nomoat_json("generate", tiny_package("q4"), PROMPT, *options)
    assert (generated["device"], generated["threads"]) == ("wasm", 1)
    result = nomoat("generate", tiny_package("q4"), PROMPT, "--device", "wasm", "--threads", "100000", "--json")
    assert result.returncode == 1
    assert json.loads(result.stdout)["error"]["code"] == "invalid_request"


@pytest.mark.slow
def test_smollm2_on_wasm(smollm2_package: PackageOf) -> None:
    """The one real model of this tier: on the CPU, because the software adapter takes a second per token."""
    needs("wasm")
    options = ("--device", "wasm", "--max-tokens", "24", "--temperature", "0")
    generated = nomoat_json("generate", smollm2_package("q4"), f"{PROMPT} Answer in one short sentence.", *options)
    assert "Paris" in generated["text"]
    assert generated["device"] == "wasm"
