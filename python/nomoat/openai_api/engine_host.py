"""The headless browser behind the server: started at the first request, again after it died, closed at the end.

Owns the browser and its pages, each with one loaded model. At most ``most_loaded`` models are in memory: the one that
was not asked for the longest gives way as soon as its requests are answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from nomoat_compiler.errors import NomoatError
from playwright.async_api import Browser, Playwright, async_playwright
from playwright.async_api import Error as PlaywrightError

from nomoat.browser.chromium import Adapter, find_chromium, launch_arguments
from nomoat.browser.runner import START_TIMEOUT_MS
from nomoat.openai_api.engine_page import EnginePage


class EngineHost:
    """``adapters``: of each model, the ids of those that are loaded beside it. ``load_options``: {device, threads}."""

    def __init__(
        self,
        adapter: Adapter,
        load_options: Mapping[str, Any],
        adapters: Mapping[str, Sequence[str]],
        most_loaded: int = 1,
    ) -> None:
        self._adapter = adapter
        self._load_options = dict(load_options)
        self._adapters = adapters
        self._most_loaded = most_loaded
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._pages: dict[str, EnginePage] = {}  # the one that was asked for last stands last
        # One load at a time: two would fight for memory and threads.
        self._loading = asyncio.Lock()
        self._freed = asyncio.Condition()

    @asynccontextmanager
    async def model(self, model_id: str, base_url: str) -> AsyncIterator[EnginePage]:
        """The loaded model; it stays loaded until the context ends. Raises ``NomoatError`` where it does not load.

        ``base_url``: where this server reaches itself.
        """
        page = await self._loaded(model_id, base_url)
        page.users += 1
        try:
            yield page
        finally:
            page.users -= 1
            async with self._freed:
                self._freed.notify_all()

    async def close(self) -> None:
        for page in self._pages.values():
            page.died.set()
        self._pages.clear()
        await self._close_browser()
        if self._playwright is not None:
            await self._playwright.stop()
            self._playwright = None

    async def _loaded(self, model_id: str, base_url: str) -> EnginePage:
        page = self._alive(model_id)
        if page is None:
            async with self._loading:
                page = self._alive(model_id)
                if page is None:
                    await self._make_room()
                    browser = await self._started()
                    beside = self._adapters.get(model_id, ())
                    page = await EnginePage.open(browser, base_url, model_id, beside, self._load_options)
        self._pages.pop(model_id, None)
        self._pages[model_id] = page
        return page

    def _alive(self, model_id: str) -> EnginePage | None:
        page = self._pages.get(model_id)
        if page is not None and page.died.is_set():
            del self._pages[model_id]
            return None
        return page

    async def _make_room(self) -> None:
        """Closes models that are not in use until one more fits; waits where all are in use."""
        while True:
            for model_id in list(self._pages):
                self._alive(model_id)
            if len(self._pages) < self._most_loaded:
                return
            idle = next((model_id for model_id, page in self._pages.items() if page.users == 0), None)
            if idle is not None:
                await self._pages.pop(idle).close()
                continue
            async with self._freed:
                await self._freed.wait()

    async def _started(self) -> Browser:
        if self._browser is not None and self._browser.is_connected():
            return self._browser
        if self._playwright is None:
            self._playwright = await async_playwright().start()
        # Looked for when it is needed: without one the files are served all the same.
        chromium = find_chromium()
        try:
            browser = await self._playwright.chromium.launch(
                executable_path=chromium,
                headless=True,
                args=launch_arguments(self._adapter),
                timeout=START_TIMEOUT_MS,
                # Ctrl+C is the server's: it answers what is running before the browser goes.
                handle_sigint=False,
                handle_sigterm=False,
                handle_sighup=False,
            )
        except PlaywrightError as error:
            raise NomoatError(
                "unsupported_device",
                f"{chromium} did not start: {error.message.splitlines()[0]}. Try it by hand, or set NOMOAT_CHROMIUM.",
            ) from error
        browser.on("disconnected", lambda _browser: self._forget_pages())
        self._browser = browser
        return browser

    def _forget_pages(self) -> None:
        for page in self._pages.values():
            page.died.set()
        self._pages.clear()

    async def _close_browser(self) -> None:
        if self._browser is None:
            return
        with suppress(PlaywrightError):  # it died before
            await self._browser.close()
        self._browser = None
