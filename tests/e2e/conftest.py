"""Fixtures of the end-to-end tests: the built extension, servers for pages and packages, browsers with a model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from nomoat.browser import Adapter, find_chromium
from nomoat.browser.runner import headless_browser
from playwright.sync_api import Browser, expect

from tests.e2e.devices import ONE_DEVICE
from tests.e2e.extension_browser import ExtensionBrowser, open_extension
from tests.e2e.local_site import PAGES, LocalSite
from tests.fixtures.packages import compiled
from tests.fixtures.variants import TINY_LLAMA
from tests.limits import PROCESS_S, WAIT_MS
from tests.patient_browser import patient

ROOT = Path(__file__).parents[2]
EXTENSION = ROOT / "extension"
expect.set_options(timeout=WAIT_MS)
ENDLESS = "endless-f32"
# Room for the longest answer that a page may ask for, which on wasm takes some seconds.
ENDLESS_CONTEXT = 16384


@pytest.fixture(scope="module", params=[ONE_DEVICE])
def device(request: pytest.FixtureRequest) -> str:
    """Where the model runs: one device, or each where a module or a test is marked ``on_each_device``."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser without the extension; WebGPU is its software adapter. A module may have another one."""
    with headless_browser(find_chromium(), Adapter.SOFTWARE) as browser:
        yield patient(browser)


@pytest.fixture(scope="session")
def extension_dir() -> Path:
    """The extension, built now, so that no test runs an old one. NOMOAT_EXTENSION_DIR: that build instead."""
    given = os.environ.get("NOMOAT_EXTENSION_DIR")
    if given:
        return Path(given)
    subprocess.run(
        ["npm", "run", "build", "-w", "extension"], cwd=ROOT, check=True, capture_output=True, timeout=PROCESS_S
    )
    return EXTENSION / ".output" / "chrome-mv3"


@pytest.fixture(scope="session")
def endless_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny Llama without a stop token and with a long context: it writes exactly as much as it is asked for."""
    folder = tmp_path_factory.mktemp("checkpoint") / "endless"
    shutil.copytree(TINY_LLAMA, folder)
    edit(folder / "config.json", max_position_embeddings=ENDLESS_CONTEXT, eos_token_id=None)
    edit(folder / "generation_config.json", eos_token_id=None)
    edit(folder / "tokenizer_config.json", eos_token=None, model_max_length=ENDLESS_CONTEXT)
    # Tokens with these texts end an answer whatever the files say.
    for path in (folder / name for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")):
        path.write_text(path.read_text().replace("<|im_end|>", "<|im_over|>").replace("<|endoftext|>", "<|text|>"))
    return folder


@pytest.fixture(scope="session")
def endless_package(endless_checkpoint: Path) -> Path:
    """In f32, whose pipelines the software adapter compiles in less than half of the time of those of q4."""
    return compiled(endless_checkpoint, "f32", name="endless")


@pytest.fixture(scope="session")
def pages() -> Iterator[LocalSite]:
    """The pages of tests/e2e/pages, on two origins, neither of which is the one of the models."""
    with LocalSite(PAGES) as site:
        yield site


@pytest.fixture(scope="session")
def models(endless_package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSite]:
    """A host of packages: /endless-f32/."""
    folder = tmp_path_factory.mktemp("models")
    (folder / ENDLESS).symlink_to(endless_package)
    with LocalSite(folder, for_all_origins=True) as site:
        yield site


@pytest.fixture(scope="module")
def empty_browser(extension_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExtensionBrowser]:
    """A browser with the extension and no model."""
    with open_extension(extension_dir, tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def installed_browser(empty_browser: ExtensionBrowser, models: LocalSite) -> ExtensionBrowser:
    """A browser with the extension and the endless model."""
    empty_browser.install(f"{models.origin}/{ENDLESS}/", ENDLESS)
    return empty_browser


@pytest.fixture(scope="module")
def model_browser(installed_browser: ExtensionBrowser, device: str) -> ExtensionBrowser:
    """``installed_browser``, where models run on ``device``. Shared by a module; see ``browser``."""
    installed_browser.run_on(device)
    return installed_browser


@pytest.fixture
def browser(model_browser: ExtensionBrowser) -> ExtensionBrowser:
    """``model_browser`` with no site known and nothing running."""
    model_browser.forget_sites()
    return model_browser


def edit(file: Path, **changes: object) -> None:
    """Changes keys of a JSON file; None removes the key."""
    content = json.loads(file.read_text()) | changes
    file.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
