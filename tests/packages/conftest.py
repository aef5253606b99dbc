"""Both packages as npm packs them, unpacked once for all tests here, and a browser for pages that use them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from nomoat.browser import Adapter, find_chromium
from nomoat.browser.runner import headless_browser
from playwright.sync_api import Browser

from tests.packages.packed import Packed, packed
from tests.patient_browser import patient


@pytest.fixture(scope="session", name="packed")
def both_packed() -> Packed:
    return packed()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with headless_browser(find_chromium(), Adapter.SOFTWARE) as browser:
        yield patient(browser)
