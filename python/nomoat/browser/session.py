"""The Playwright session that owns a browser, and what happens to both when the user presses Ctrl+C."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Playwright, sync_playwright


class Closable(Protocol):
    def close(self) -> None: ...


@contextmanager
def playwright_session() -> Iterator[Playwright]:
    """Stops Playwright at the end, but not after Ctrl+C.

    The terminal sends the interrupt to Playwright's driver as well, which ends its browsers and itself. Whoever still
    asks it for something then waits forever, so an interrupted session is left as it is: if the driver is still there,
    it goes when this process does.
    """
    manager = sync_playwright()
    playwright = manager.start()
    try:
        yield playwright
    except KeyboardInterrupt:
        # What is left of the session is reported by asyncio at exit, which tells nobody anything.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL + 1)
        raise
    except BaseException:
        playwright.stop()
        raise
    else:
        playwright.stop()


@contextmanager
def closing_unless_interrupted(browser: Closable) -> Iterator[None]:
    """Closes a browser or a context at the end, but not after Ctrl+C."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException:
        close(browser)
        raise
    else:
        close(browser)


def close(browser: Closable) -> None:
    with suppress(PlaywrightError):  # it may be gone already
        browser.close()
