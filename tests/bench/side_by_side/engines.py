"""The engines: which page or process each is, what it loads, and what has to be installed first.

An engine is opened afresh for every round: a new browser context, where nothing is stored, or a new process.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gguf
from playwright.sync_api import Browser

from tests.bench.side_by_side.install import NODE_MODULES, ONNX_MODEL, PEERS, VENV_PYTHON
from tests.bench.side_by_side.models import BenchModel
from tests.bench.side_by_side.site import GGUF_PATH

LOAD_TIMEOUT_MS = 180_000
ANSWER_TIMEOUT_S = 300
GGUF_FIDELITY = "the GGUF's own blocks"


@dataclass(frozen=True)
class Engine:
    """``package`` is the folder in node_modules, or the PyPI package; ``page`` is None outside the browser."""

    name: str
    label: str
    package: str
    weights: str
    page: str | None
    options: Mapping[str, Any] = field(default_factory=dict)
    onnx_file: str | None = None


NOMOAT = Engine("nomoat", "NoMoat, wasm", "@nomoat/runtime", GGUF_FIDELITY, "/nomoat/", {"device": "wasm"})
ENGINES: dict[str, Engine] = {
    engine.name: engine
    for engine in (
        NOMOAT,
        Engine("llama.cpp", "llama.cpp, native", "xllamacpp", GGUF_FIDELITY, None),
        Engine(
            "transformers.js-q8",
            "transformers.js q8, wasm",
            "@huggingface/transformers",
            "8 bits, one scale per tensor",
            "/peers/page.html?engine=transformers-js",
            {"dtype": "q8"},
            "model_quantized.onnx",
        ),
        Engine(
            "transformers.js-q4",
            "transformers.js q4, wasm",
            "@huggingface/transformers",
            "4 bits, blocks of 32, requantized",
            "/peers/page.html?engine=transformers-js",
            {"dtype": "q4"},
            "model_q4.onnx",
        ),
        Engine("wllama-2", "wllama 2, wasm", "wllama-2", GGUF_FIDELITY, "/peers/page.html?engine=wllama-2"),
        Engine("wllama-3.8", "wllama 3.8, wasm", "wllama-3.8", GGUF_FIDELITY, "/peers/page.html?engine=wllama-3.8"),
        Engine("wllama-3.13", "wllama 3.13, wasm", "wllama-3.13", GGUF_FIDELITY, "/peers/page.html?engine=wllama-3.13"),
    )
}


@dataclass(frozen=True)
class Place:
    """Where engines run: the browser, the site that it opens, and the files behind it."""

    browser: Browser
    base_url: str
    gguf_file: Path
    context_length: int


class Opened:
    """A loaded engine. ``info`` is what its load reported: load_ms, build, threads, and for ours the device."""

    def __init__(self, info: Mapping[str, Any], call: Callable[[str, Mapping[str, Any]], Any]) -> None:
        self.info = info
        self._call = call

    def generate(self, prompt: str, max_tokens: int) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._call("generate", {"prompt": prompt, "maxTokens": max_tokens})
        return answer

    def bandwidth(self) -> float | None:
        """Streaming reads in GB/s as the engine measures them with its own threads; None where it cannot."""
        gb_per_s: float | None = self._call("bandwidth", {})
        return gb_per_s


@contextmanager
def opened(engine: Engine, threads: int, place: Place) -> Iterator[Opened]:
    """``engine`` with the model loaded on ``threads`` threads."""
    options = {
        "threads": threads,
        "contextLength": place.context_length,
        "ggufUrl": place.base_url + GGUF_PATH,
        "ggufPath": str(place.gguf_file),
        # A path: transformers.js looks for a tokenizer behind an address on the hub only.
        "onnxBasePath": "/onnx/",
        "onnxModel": ONNX_MODEL,
        "packageUrl": f"{place.base_url}/package/",
        **engine.options,
    }
    with native(options) if engine.page is None else in_page(place, engine.page, options) as session:
        yield session


# Playwright itself waits forever.
CALL = """([name, argument, seconds]) => Promise.race([
  window.bench[name](argument),
  new Promise((_, fail) => setTimeout(() => fail(new Error(`${name} took more than ${seconds} s`)), 1000 * seconds)),
])"""


@contextmanager
def in_page(place: Place, path: str, options: Mapping[str, Any]) -> Iterator[Opened]:
    context = place.browser.new_context()
    try:
        page = context.new_page()
        page.set_default_timeout(LOAD_TIMEOUT_MS)
        page.goto(place.base_url + path)
        page.wait_for_function("() => Boolean(window.bench) && crossOriginIsolated")

        def call(function: str, argument: Mapping[str, Any]) -> Any:
            return page.evaluate(CALL, [function, argument, ANSWER_TIMEOUT_S])

        yield Opened(call("load", options), call)
    finally:
        context.close()


@contextmanager
def native(options: Mapping[str, Any]) -> Iterator[Opened]:
    command = [str(VENV_PYTHON), str(PEERS / "llama_cpp.py")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    requests, answers = process.stdin, process.stdout
    assert requests is not None and answers is not None

    def call(function: str, argument: Mapping[str, Any]) -> Any:
        if function == "bandwidth":
            return None
        print(json.dumps({function: argument}), file=requests, flush=True)
        line = answers.readline()
        if not line:
            raise RuntimeError(f"the process of llama.cpp ended during {function}")
        return json.loads(line)

    try:
        yield Opened(call("load", options), call)
    finally:
        process.kill()
        process.wait(ANSWER_TIMEOUT_S)


def weight_bytes_per_token(engine: Engine, model: BenchModel, onnx: Mapping[str, int]) -> int:
    """Bytes of stored weights that a decoded token reads: all, but an embedding that is not the head too."""
    if engine.onnx_file is not None:
        return onnx[engine.onnx_file]
    unread = set() if model.embedding_is_read else {"token_embd.weight"}
    return sum(int(t.n_bytes) for t in gguf.GGUFReader(model.gguf()).tensors if t.name not in unread)


def release_of(engine: Engine) -> str:
    """The package and its version; ours is that of the commit."""
    if engine.page is None:
        asked = f"from importlib.metadata import version; print(version({engine.package!r}))"
        done = subprocess.run([VENV_PYTHON, "-c", asked], check=True, capture_output=True, text=True)
        return f"{engine.package} {done.stdout.strip()}"
    if engine is NOMOAT:
        return "this commit"
    package = json.loads((NODE_MODULES / engine.package / "package.json").read_text())
    return f"{package['name']} {package['version']}"
