"""Proves that the playground loads a model and answers in Firefox, on the CPU. Needs Firefox and the built site."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from nomoat.browser.local_site import local_site
from nomoat.server import create_app

from tests.conftest import PackageOf
from tests.firefox.bidi_browser import BidiBrowser, BidiPage
from tests.packages.pages import ANSWER

TEXT = "id => document.querySelector(`[data-testid=${id}]`).textContent"


def at(test_id: str) -> str:
    return f"[data-testid={test_id}]"


@pytest.fixture
def page(firefox: BidiBrowser, tiny_package: PackageOf) -> Iterator[BidiPage]:
    with local_site(create_app([tiny_package("f32")])) as url:
        page = firefox.open(url)
        yield page
        page.close()


def test_the_playground_answers_on_every_thread(page: BidiPage) -> None:
    page.wait_for("() => document.querySelectorAll('[data-testid=model-select] option').length === 1")
    assert page.evaluate("() => crossOriginIsolated") is True
    page.click(at("settings-toggle"))
    page.click(at("setting-temperature"))
    page.type("0")
    page.click(at("model-load"))
    page.wait_for("() => document.querySelector('[data-testid=load]').dataset.state === 'ready'")
    device = page.evaluate(TEXT, "device-info")
    assert "CPU" in device and "thread" in device, device
    page.click(at("prompt"))
    page.type("Count to six.")
    page.click(at("send"))
    page.wait_for("() => document.querySelector('[data-testid=message-assistant]')?.dataset.state === 'done'")
    assert (
        page.evaluate("() => document.querySelector('[data-testid=message-assistant] .body').textContent").strip()
        == ANSWER
    )
    assert page.evaluate("() => document.querySelector('[data-testid=error]').hidden") is True
