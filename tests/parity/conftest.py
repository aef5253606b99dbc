"""The browser that the whole-model tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.parity.package_browser import PackageBrowser


@pytest.fixture(scope="session")
def package_browser() -> Iterator[PackageBrowser]:
    browser = PackageBrowser()
    yield browser
    browser.close()
