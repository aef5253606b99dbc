"""One package, loaded in the runner page (web/runner.html) of a headless Chromium, as Python objects.

Owns the browser, the page and the local server from ``open_model`` to the end of its context.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
from nomoat_compiler.errors import ERROR_CODES, ErrorCode, NomoatError
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page

from nomoat.browser.chromium import Adapter, find_chromium, launch_arguments
from nomoat.browser.device import Device, DeviceInfo
from nomoat.browser.local_site import local_site
from nomoat.browser.session import closing_unless_interrupted, playwright_session
from nomoat.server import create_app
from nomoat.server.site import site_is_built

START_TIMEOUT_MS = 60_000
OnProgress = Callable[[str, int, int], None]  # phase (download, load, compile), loaded, total


@dataclass(frozen=True)
class Generated:
    """One answer with its figures; token ids are the package's own."""

    text: str
    prompt_ids: list[int]
    generated_ids: list[int]
    finish_reason: Literal["stop", "length", "aborted"]
    device: DeviceInfo  # at the end of the answer; "auto" goes on elsewhere when the GPU is lost
    cached_tokens: int  # prompt tokens whose KV was there from an earlier request
    ttft_ms: float
    prefill_tok_per_s: float
    decode_tok_per_s: float


@dataclass(frozen=True)
class Embedded:
    """``embeddings`` float32 (texts, hidden_size), in the order of the texts."""

    embeddings: npt.NDArray[np.float32]
    prompt_tokens: int  # of all texts, special tokens included
    device: DeviceInfo  # at the end


@dataclass(frozen=True)
class BrowserModel:
    """A loaded model. Every method may raise ``NomoatError`` with a code of the runtime."""

    info: Mapping[str, Any]  # ModelInfo of the runtime: id, name, contextLength, ...
    task: Literal["generate", "embed"]  # which of the two methods answers
    device: DeviceInfo  # as it was loaded
    browser_version: str  # "156.0.8078.79"
    load_ms: float
    page: RunnerPage
    adapters: Sequence[str]  # names of those that were loaded beside it
    load_again: Callable[[], float]  # unloads the model, loads it on the same device, gives load_ms

    def generate(
        self,
        prompt: str | Sequence[Mapping[str, str]],
        options: Mapping[str, Any],
        on_text: Callable[[str], None] | None = None,
    ) -> Generated:
        """``options``: the runtime's EngineGenerateOptions without signal. ``on_text`` gets the pieces as they come."""
        if on_text is not None:
            self.page.on_text = on_text
        messages = prompt if isinstance(prompt, str) else list(prompt)
        answer = self.page.call("generate", messages, dict(options), on_text is not None)
        usage = answer["usage"]
        return Generated(
            text=answer["text"],
            prompt_ids=list(usage["promptIds"]),
            generated_ids=list(usage["generatedIds"]),
            finish_reason=usage["finishReason"],
            device=DeviceInfo.from_wire(answer["device"]),
            cached_tokens=usage["cachedTokens"],
            ttft_ms=usage["ttftMs"],
            prefill_tok_per_s=usage["prefillTokPerS"],
            decode_tok_per_s=usage["decodeTokPerS"],
        )

    def embed(self, texts: Sequence[str]) -> Embedded:
        """The embedding of each text; ``context_overflow`` for one that is too long where the model cuts none."""
        answer = self.page.call("embed", list(texts))
        rows = np.frombuffer(base64.b64decode(answer["rows"]), dtype="<f4").reshape(len(texts), -1)
        return Embedded(rows, answer["usage"]["promptTokens"], DeviceInfo.from_wire(answer["device"]))

    def tokenize(self, text: str) -> list[int]:
        """Token ids of ``text``, without a template."""
        return list(self.page.call("tokenize", text))

    def logits(
        self, token_ids: Sequence[int], first_position: int = 0, adapter: Sequence[Mapping[str, Any]] = ()
    ) -> npt.NDArray[np.float32]:
        """Teacher-forced logits float32 (len(token_ids) - first_position, vocab_size); ``adapter``: {name, weight}."""
        encoded = self.page.call("logits", list(token_ids), first_position, list(adapter))
        rows = len(token_ids) - first_position
        return np.frombuffer(base64.b64decode(encoded), dtype="<f4").reshape(rows, -1)

    def measure_bandwidth(self) -> float:
        """What the device reads from memory, measured now, in GB/s (10^9 bytes)."""
        return float(self.page.call("measureBandwidth")["gbPerS"])


