"""Firefox over WebDriver BiDi: as much of the protocol as tests of pages need.

Firefox itself listens for it, so nothing lies between: no geckodriver, and no patched build as Playwright's is.
https://www.w3.org/TR/webdriver-bidi/
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from websockets.sync.client import connect

from tests.limits import WAIT_S

ENVIRONMENT_VARIABLE = "NOMOAT_FIREFOX"
NAMES_ON_PATH = ("firefox-esr", "firefox")
ANNOUNCEMENT = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
# A test's browser asks nobody but the test's own servers.
PREFERENCES: Mapping[str, bool | int | str] = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.systemAddon.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.server": "",
}


class PageError(Exception):
    """What a page's script threw, or what the browser refused."""


def find_firefox(environment: Mapping[str, str] = os.environ) -> Path | None:
    """NOMOAT_FIREFOX, else the first of Firefox's names on PATH."""
    names = [environment[ENVIRONMENT_VARIABLE]] if environment.get(ENVIRONMENT_VARIABLE) else NAMES_ON_PATH
    found = (shutil.which(name, path=environment.get("PATH")) for name in names)
    return next((Path(path) for path in found if path), None)


class BidiBrowser:
    """A headless Firefox with a profile of its own, in ``profile``, which is made."""

    def __init__(self, executable: Path, profile: Path) -> None:
        profile.mkdir()
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items())
        (profile / "user.js").write_text("".join(lines))
        self._log = profile / "log.txt"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [executable, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port=0"],
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        self._last_id = 0
        self._open = ExitStack()
        self._open.callback(self._process.kill)
        try:
            self._socket = self._open.enter_context(connect(f"{self._address()}/session", max_size=None))
            self.version: str = self.call("session.new", capabilities={})["capabilities"]["browserVersion"]
        except BaseException:
            self._open.close()
            raise

    def _address(self) -> str:
        deadline = time.monotonic() + WAIT_S
        while not (found := ANNOUNCEMENT.search(self._log.read_text(errors="replace"))):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise PageError(f"Firefox did not start: {self._log.read_text(errors='replace')}")
            time.sleep(0.05)
        return found[1]

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._last_id += 1
        self._socket.send(json.dumps({"id": self._last_id, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv(timeout=WAIT_S))
            if answer.get("id") != self._last_id:
                continue  # an event, of which none is subscribed to by name
            if answer["type"] == "error":
                raise PageError(f"{method}: {answer['message']}")
            result: dict[str, Any] = answer["result"]
            return result

    def open(self, url: str) -> BidiPage:
        """A new tab with this address, loaded."""
        page = BidiPage(self, self.call("browsingContext.create", type="tab")["context"])
        page.goto(url)
        return page

    def close(self) -> None:
        with self._open:
            self.call("browser.close")
            self._process.wait(WAIT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class BidiPage:
    def __init__(self, browser: BidiBrowser, context: str) -> None:
        self._browser = browser
        self._context = context

    def goto(self, url: str) -> None:
        self._browser.call("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def evaluate(self, function: str, *arguments: Any) -> Any:
        """What ``function`` (JavaScript, may be async) gives for the arguments; both ways what JSON can say."""
        answer = self._browser.call(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({function})(...{json.dumps(arguments)})))()",
            target={"context": self._context},
            awaitPromise=True,
        )
        if answer["type"] == "exception":
            raise PageError(answer["exceptionDetails"]["text"])
        value = answer["result"].get("value")
        return None if value is None else json.loads(value)

    def wait_for(self, function: str, *arguments: Any) -> Any:
        """The first value of ``function`` that JavaScript takes for true."""
        deadline = time.monotonic() + WAIT_S
        while not (value := self.evaluate(function, *arguments)):
            assert time.monotonic() < deadline, f"never true: {function} {arguments}"
            time.sleep(0.05)
        return value

    def click(self, selector: str) -> None:
        """A real click in the middle of the element."""
        (element,) = self._browser.call(
            "browsingContext.locateNodes", context=self._context, locator={"type": "css", "value": selector}
        )["nodes"]
        self.evaluate("selector => document.querySelector(selector).scrollIntoView({ block: 'center' })", selector)
        origin = {"type": "element", "element": {"sharedId": element["sharedId"]}}
        move = {"type": "pointerMove", "x": 0, "y": 0, "origin": origin}
        press = [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        self._act({"type": "pointer", "id": "mouse", "actions": [move, *press]})

    def type(self, text: str) -> None:
        """Presses the keys of ``text``; what has the focus gets them."""
        keys = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        self._act({"type": "key", "id": "keyboard", "actions": keys})

    def close(self) -> None:
        self._browser.call("browsingContext.close", context=self._context)

    def _act(self, source: dict[str, Any]) -> None:
        self._browser.call("input.performActions", context=self._context, actions=[source])
