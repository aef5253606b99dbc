"""One model in one page of the headless browser: several requests at once, their events, aborts, and its death.

The page is web/runner.html. ``nomoatRunner.request`` runs one request and gives {result} or {error}; what comes before
goes through the binding ``nomoatEvents`` as a list of [id, event], so that many small pieces cross in few calls.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from typing import Any

from nomoat_compiler.errors import NomoatError
from playwright.async_api import Browser, Page
from playwright.async_api import Error as PlaywrightError

from nomoat.browser.runner import START_TIMEOUT_MS, rebuilt

START_REQUEST = "([id, method, params]) => window.nomoatRunner.request(id, method, params)"
ABORT = "(id) => window.nomoatRunner.abort(id)"
LOAD = "([url, options]) => window.nomoatRunner.load(url, options)"
LOAD_ADAPTER = "([url, name]) => window.nomoatRunner.loadAdapter(url, name)"


class EnginePage:
    """A page with a loaded model. ``died`` is set once it can answer no more."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._ids = itertools.count(1)
        self._events: dict[int, asyncio.Queue[Any]] = {}
        self.died = asyncio.Event()
        self.users = 0  # requests that were given this page
        page.on("crash", lambda _page: self.died.set())
        page.on("close", lambda _page: self.died.set())

    @classmethod
    async def open(
        cls, browser: Browser, base_url: str, model_id: str, adapters: Sequence[str], options: dict[str, Any]
    ) -> EnginePage:
        """Raises ``NomoatError`` of the runtime where the model does not load."""
        page = await browser.new_page()
        opened = cls(page)
        try:
            await page.expose_function("nomoatEvents", opened._receive)
            await page.goto(f"{base_url}/runner.html", timeout=START_TIMEOUT_MS)
            await page.wait_for_function("() => Boolean(window.nomoatRunner)", timeout=START_TIMEOUT_MS)
            await opened._evaluate(LOAD, [f"{base_url}/models/{model_id}/", options])
            for name in adapters:
                await opened._evaluate(LOAD_ADAPTER, [f"{base_url}/models/{name}/", name])
        except BaseException:
            await opened.close()
            raise
        return opened

    async def stream(self, method: str, params: Any) -> AsyncGenerator[tuple[str, Any], None]:
        """("event", value) of each event, then ("result", value). Leaving it early aborts the request in the page.

        Raises ``NomoatError``: the request's own, or ``device_lost`` where the page or the browser died.
        """
        request_id = next(self._ids)
        events: asyncio.Queue[Any] = asyncio.Queue()
        self._events[request_id] = events
        answer = asyncio.ensure_future(self._evaluate(START_REQUEST, [request_id, method, params]))
        # Events and the answer come through one connection in order, so the answer may mark the end in the queue.
        answer.add_done_callback(lambda _done: events.put_nowait(None))
        try:
            while True:
                event = await events.get()
                if event is None:
                    break
                yield "event", event[0]
            yield "result", answer.result()
        finally:
            del self._events[request_id]
            if not answer.done():
                await self._abort(request_id)
                answer.cancel()

    async def call(self, method: str, params: Any) -> Any:
        """The result of a request without its events."""
        result = None
        async for kind, value in self.stream(method, params):
            if kind == "result":
                result = value
        return result

    async def close(self) -> None:
        self.died.set()
        with suppress(PlaywrightError):  # it is gone already
            await self._page.close()

    def _receive(self, batch: Sequence[Sequence[Any]]) -> None:
        for request_id, event in batch:
            if queue := self._events.get(request_id):
                queue.put_nowait((event,))

    async def _abort(self, request_id: int) -> None:
        if self.died.is_set():
            return
        with suppress(PlaywrightError):  # who is dead computes nothing
            await self._page.evaluate(ABORT, request_id)

    async def _evaluate(self, script: str, values: Any) -> Any:
        """The result of a call of the runner page, unless the page dies first."""
        call = asyncio.ensure_future(self._page.evaluate(script, values))
        death = asyncio.ensure_future(self.died.wait())
        try:
            await asyncio.wait({call, death}, return_when=asyncio.FIRST_COMPLETED)
            if not call.done():
                raise self._death()
            try:
                answer = call.result()
            except PlaywrightError as error:
                if self.died.is_set() or "closed" in error.message.lower() or "crashed" in error.message.lower():
                    self.died.set()
                    raise self._death() from error
                raise NomoatError("internal", f"The runner page failed: {error.message.splitlines()[0]}") from error
        finally:
            death.cancel()
            call.cancel()
        if "error" in answer:
            raise rebuilt(answer["error"])
        return answer["result"]

    def _death(self) -> NomoatError:
        return NomoatError(
            "device_lost",
            "The browser that computes the answers went away and is started again. Send the request again.",
        )
