"""Proves that the packages, as npm packs them, run in Firefox without a bundler: in a page, isolated and not, and in a
worker, under the policy of docs/packages.md. Needs Firefox and npm.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import PackageOf
from tests.firefox.bidi_browser import BidiBrowser
from tests.packages.documented import policy
from tests.packages.packed import packed
from tests.packages.pages import by_urls, check_answers
from tests.packages.site import ISOLATED, Site

RUN = "(place, url, load) => window[place](url, load)"


@pytest.fixture(scope="module")
def site(tiny_package: PackageOf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    mounts = {
        "app": by_urls(tmp_path_factory.mktemp("app") / "app"),
        "node_modules": packed().node_modules,
        "model": tiny_package("f32"),
    }
    strict = {"Content-Security-Policy": policy()}
    with Site(mounts, {"strict": strict, "isolated": strict | ISOLATED}) as site:
        yield site


@pytest.mark.parametrize(
    ("configuration", "place", "threads"), [("strict", "run", 1), ("isolated", "run", 2), ("strict", "runInWorker", 1)]
)
def test_a_page_answers(firefox: BidiBrowser, site: Site, configuration: str, place: str, threads: int) -> None:
    page = firefox.open(f"{site.origin}/{configuration}/app/")
    page.wait_for("() => Boolean(window.run)")
    # Which device "auto" takes is left to the runtime: this Firefox has no GPU.
    given = page.evaluate(RUN, place, f"{site.origin}/{configuration}/model/", {"threads": threads})
    check_answers(given)
    assert given["threads"] == threads
    page.close()
