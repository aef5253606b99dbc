"""Proves that pages without a bundler run the packages as npm packs them: in the page and in a worker, isolated and
not, under the policy of docs/packages.md, each of whose directives is needed. Needs Chromium and npm.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.bench.page_download import LIMIT_BYTES
from tests.conftest import PackageOf
from tests.packages.documented import MODEL, files, first_block, policy
from tests.packages.packed import Packed
from tests.packages.pages import ANSWER, APP, WASM, by_urls, check_run
from tests.packages.site import ISOLATED, Site

pytestmark = pytest.mark.browser

# The packed files are more than those of a bundled page, and each is compressed by itself.
SPLIT_BYTES = 1_500

# What takes the place of a directive, and the error of loading a model then.
BROKEN = {
    "without-wasm": ("'wasm-unsafe-eval'", "", "not_allowed"),
    "without-worker": ("worker-src 'self'", "worker-src 'none'", "internal"),
    "trusted-types": ("default-src 'none'", "default-src 'none'; require-trusted-types-for 'script'", "not_allowed"),
    # The model comes, and the kernels do not.
    "without-own-files": ("connect-src 'self'", "connect-src ORIGIN/without-own-files/model/", "network"),
}
IMPORT_MAP = """{
  "imports": {
    "@nomoat/client": "../node_modules/@nomoat/client/index.js",
    "@nomoat/runtime": "../node_modules/@nomoat/runtime/index.js",
    "@nomoat/runtime/openai": "../node_modules/@nomoat/runtime/openai.js"
  }
}"""


def by_import_map(folder: Path) -> Path:
    shutil.copytree(APP, folder)
    page = folder / "index.html"
    page.write_text(page.read_text().replace("<script", f'<script type="importmap">{IMPORT_MAP}</script>\n<script', 1))
    return folder


@pytest.fixture(scope="module")
def site(packed: Packed, tiny_package: PackageOf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    strict = policy()
    folder = tmp_path_factory.mktemp("plain")
    examples = folder / "examples"
    examples.mkdir()
    digest = base64.b64encode(hashlib.sha256(IMPORT_MAP.encode()).digest()).decode()
    with_map = strict.replace("script-src", f"script-src 'sha256-{digest}'")
    policies = {"strict": strict, "strict-isolated": strict, "strict-with-map": with_map}
    policies |= {name: strict.replace(directive, instead) for name, (directive, instead, _) in BROKEN.items()}
    headers = {
        name: {"Content-Security-Policy": text, **(ISOLATED if "isolated" in name else {})}
        for name, text in policies.items()
    }
    mounts = {
        "by-urls": by_urls(folder / "by-urls"),
        "by-import-map": by_import_map(folder / "by-import-map"),
        "examples": examples,
        "node_modules": packed.node_modules,
        "model": tiny_package("f32"),
    }
    with Site(mounts, headers) as site:
        broken = site.headers["without-own-files"]
        broken["Content-Security-Policy"] = broken["Content-Security-Policy"].replace("ORIGIN", site.origin)
        yield site


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    yield context.new_page()
    context.close()


@pytest.mark.parametrize(
    ("configuration", "app", "place"),
    [
        ("strict", "by-urls", "run"),
        ("strict", "by-urls", "runInWorker"),
        ("strict-isolated", "by-urls", "run"),
        ("strict-with-map", "by-import-map", "run"),
    ],
)
def test_runs_under_the_documented_policy(site: Site, page: Page, configuration: str, app: str, place: str) -> None:
    check_run(page, site, configuration, app, place)


@pytest.mark.parametrize("configuration", BROKEN)
def test_what_another_policy_forbids_is_a_typed_error(site: Site, page: Page, configuration: str) -> None:
    page.goto(f"{site.origin}/{configuration}/by-urls/")
    page.wait_for_function("() => window.problem")
    problem = page.evaluate("([url, load]) => problem(url, load)", [f"{site.origin}/{configuration}/model/", WASM])
    assert problem["code"] == BROKEN[configuration][2], problem


def test_a_gpu_needs_no_webassembly(site: Site, page: Page) -> None:
    page.goto(f"{site.origin}/without-wasm/by-urls/")
    page.wait_for_function("() => window.problem")
    assert page.evaluate("url => problem(url, { device: 'webgpu' })", f"{site.origin}/without-wasm/model/") is None


EXAMPLES = {
    "runtime": lambda: first_block("runtime/README.md"),
    "client": lambda: first_block("client/README.md"),
    "documented": lambda: files()["index.html"],
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_documented_pages_run_and_are_small(site: Site, page: Page, name: str) -> None:
    example = EXAMPLES[name]()
    assert MODEL in example
    example = example.replace(MODEL, f"{site.origin}/plain/model/").replace("./node_modules", "../node_modules")
    (site.mounts["examples"] / f"{name}.html").write_text(example)
    site.requested.clear()
    page.goto(f"{site.origin}/plain/examples/{name}.html")
    page.wait_for_function("text => document.body.innerText.includes(text)", arg=ANSWER)
    scripts = {path.removeprefix("/plain/") for path in site.requested if path.endswith(".js")}
    sizes = {path: len(gzip.compress(file.read_bytes(), 9)) for path in scripts if (file := site.file(path))}
    assert len(sizes) >= 3
    assert sum(size for path, size in sizes.items() if "/runtime/" in path) <= LIMIT_BYTES + SPLIT_BYTES, sizes
