"""The runner page with the tiny Llama, for tests of the runtime's API in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nomoat.browser.local_site import local_site
from nomoat.browser.runner import RunnerPage
from nomoat.server import create_app
from playwright.sync_api import Browser


@contextmanager
def tiny_runner(chromium: Browser, package: Path, device: str) -> Iterator[RunnerPage]:
    """``package``: one of the tiny Llama's. The page is closed at the end."""
    app = create_app([package])
    (model_id,) = app.state.packages
    with local_site(app) as url:
        context = chromium.new_context()
        page = RunnerPage(context.new_page(), lambda _phase, _loaded, _total: None)
        page.open(f"{url}/runner.html", None)
        page.call("load", f"{url}/models/{model_id}/", {"device": device})
        yield page
        context.close()
