"""The app of tests/packages/app in a page, and what it must give whatever put it together."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from playwright.sync_api import Page

from tests.packages.site import Site

APP = Path(__file__).parent / "app"
# What tests/fixtures/train_tiny_llama.py taught the model, so that no other implementation is asked for it.
ANSWER = "one, two, three, four, five, six."
WASM = {"device": "wasm"}
MODULES = "../node_modules/@nomoat"


def by_urls(folder: Path) -> Path:
    """The app with URLs in the place of the packages' names, as a page without an import map has them, and a worker."""
    shutil.copytree(APP, folder)
    for script in folder.glob("*.js"):
        text = re.sub(r'from "@nomoat/(\w+)"', rf'from "{MODULES}/\1/index.js"', script.read_text())
        script.write_text(re.sub(r'from "@nomoat/(\w+)/([\w-]+)"', rf'from "{MODULES}/\1/\2.js"', text))
    (folder / "runtime.js").write_text(f'export const runtime = () => import("{MODULES}/runtime/index.js");\n')
    return folder


def check_run(page: Page, site: Site, configuration: str, app: str, place: str = "run") -> None:
    """Everything answers, nothing is refused by the page's policy, and nothing comes from a blob."""
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: refused.append(error.message))
    page.goto(f"{site.origin}/{configuration}/{app}/")
    page.wait_for_function("() => window.run")
    given = page.evaluate(
        "([place, url, load]) => window[place](url, load)",
        [
            place,
            f"{site.origin}/{configuration}/model/",
            WASM | ({"threads": 2} if "isolated" in configuration else {}),
        ],
    )
    check_answers(given)
    assert given["threads"] == (2 if "isolated" in configuration else 1)
    assert refused == []


def check_answers(given: dict[str, object]) -> None:
    """``given``: what run() of the app gives."""
    assert given.get("texts") == [ANSWER] * 4, given
    assert re.fullmatch("(two|three), t[a-z]+", str(given["constrained"]))
    assert given["device"] == "wasm"
