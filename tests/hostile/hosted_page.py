"""A folder of packages and a runner page on one origin: what is written into the folder can be loaded at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from nomoat.browser import Adapter
from nomoat.browser.local_site import local_site
from nomoat.browser.runner import RunnerPage
from nomoat.server.site import SITE_FOLDER
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from tests.parity.package_browser import PackageBrowser


@contextmanager
def hosted_page(browser: PackageBrowser, folder: Path) -> Iterator[tuple[RunnerPage, str]]:
    """(page, base URL); the packages are below /packages/. The page's calls go through ``browser.call``."""
    packages = Mount("/packages", StaticFiles(directory=folder))
    app = Starlette(routes=[packages, Mount("/", StaticFiles(directory=SITE_FOLDER))])
    with ExitStack() as stack:
        base_url = stack.enter_context(local_site(app))

        def open_page(chromium: Any) -> RunnerPage:
            context = chromium.new_context()
            stack.callback(lambda: browser.call(lambda _browser: context.close()))
            page = RunnerPage(context.new_page(), lambda _phase, _loaded, _total: None)
            page.open(f"{base_url}/runner.html", Adapter.SOFTWARE)
            return page

        yield browser.call(open_page), base_url
