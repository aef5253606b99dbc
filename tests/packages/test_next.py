"""Proves that a static export of Next.js, with either of its bundlers, has a page of the packages that answers in an
isolated page. Needs Chromium and npm, and NOMOAT_EVERY_BUNDLER=1, since Next.js is 340 MB.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.conftest import PackageOf
from tests.packages import projects
from tests.packages.documented import policy
from tests.packages.packed import Packed, run
from tests.packages.pages import ANSWER
from tests.packages.site import ISOLATED, Site

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        "NOMOAT_EVERY_BUNDLER" not in os.environ,
        reason="Next.js is 340 MB: NOMOAT_EVERY_BUNDLER=1 installs and tries it",
    ),
]


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    if not (projects.NEXT / "node_modules" / "next").is_dir():
        run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], projects.NEXT)


@pytest.mark.parametrize("bundler", ["turbopack", "webpack"])
def test_an_exported_page_answers(
    chromium: Browser, packed: Packed, tiny_package: PackageOf, tmp_path: Path, bundler: str
) -> None:
    # Next.js writes its own scripts into the page.
    headers = {"Content-Security-Policy": policy().replace("script-src", "script-src 'unsafe-inline'"), **ISOLATED}
    # The page asks for /_next/static/, below the root of its site.
    with Site({"model": tiny_package("f32")}, {"page": headers, "_next": headers}) as site:
        out = projects.next_export(tmp_path / "next", packed, f"{site.origin}/page/model/", bundler)
        site.mounts |= {"out": out, "static": out / "_next" / "static"}
        page = chromium.new_page()
        page.goto(f"{site.origin}/page/out/")
        page.click("button")
        page.wait_for_function("text => document.body.innerText.includes(text)", arg=ANSWER)
        page.close()
