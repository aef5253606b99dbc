"""The memory of sites in the extension: off until the person switches it on, not seen by other sites, shown, taken out
and deleted on the options page, and gone with the permission; and the side panel's own. Needs Chromium, and torch for a
random encoder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.extension_browser import ExtensionBrowser
from tests.e2e.local_site import LocalSite
from tests.e2e.stored_bytes import stored_bytes

pytestmark = pytest.mark.browser
FOLDER = "nomoat/memories"
DOCUMENTED = Path(__file__).parents[2] / "docs" / "memory.md"
SECRET = "the code of the door is 4711"
CALL = """async ([method, given]) => {
  try { return { value: await llm.memory[method](...given) }; }
  catch ({ code, name, detail }) { return { code, name, reason: detail?.reason }; }
}"""


def call(page: Page, method: str, *given: object) -> Any:
    return page.evaluate(CALL, [method, list(given)])


@pytest.fixture(scope="module")
def encoder_browser(
    installed_browser: ExtensionBrowser,
    family_package: Callable[[str, str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ExtensionBrowser]:
    """With the endless model and a random encoder."""
    package = family_package("bert", "f32")
    model_id = json.loads((package / "nomoat.json").read_text())["id"]
    folder = tmp_path_factory.mktemp("encoders")
    (folder / model_id).symlink_to(package)
    with LocalSite(folder, for_all_origins=True) as site:
        installed_browser.install(f"{site.origin}/{model_id}/", model_id)
        yield installed_browser


def test_sites_remember_where_the_person_lets_them(encoder_browser: ExtensionBrowser, pages: LocalSite) -> None:
    browser, options = encoder_browser, encoder_browser.options
    for origin in (pages.origin, pages.other_origin):
        browser.command("site.set", origin=origin, topOrigin=origin, decision="allow")
    page = browser.open(f"{pages.origin}/asking.html")
    other = browser.open(f"{pages.other_origin}/asking.html")
    off = {"code": "not_allowed", "name": "NotAllowedError", "reason": "memory_off"}
    assert call(page, "add", SECRET) == off

    row = options.get_by_test_id(f"site-{pages.origin}")
    row.get_by_test_id("site-memory").check(force=True)
    expect(row.get_by_test_id("memory-size")).to_be_hidden()
    assert call(page, "add", [SECRET, {"text": "swans swim", "tags": ["birds"]}]) == {"value": [1, 2]}
    assert call(page, "search", SECRET, {"limit": 1})["value"][0]["text"] == SECRET
    assert call(page, "search", "x", {"tags": ["birds"]})["value"][0]["text"] == "swans swim"
    assert call(page, "list", {"limit": 0})["name"] == "TypeError"
    assert SECRET.encode() in b"".join(stored_bytes(options, FOLDER).values())

    # Another site sees nothing of it, whether it may remember or not; nor do pages see the extension's files.
    assert call(other, "list") == off
    browser.command("site.memory", origin=pages.other_origin, on=True)
    assert call(other, "list") == {"value": []}
    assert stored_bytes(page, "nomoat") == {}

    # Shown, taken out, and deleted.
    expect(row.get_by_test_id("memory-size")).to_contain_text("Remembers")
    with options.expect_download() as started:
        row.get_by_test_id("memory-export").click()
    exported = json.loads(Path(started.value.path()).read_text())
    assert [record["text"] for record in exported["records"]] == [SECRET, "swans swim"]
    row.get_by_test_id("memory-delete").click()
    expect(row.get_by_test_id("memory-size")).to_be_hidden()
    assert stored_bytes(options, FOLDER) == {}
    assert call(page, "list") == {"value": []}

    # Taking the permission back takes the memory away, and its switch.
    assert call(page, "add", SECRET) == {"value": [1]}
    expect(row.get_by_test_id("site-revoke")).to_have_text("Revoke and delete its memory")
    row.get_by_test_id("site-revoke").click()
    expect(row).to_have_count(0)
    assert stored_bytes(options, FOLDER) == {}
    browser.command("site.set", origin=pages.origin, topOrigin=pages.origin, decision="allow")
    assert call(page, "list") == off


def test_the_documented_example_runs(encoder_browser: ExtensionBrowser, pages: LocalSite) -> None:
    example = DOCUMENTED.read_text().split("```js\n")[1].split("```")[0]
    assert "llm.memory.add" in example
    encoder_browser.command("site.set", origin=pages.origin, topOrigin=pages.origin, decision="allow")
    encoder_browser.command("site.memory", origin=pages.origin, on=True)
    page = encoder_browser.open(f"{pages.origin}/asking.html")
    logged: list[str] = []
    page.on("console", lambda message: logged.append(message.text))
    page.evaluate(f"(async () => {{ {example} }})()")
    assert len(logged) == 2
    assert "I am allergic to nuts." in logged[0] and "My sister lives in Oslo." in logged[0]
    assert logged[1] == "1"


def test_the_side_panel_remembers_and_recalls(encoder_browser: ExtensionBrowser) -> None:
    browser = encoder_browser
    chat = browser.open(f"{browser.base}/sidepanel.html")
    chat.get_by_test_id("chat-memory").check(force=True)

    def asked(text: str) -> None:
        chat.get_by_test_id("chat-prompt").fill(text)
        chat.get_by_test_id("chat-send").click()
        expect(chat.get_by_test_id("chat-answer").last).not_to_be_empty()
        chat.get_by_test_id("chat-stop").click()
        browser.wait_until_idle()

    asked("My sister lives in Oslo.")
    expect(chat.get_by_test_id("chat-recalled")).to_have_count(0)
    chat.get_by_test_id("chat-new").click()
    asked("My sister lives in Oslo!")
    expect(chat.get_by_test_id("chat-recalled").locator("summary")).to_have_text("Recalled a message")
    expect(chat.get_by_test_id("chat-recalled").locator("li")).to_have_text("My sister lives in Oslo.")
    card = browser.options.locator("#chat-memory")
    expect(card.get_by_test_id("memory-size")).to_contain_text("Remembers")
    card.get_by_test_id("memory-delete").click()
    expect(card).to_be_hidden()
    chat.close()
