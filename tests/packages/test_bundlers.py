"""Proves that bundlers, set up as docs/packages.md shows, make pages of the packages that answer, isolated and not,
under the strict policy. Needs Chromium and npm.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.conftest import PackageOf
from tests.packages import projects
from tests.packages.documented import policy
from tests.packages.packed import Packed
from tests.packages.pages import WASM, check_answers, check_run
from tests.packages.site import ISOLATED, Site

pytestmark = pytest.mark.browser
BUNDLERS = {"vite": projects.vite, "webpack": projects.webpack, "esbuild": projects.esbuild}


@pytest.fixture(scope="module")
def site(packed: Packed, tiny_package: PackageOf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    strict = {"Content-Security-Policy": policy()}
    open_to_all = {"Access-Control-Allow-Origin": "*"}
    headers = {"strict": strict, "strict-isolated": strict | ISOLATED, "open": open_to_all}
    with Site({"model": tiny_package("f32")}, headers) as site:
        yield site


@pytest.fixture
def bundled(
    request: pytest.FixtureRequest, packed: Packed, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The page that a bundler made, by its name. It is made once."""
    name: str = request.param
    if name not in site.mounts:
        site.mounts[name] = BUNDLERS[name](tmp_path_factory.mktemp("bundled") / name, packed)
    return name


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    yield context.new_page()
    context.close()


@pytest.mark.parametrize(
    ("bundled", "configuration", "place"),
    [
        *((name, configuration, "run") for name in BUNDLERS for configuration in ("strict", "strict-isolated")),
        # esbuild bundles no workers by itself.
        ("vite", "strict", "runInWorker"),
        ("webpack", "strict", "runInWorker"),
    ],
    indirect=["bundled"],
)
def test_a_bundled_page_answers(site: Site, page: Page, bundled: str, configuration: str, place: str) -> None:
    check_run(page, site, configuration, bundled, place)


def test_the_dev_server_of_vite_serves_it_unbundled(site: Site, page: Page, packed: Packed, tmp_path: Path) -> None:
    with projects.vite_dev_server(tmp_path / "vite", packed) as url:
        page.goto(url)
        page.wait_for_function("() => window.run")
        given = page.evaluate("([url, load]) => run(url, load)", [f"{site.origin}/open/model/", WASM])
    check_answers(given)
