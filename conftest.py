"""What holds for every test of the repository: its time limit, and an environment that is the same everywhere."""

from __future__ import annotations

import os

import pytest

from tests.limits import TEST_S

# What a machine asks of all programs about its terminal and its way to the internet. It would change what our commands
# print, and whether urllib finds a server on 127.0.0.1; no test needs the internet.
OF_THE_MACHINE = {"FORCE_COLOR", "NO_COLOR", "PY_COLORS", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES"}
OF_THE_MACHINE |= {"TTY_COMPATIBLE", "TTY_INTERACTIVE", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY"}


def pytest_configure() -> None:
    for name in [name for name in os.environ if name.upper() in OF_THE_MACHINE]:
        del os.environ[name]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.timeout(TEST_S))
