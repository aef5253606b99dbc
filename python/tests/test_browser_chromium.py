"""Proves how the browser is found, how it is started, and what is said when it is absent. Needs nothing."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from nomoat.browser.chromium import Adapter, find_chromium, launch_arguments
from nomoat.browser.runner import rebuilt
from nomoat.server.listen import listen
from nomoat_compiler.errors import NomoatError


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_environment_variable_comes_first(tmp_path: Path) -> None:
    named = executable(tmp_path / "mine" / "browser")
    on_path = executable(tmp_path / "bin" / "chromium")
    path = str(on_path.parent)
    assert find_chromium({"NOMOAT_CHROMIUM": str(named), "PATH": path}) == named
    assert find_chromium({"PATH": path}) == on_path


def test_chrome_is_taken_where_there_is_no_chromium(tmp_path: Path) -> None:
    chrome = executable(tmp_path / "google-chrome")
    assert find_chromium({"PATH": str(tmp_path)}) == chrome


def test_no_browser_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nomoat.browser.chromium.MACOS_APPLICATIONS", ())
    with pytest.raises(NomoatError) as caught:
        find_chromium({"PATH": str(tmp_path)})
    assert caught.value.code == "unsupported_device"
    assert "apt-get install chromium" in caught.value.message


def test_a_wrong_environment_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(NomoatError) as caught:
        find_chromium({"NOMOAT_CHROMIUM": str(tmp_path / "absent"), "PATH": ""})
    assert "NOMOAT_CHROMIUM" in caught.value.message


def test_only_the_software_adapter_is_forced() -> None:
    assert "--use-webgpu-adapter=swiftshader" in launch_arguments(Adapter.SOFTWARE)
    for adapter in (Adapter.AUTO, Adapter.HARDWARE):
        assert not any("swiftshader" in argument for argument in launch_arguments(adapter))


def test_errors_of_the_page_are_rebuilt() -> None:
    error = rebuilt({"code": "context_overflow", "message": "too long", "detail": {"tokens": 3}})
    assert (error.code, error.message, error.detail) == ("context_overflow", "too long", {"tokens": 3})
    assert rebuilt({"code": "made_up", "message": "x"}).code == "internal"


def test_a_port_in_use_is_a_typed_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(NomoatError) as caught:
            listen("127.0.0.1", taken.getsockname()[1])
    assert caught.value.code == "invalid_request"
    with pytest.raises(NomoatError):
        listen("no-such-host.invalid", 0)
