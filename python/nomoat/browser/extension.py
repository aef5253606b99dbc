"""Headless Chromium with our extension loaded, and its pages as a person uses them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from nomoat_compiler.errors import NomoatError
from playwright.sync_api import BrowserContext, Locator, Page, ViewportSize, expect
from playwright.sync_api import Error as PlaywrightError

from nomoat.browser.chromium import Adapter, find_chromium, launch_arguments
from nomoat.browser.session import closing_unless_interrupted, playwright_session

START_TIMEOUT_MS = 60_000
POLL_MS = 200
CONSENT_SIZE = ViewportSize(width=440, height=590)


@dataclass(frozen=True)
class ExtensionBrowser:
    """A browser with a fresh profile, of which the extension ``extension_id`` is part."""

    context: BrowserContext
    extension_id: str

    def open(self, path: str) -> Page:
        """A page of the extension in a tab: options.html, sidepanel.html."""
        page = self.context.new_page()
        page.goto(f"chrome-extension://{self.extension_id}/{path}")
        return page

    def install_model(self, url: str, model_id: str, on_status: Callable[[str], None], timeout_s: float) -> None:
        """Adds the package at ``url`` on the options page and waits until it is ready.

        Raises ``NomoatError`` ``invalid_package`` with what the page says where that fails.
        """
        page = self.open("options.html")
        # The page draws what the engine's document reports.
        page.locator("#models-empty:not([hidden]), #models > li").first.wait_for(timeout=START_TIMEOUT_MS)
        page.get_by_test_id("model-url").fill(url)
        page.get_by_test_id("model-add").click()
        row = page.get_by_test_id(f"model-{model_id}")
        row.wait_for(timeout=START_TIMEOUT_MS)
        for _ in range(round(timeout_s * 1000 / POLL_MS)):
            state = row.get_attribute("data-state")
            if state == "ready":
                page.close()
                return
            if state == "error":
                reason = row.get_by_test_id("model-error").text_content()
                raise NomoatError("invalid_package", f"The extension could not install {model_id}: {reason}")
            on_status(first_text(row.locator(".model-progress p")))
            page.wait_for_timeout(POLL_MS)
        raise NomoatError("network", f"The extension did not finish installing {model_id} in {timeout_s:.0f} s.")

    def consent_window(self, timeout_ms: float = START_TIMEOUT_MS) -> Page:
        """The window that a page's first request opened. Raises ``NomoatError`` ``not_allowed`` where none opens."""

        def is_consent(page: Page) -> bool:
            return "/consent.html" in page.url

        window = next(filter(is_consent, self.context.pages), None)
        if window is None:
            try:
                window = self.context.wait_for_event("page", is_consent, timeout=timeout_ms)
            except PlaywrightError as error:
                raise NomoatError("not_allowed", "The extension opened no consent window.") from error
        return window

    def allow_once(self, picture: Path | None = None) -> None:
        """Presses "Allow once" in the consent window, after a screenshot of it to ``picture``."""
        window = self.consent_window()
        button = window.get_by_test_id("consent-allow-once")
        # The window ignores clicks for its first half second.
        expect(button).to_be_enabled()
        if picture is not None:
            # Playwright draws every page at the size of a tab; this is the size that the extension asks for.
            window.set_viewport_size(CONSENT_SIZE)
            window.screenshot(path=picture)
        button.click()


@contextmanager
def extension_browser(extension: Path, adapter: Adapter = Adapter.AUTO) -> Iterator[ExtensionBrowser]:
    """Loads the built extension in the folder ``extension``; the profile is deleted at the end."""
    if not (extension / "manifest.json").is_file():
        raise NomoatError("internal", f"{extension} holds no built extension. Run: npm run build -w extension")
    chromium = find_chromium()
    arguments = [
        *launch_arguments(adapter),
        f"--disable-extensions-except={extension}",
        f"--load-extension={extension}",
    ]
    with (
        tempfile.TemporaryDirectory(prefix="nomoat-profile-", ignore_cleanup_errors=True) as profile,
        playwright_session() as playwright,
    ):
        try:
            context = playwright.chromium.launch_persistent_context(
                profile,
                executable_path=chromium,
                headless=True,
                args=arguments,
                viewport={"width": 1280, "height": 900},
                timeout=START_TIMEOUT_MS,
            )
        except PlaywrightError as error:
            raise NomoatError(
                "unsupported_device", f"{chromium} did not start: {error.message.splitlines()[0]}"
            ) from error
        with closing_unless_interrupted(context):
            yield ExtensionBrowser(context, extension_id(context))


def extension_id(context: BrowserContext) -> str:
    workers = context.service_workers
    try:
        worker = workers[0] if workers else context.wait_for_event("serviceworker", timeout=START_TIMEOUT_MS)
    except PlaywrightError as error:
        raise NomoatError("unsupported_device", "Chromium did not load the extension.") from error
    return worker.url.split("/")[2]


def first_text(locator: Locator) -> str:
    """The text of an element that may be gone by now."""
    with suppress(PlaywrightError):
        return locator.first.text_content(timeout=POLL_MS) or ""
    return ""
