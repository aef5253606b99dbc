"""Proves that a broken or lying adapter is refused with a typed error, and that nothing of it stays beside the model.

Needs Chromium. All lies are told to one page in which the base and a good adapter are loaded once: after every sixth
lie, and at the end, the base and the good adapter must answer as they did, and no adapter of a refused name is there.
The reader does not know the device, so every lie is told to the CPU, and a few to WebGPU.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nomoat.browser.runner import RunnerPage
from nomoat_compiler.adapter.compile import compile_adapter
from nomoat_compiler.errors import ERROR_CODES, NomoatError

from tests.fixtures.written_lora import write_lora
from tests.hostile.broken_adapters import ADAPTER_LIES, every_scale
from tests.hostile.broken_packages import Lie, edit_json, set_path, sign
from tests.hostile.hosted_page import hosted_page
from tests.parity.package_browser import PackageBrowser

pytestmark = pytest.mark.browser

ANSWERS_EVERY = 6
WEBGPU_LIES = ADAPTER_LIES[::12]
GREEDY = {"raw": True, "temperature": 0, "repetitionPenalty": 1, "maxTokens": 8}


@dataclass
class Host:
    browser: PackageBrowser
    page: RunnerPage
    base_url: str
    folder: Path
    known: tuple[str, str] = ("", "")
    copies: int = 0

    def call(self, function: str, *arguments: object) -> Any:
        return self.browser.call(lambda _browser: self.page.call(function, *arguments))

    def load(self, package: Path, name: str) -> None:
        self.call("loadAdapter", f"{self.base_url}/packages/{package.name}/", name)

    def text(self, **options: object) -> str:
        return str(self.call("generate", "The fox is", GREEDY | options)["text"])

    def answers(self) -> tuple[str, str]:
        return self.text(), self.text(adapter="good")

    def copy(self) -> Path:
        self.copies += 1
        package = Path(shutil.copytree(self.folder / "good", self.folder / f"copy-{self.copies}"))
        edit_json(package, "nomoat.json", set_path("id", value=package.name))
        return package


@pytest.fixture(scope="module", params=["wasm", "webgpu"])
def host(
    request: pytest.FixtureRequest,
    package_browser: PackageBrowser,
    tiny_package: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("packages")
    base = Path(shutil.copytree(tiny_package("q4"), folder / "base"))
    compile_adapter(write_lora(base, folder / "peft", 1, 4, size=2.0), folder / "good", base=base)
    with hosted_page(package_browser, folder) as (page, base_url):
        host = Host(package_browser, page, base_url, folder)
        host.call("load", f"{base_url}/packages/base/", {"device": request.param})
        host.load(folder / "good", "good")
        host.known = host.answers()
        assert host.known[0] != host.known[1]
        yield host
        assert host.answers() == host.known


@pytest.mark.parametrize("host", ["wasm"], indirect=True)
@pytest.mark.parametrize("lie", ADAPTER_LIES, ids=lambda lie: lie.name)
def test_a_lie_is_a_typed_error_on_the_cpu(host: Host, lie: Lie) -> None:
    check(host, lie)


@pytest.mark.parametrize("host", ["webgpu"], indirect=True)
@pytest.mark.parametrize("lie", WEBGPU_LIES, ids=lambda lie: lie.name)
def test_a_lie_is_a_typed_error_on_webgpu(host: Host, lie: Lie) -> None:
    check(host, lie)


def check(host: Host, lie: Lie) -> None:
    package = host.copy()
    lie.change(package)
    # Under the name of the good adapter every other time, which must not suffer from it.
    name = "good" if host.copies % 2 else package.name
    with pytest.raises(NomoatError) as caught:
        host.load(package, name)
    assert caught.value.code in lie.codes, caught.value.message
    assert len(caught.value.message) > 10
    if name != "good":
        with pytest.raises(NomoatError) as caught:
            host.text(adapter=name)
        assert caught.value.code == "model_not_found"
    assert host.copies % ANSWERS_EVERY or host.answers() == host.known
    shutil.rmtree(package)


def test_a_good_copy_is_no_lie(host: Host) -> None:
    """Otherwise every test above would pass for a runtime that refuses everything; and it takes the name of another."""
    package = host.copy()
    sign(package)
    host.load(package, "good")
    assert host.answers() == host.known


@pytest.mark.parametrize("host", ["wasm"], indirect=True)
def test_finite_numbers_that_are_too_large(host: Host) -> None:
    """Nothing is wrong with the package, so it loads. It makes nonsense or a typed error, only where it is named."""
    package = host.copy()
    every_scale(3e38)(package)
    host.load(package, "large")
    try:
        came = host.text(adapter="large")
    except NomoatError as error:
        came = error.code
    assert came == "numeric_error" or came not in (*ERROR_CODES, *host.known)
    assert host.answers() == host.known
    host.call("unloadAdapter", "large")
    assert host.answers() == host.known


@pytest.mark.parametrize("host", ["wasm"], indirect=True)
def test_more_than_may_run_together(host: Host) -> None:
    adapters = [{"name": "good", "weight": 1}, *({"name": f"a{i}"} for i in range(16))]
    for call in (
        lambda: host.text(adapter=adapters),
        lambda: host.call("logits", [0], 0, adapters),
    ):
        with pytest.raises(NomoatError) as caught:
            call()
        assert caught.value.code == "invalid_request"
        assert "16" in caught.value.message
