"""Proves that a broken or lying package is refused with a typed error, without a hang, and that the engine goes on.

Needs Chromium. Every lie goes through the real runtime in one page, where a good package is loaded and answers before,
between and after (after every sixth lie): what a lie left in memory, on the device or in storage would show there, and
so would a hang of the engine.

The readers that see through a lie do not know the device, and a load on the software adapter costs seconds: it compiles
every pipeline. So all lies are told to the CPU, and to WebGPU those that only WebGPU reads and every eighth of the
others, which shows that it is left as the CPU is.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nomoat.browser.runner import RunnerPage
from nomoat_compiler.errors import NomoatError

from tests.hostile.broken_packages import LIES, Lie, edit_json, set_path, sign
from tests.hostile.hosted_page import hosted_page
from tests.parity.package_browser import PackageBrowser

pytestmark = pytest.mark.browser

# What the runtime may say of a package; "internal" would be our bug, and "aborted" nobody asked for.
CODES = {"invalid_package", "integrity", "network", "storage_quota", "out_of_memory", "unsupported_device"}
FUZZ_SEEDS = {"wasm": range(16), "webgpu": range(4)}
ANSWERS_EVERY = 6
WEBGPU_LIES = [lie for i, lie in enumerate(LIES) if lie.reads_wgsl or i % 8 == 0]
NASTY: list[Any] = [
    None, True, -1, 0, 0.5, 1e308, 1 << 31, 1 << 53, "", "x", "__proto__", [], {}, [[]], "\u0000",
    ["*", 1 << 31, 1 << 31],
]  # fmt: skip


@dataclass
class Host:
    """The runner page and the packages beside it, on one origin."""

    browser: PackageBrowser
    page: RunnerPage
    base_url: str
    folder: Path
    good: Path
    device: str
    copies: int = 0

    def copy(self) -> Path:
        """A copy with an id of its own: under the good package's id, good files in storage would stand in for bad."""
        self.copies += 1
        package = Path(shutil.copytree(self.good, self.folder / f"copy-{self.copies}"))
        edit_json(package, "nomoat.json", set_path("id", value=package.name))
        return package

    def load(self, package: Path) -> None:
        url = f"{self.base_url}/packages/{package.name}/"
        self.browser.call(lambda _browser: self.page.call("load", url, {"device": self.device}))

    def answers(self) -> bool:
        """Loads the good package and compares its answer with the known one."""
        self.load(self.good)
        options = {"raw": True, "temperature": 0, "maxTokens": 8}
        answer = self.browser.call(lambda _browser: self.page.call("generate", "The fox is", options))
        return bool(answer["text"].startswith(" red. It "))


@pytest.fixture(scope="module", params=["wasm", "webgpu"])
def host(
    request: pytest.FixtureRequest,
    package_browser: PackageBrowser,
    tiny_package: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("packages")
    good = Path(shutil.copytree(tiny_package("q4"), folder / "good"))
    with hosted_page(package_browser, folder) as (page, base_url):
        host = Host(package_browser, page, base_url, folder, good, request.param)
        assert host.answers()
        yield host
        assert host.answers()


@pytest.mark.parametrize("host", ["wasm"], indirect=True)
@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.name)
def test_a_lie_is_a_typed_error_on_the_cpu(host: Host, lie: Lie) -> None:
    check(host, lie)


@pytest.mark.parametrize("host", ["webgpu"], indirect=True)
@pytest.mark.parametrize("lie", WEBGPU_LIES, ids=lambda lie: lie.name)
def test_a_lie_is_a_typed_error_on_webgpu(host: Host, lie: Lie) -> None:
    check(host, lie)


def check(host: Host, lie: Lie) -> None:
    package = host.copy()
    lie.change(package)
    with pytest.raises(NomoatError) as caught:
        host.load(package)
    assert caught.value.code in lie.codes, caught.value.message
    assert len(caught.value.message) > 10
    assert host.copies % ANSWERS_EVERY or host.answers()
    shutil.rmtree(package)


def test_a_good_copy_is_no_lie(host: Host) -> None:
    """Otherwise every test above would pass for a runtime that refuses everything."""
    package = host.copy()
    sign(package)
    host.load(package)
    assert host.answers()


@pytest.mark.parametrize("file", ["nomoat.json", "program/program.json", "weights/tensor-cache.json"])
def test_random_damage_to_json(host: Host, file: str) -> None:
    """Nodes of the JSON replaced by nasty values: loaded, or refused with a code that is not ``internal``."""
    codes: dict[int, str] = {}
    seeds = FUZZ_SEEDS[host.device]
    for seed in seeds:
        package = host.copy()
        damage(package / file, random.Random(f"{file}/{seed}"))
        if file != "nomoat.json":
            sign(package)
        try:
            host.load(package)
        except NomoatError as error:
            codes[seed] = error.code
        shutil.rmtree(package)
    assert set(codes.values()) <= CODES, codes
    assert len(codes) >= len(seeds) // 4  # the index has much that no reader needs
    assert host.answers()


def damage(path: Path, rng: random.Random) -> None:
    """Replaces one random node, whichever depth it is at."""
    root = json.loads(path.read_text())
    node, key = root, rng.choice(sorted(root))
    while isinstance(node[key], dict | list) and node[key] and rng.random() < 0.85:
        node = node[key]
        key = rng.choice(sorted(node)) if isinstance(node, dict) else rng.randrange(len(node))
    node[key] = rng.choice(NASTY)
    path.write_text(json.dumps(root))
