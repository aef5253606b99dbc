"""Models in the extension: downloaded once, kept over a restart without any network, removed; failures are shown and
leave the rest usable. Needs Chromium."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import ENDLESS
from tests.e2e.extension_browser import VERY_LONG, ExtensionBrowser, ask, finished, open_extension
from tests.e2e.local_site import LocalSite

pytestmark = pytest.mark.browser


def test_second_load_after_a_restart_needs_no_network(
    extension_dir: Path, endless_package: Path, pages: LocalSite, tmp_path: Path, device: str
) -> None:
    (tmp_path / "host").mkdir()
    shutil.copytree(endless_package, tmp_path / "host" / ENDLESS)
    host = LocalSite(tmp_path / "host", for_all_origins=True)
    with host, open_extension(extension_dir, tmp_path / "profile") as browser:
        # The address of the manifest, and of the folder without a slash, are as good as the folder's.
        browser.install(f"{host.origin}/{ENDLESS}/nomoat.json", ENDLESS)
        browser.command("site.set", origin=pages.origin, topOrigin=pages.origin, decision="allow")
        expect(browser.options.get_by_test_id("device")).to_have_value("auto")
        browser.run_on(device)
        page = browser.open(f"{pages.origin}/asking.html")
        ask(page, "first", maxTokens=20, temperature=0)
        first = finished(page, "first")
        downloaded = list(host.requested)
        page.reload()
        ask(page, "reloaded", maxTokens=20, temperature=0)
        assert finished(page, "reloaded")["text"] == first["text"]
        assert host.requested == downloaded
        # The engine reads nothing twice either.
        weights = [path for path in downloaded if "/weights/" in path]
        assert len(weights) == len(set(weights)) > 0

    with open_extension(extension_dir, tmp_path / "profile") as browser:
        page = browser.open(f"{pages.origin}/asking_on_load.html")
        assert finished(page, "on load")["status"] == "done"
        ask(page, "second", maxTokens=20, temperature=0)
        assert finished(page, "second")["text"] == first["text"]
        # The setting is kept like every other one.
        assert browser.snapshot()["settings"]["device"] == device
        assert browser.snapshot()["loaded"]["device"]["device"] == device


def test_packages_that_run_on_the_library_need_no_setting(empty_browser: ExtensionBrowser, models: LocalSite) -> None:
    empty_browser.options.get_by_test_id("allow-own-programs").uncheck()
    empty_browser.install(f"{models.origin}/{ENDLESS}/", ENDLESS)
    assert ENDLESS in [model["id"] for model in empty_browser.snapshot()["models"]]


def test_the_device_is_chosen_on_the_options_page(empty_browser: ExtensionBrowser) -> None:
    choice = empty_browser.options.get_by_test_id("device")
    before = choice.input_value()
    for device in ("auto", "wasm", "webgpu", before):
        choice.select_option(device)
        assert empty_browser.snapshot()["settings"]["device"] == device
    refused = empty_browser.command("settings.set", device="gpu")
    assert refused["error"]["code"] == "invalid_request"
    assert empty_browser.snapshot()["settings"]["device"] == before


def test_a_failed_download_says_why_and_can_be_removed(
    model_browser: ExtensionBrowser, endless_package: Path, tmp_path: Path
) -> None:
    options = model_browser.options
    broken = tmp_path / "host" / "broken"
    shutil.copytree(endless_package, broken)
    manifest = broken / "nomoat.json"
    manifest.write_text(manifest.read_text().replace(f'"{ENDLESS}"', '"broken"'))
    shard = next((broken / "weights").glob("*.bin"))
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    with LocalSite(tmp_path / "host", for_all_origins=True) as host:
        for address, model_id in (
            (f"{host.origin}/broken", "broken"),
            (f"{host.origin}/nothing-there/", "nothing-there"),
        ):
            options.get_by_test_id("model-url").fill(address)
            options.get_by_test_id("model-add").click()
            options.wait_for_selector(f'[data-testid="model-{model_id}"][data-state="error"]')
    row = options.get_by_test_id("model-broken")
    assert "sha-256" in row.get_by_test_id("model-error").inner_text().lower().replace("sha256", "sha-256")
    assert "404" in options.get_by_test_id("model-nothing-there").get_by_test_id("model-error").inner_text()
    for model_id in ("broken", "nothing-there"):
        row = options.get_by_test_id(f"model-{model_id}")
        row.get_by_test_id("model-remove").click()
        row.get_by_test_id("model-remove-confirm").click()
        row.wait_for(state="detached")
    assert [model["id"] for model in model_browser.snapshot()["models"]] == [ENDLESS]


def test_removing_the_model_leaves_a_typed_error(model_browser: ExtensionBrowser, pages: LocalSite) -> None:
    model_browser.command("site.set", origin=pages.origin, topOrigin=pages.origin, decision="allow")
    page = model_browser.open(f"{pages.origin}/asking.html")
    ask(page, "running", maxTokens=VERY_LONG)
    page.wait_for_function("asked.running.pieces.length > 0")
    row = model_browser.options.get_by_test_id(f"model-{ENDLESS}")
    row.get_by_test_id("model-remove").click()
    row.get_by_test_id("model-remove-confirm").click()
    row.wait_for(state="detached")
    assert finished(page, "running")["error"]["code"] == "aborted"
    assert page.evaluate("llm.availability()") == "unavailable"
    ask(page, "first")
    error = finished(page, "first")["error"]
    assert (error["name"], error["code"]) == ("NotFoundError", "model_not_found")