class RunnerPage:
    """Calls functions of window.nomoatRunner and hands on the events that it emits."""

    def __init__(self, page: Page, on_progress: OnProgress) -> None:
        self.on_text: Callable[[str], None] = lambda _piece: None
        self._page = page
        self._on_progress = on_progress
        self._failures: list[str] = []
        self._crashed = False
        page.on("pageerror", lambda error: self._failures.append(error.message))
        page.on("crash", lambda _page: setattr(self, "_crashed", True))
        page.expose_function("nomoatEmit", self._receive)

    def open(self, url: str, adapter: Adapter | None) -> None:
        """Goes to the runner page and checks that the adapter asked for is there; None: WebGPU is not needed."""
        try:
            self._page.goto(url, timeout=START_TIMEOUT_MS)
            self._page.wait_for_function("() => Boolean(window.nomoatRunner)", timeout=START_TIMEOUT_MS)
            is_software = False if adapter is None else self._page.evaluate(IS_SOFTWARE_ADAPTER)
        except PlaywrightError as error:
            raise self._failure("open", error) from error
        if is_software is None:
            raise NomoatError(
                "unsupported_device",
                "The browser has no WebGPU adapter. Try --device wasm, which needs none, or --adapter software "
                "(a Chromium without SwiftShader has none).",
            )
        if adapter is Adapter.HARDWARE and is_software:
            raise NomoatError(
                "unsupported_device",
                "The browser found no GPU, only its software adapter. Install the GPU's Vulkan driver, "
                "or use --adapter auto.",
            )

    def call(self, function: str, *arguments: object) -> Any:
        """The result of ``window.nomoatRunner[function](...arguments)``; its errors as ``NomoatError``."""
        try:
            answer = self._page.evaluate(f"(values) => window.nomoatRunner.{function}(...values)", list(arguments))
        except PlaywrightError as error:
            raise self._failure(function, error) from error
        if "error" in answer:
            raise rebuilt(answer["error"])
        return answer["result"]

    def _receive(self, event: Mapping[str, Any]) -> None:
        value = event["value"]
        if event["type"] == "text":
            self.on_text(value)
        else:
            self._on_progress(value["phase"], int(value["loaded"]), int(value["total"]))

    def _failure(self, what: str, error: PlaywrightError) -> NomoatError:
        """What the runner page could not say itself: it crashed, the browser went away, or its script failed."""
        if self._crashed or "crashed" in error.message.lower():
            return NomoatError(
                "out_of_memory",
                f"The browser's page crashed during {what}, most often for want of memory. Close other programs, or "
                "compile with fewer bits or a smaller --context-length.",
            )
        if "closed" in error.message.lower():
            return NomoatError("device_lost", f"The browser went away during {what}. Run the command again.")
        cause = self._failures[0] if self._failures else error.message.splitlines()[0]
        return NomoatError("internal", f"The runner page failed during {what}: {cause}")


# true: SwiftShader or the like; false: a GPU; null: no adapter.
IS_SOFTWARE_ADAPTER = """async () => {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) return null;
  return adapter.info.isFallbackAdapter || /swiftshader|llvmpipe/i.test(adapter.info.architecture);
}"""


@contextmanager
def open_model(
    folder: Path,
    *,
    device: Device = Device.AUTO,
    threads: int | None = None,
    adapter: Adapter = Adapter.AUTO,
    lora: Sequence[Path] = (),
    on_progress: OnProgress = lambda _phase, _loaded, _total: None,
) -> Iterator[BrowserModel]:
    """The package in ``folder``, loaded and ready. The browser is closed however the context ends.

    ``lora``: packages of adapters that are loaded beside it, by their ids.

    ``threads`` are those of wasm; None: as many as the runtime finds good. An ``adapter`` other than AUTO is a wish
    for WebGPU, so it decides where ``device`` does not.

    Raises ``NomoatError``: ``unsupported_device`` without Chromium or an adapter, and what the runtime reports.
    """
    if device is Device.AUTO and adapter is not Adapter.AUTO:
        device = Device.WEBGPU
    chromium = find_chromium()
    app = create_app([folder, *lora])
    if not site_is_built():
        raise NomoatError("internal", "The runner page is not built. In a checkout, run: npm run build -w web")
    model_id, *adapters = app.state.packages
    with ExitStack() as stack:
        base_url = stack.enter_context(local_site(app))
        browser = stack.enter_context(headless_browser(chromium, adapter))
        page = RunnerPage(browser.new_page(), on_progress)
        page.open(f"{base_url}/runner.html", adapter if device is Device.WEBGPU else None)
        options = {"device": device.value} | ({} if threads is None else {"threads": threads})

        def load() -> Any:
            return page.call("load", f"{base_url}/models/{model_id}/", options)

        loaded = load()
        for name in adapters:
            page.call("loadAdapter", f"{base_url}/models/{name}/", name)
        yield BrowserModel(
            info=loaded["info"],
            task=loaded["task"],
            device=DeviceInfo.from_wire(loaded["device"]),
            browser_version=browser.version,
            load_ms=loaded["loadMs"],
            page=page,
            adapters=adapters,
            load_again=lambda: float(load()["loadMs"]),
        )


@contextmanager
def headless_browser(chromium: Path, adapter: Adapter) -> Iterator[Any]:
    with playwright_session() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=chromium, headless=True, args=launch_arguments(adapter), timeout=START_TIMEOUT_MS
            )
        except PlaywrightError as error:
            raise NomoatError(
                "unsupported_device",
                f"{chromium} did not start: {error.message.splitlines()[0]}. Try it by hand, or set NOMOAT_CHROMIUM.",
            ) from error
        with closing_unless_interrupted(browser):
            yield browser


def rebuilt(wire: Mapping[str, Any]) -> NomoatError:
    """The error that crossed from the page as {code, message, detail}."""
    code = wire.get("code")
    if code not in ERROR_CODES:
        return NomoatError("internal", f"The runner page reported an unknown error: {wire.get('message')}")
    return NomoatError(cast(ErrorCode, code), str(wire.get("message")), **(wire.get("detail") or {}))
