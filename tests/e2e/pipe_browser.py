"""A browser over a bare DevTools pipe, attached to nothing but the pages that a test names.

Playwright attaches to service workers, which keeps them alive; tests of their death need a browser without it.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from pathlib import Path
from typing import Any, Self

from nomoat.browser.chromium import Adapter, find_chromium, launch_arguments

from tests.limits import WAIT_S


class DevToolsError(Exception):
    """The browser refused a command."""


class PipeBrowser:
    def __init__(self, extension: Path, profile: Path) -> None:
        from_test, to_browser = os.pipe()
        from_browser, to_test = os.pipe()

        def as_descriptors_3_and_4() -> None:
            # First out of the way: one of the ends may itself be 3 or 4.
            read, write = os.dup(from_test), os.dup(to_test)
            high = max(read, write, 10)
            os.dup2(read, high + 1)
            os.dup2(write, high + 2)
            os.dup2(high + 1, 3)
            os.dup2(high + 2, 4)

        self._process = subprocess.Popen(
            [
                str(find_chromium()),
                "--headless=new",
                "--remote-debugging-pipe",
                # As Playwright does: in a container /dev/shm may be tiny.
                "--disable-dev-shm-usage",
                f"--user-data-dir={profile}",
                *launch_arguments(Adapter.SOFTWARE),
                f"--disable-extensions-except={extension}",
                f"--load-extension={extension}",
                "about:blank",
            ],
            close_fds=False,
            preexec_fn=as_descriptors_3_and_4,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(from_test)
        os.close(to_test)
        self._write, self._read = to_browser, from_browser
        self._received = b""
        self._last_id = 0

    def call(self, method: str, session: str | None = None, **params: object) -> dict[str, Any]:
        self._last_id += 1
        message: dict[str, object] = {"id": self._last_id, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + WAIT_S
        while True:
            answer = self._receive(deadline)
            if answer.get("id") == self._last_id:
                if "error" in answer:
                    raise DevToolsError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result

    def targets(self, kind: str, part_of_url: str = "") -> list[str]:
        found = self.call("Target.getTargets", filter=[{}])["targetInfos"]
        return [t["targetId"] for t in found if t["type"] == kind and part_of_url in t["url"]]

    def wait_for_target(self, kind: str, part_of_url: str) -> str:
        deadline = time.monotonic() + WAIT_S
        while not (found := self.targets(kind, part_of_url)):
            assert time.monotonic() < deadline, f"no {kind} with {part_of_url}"
            time.sleep(0.05)
        return found[0]

    def wait_until_gone(self, target: str) -> None:
        deadline = time.monotonic() + WAIT_S
        while target in (t["targetId"] for t in self.call("Target.getTargets", filter=[{}])["targetInfos"]):
            assert time.monotonic() < deadline, f"{target} is still there"
            time.sleep(0.05)

    def url_of(self, target: str) -> str:
        url: str = self.call("Target.getTargetInfo", targetId=target)["targetInfo"]["url"]
        return url

    def click(self, session: str, selector: str) -> None:
        """A real click in the middle of the element."""
        middle = f"""(({{ x, y, width, height }}) => [x + width / 2, y + height / 2])
            (document.querySelector({json.dumps(selector)}).getBoundingClientRect())"""
        x, y = self.evaluate(session, middle)
        for event in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", session, type=event, x=x, y=y, button="left", clickCount=1)

    def attach(self, target: str) -> str:
        session: str = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return session

    def open(self, url: str) -> str:
        """A session with a new page of this address, loaded."""
        session = self.attach(self.call("Target.createTarget", url=url)["targetId"])
        self.wait_for(session, f"location.href.startsWith({json.dumps(url)}) && document.readyState === 'complete'")
        return session

    def evaluate(self, session: str, expression: str, *, gesture: bool = False) -> Any:
        answer = self.call(
            "Runtime.evaluate",
            session,
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            userGesture=gesture,
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, session: str, expression: str) -> None:
        deadline = time.monotonic() + WAIT_S
        while not self._is_true(session, expression):
            assert time.monotonic() < deadline, f"never true: {expression}"
            time.sleep(0.05)

    def _is_true(self, session: str, expression: str) -> bool:
        try:
            return bool(self.evaluate(session, expression))
        except DevToolsError:
            return False  # a page between two documents has no context to evaluate in

    def close(self) -> None:
        try:
            self.call("Browser.close")
        finally:
            self._process.wait(WAIT_S)
            os.close(self._write)
            os.close(self._read)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _receive(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, "the browser does not answer"
            part = os.read(self._read, 1 << 20)
            assert part, "the browser is gone"
            self._received += part
        message, _, self._received = self._received.partition(b"\0")
        received: dict[str, Any] = json.loads(message)
        return received
