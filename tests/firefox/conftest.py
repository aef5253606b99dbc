"""A Firefox for all tests here. Where there is none, and nobody who may install one, they are skipped."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.firefox.bidi_browser import ENVIRONMENT_VARIABLE, BidiBrowser, find_firefox


@pytest.fixture(scope="session")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BidiBrowser]:
    executable = find_firefox()
    if executable is None:
        message = f"no Firefox: install firefox-esr, or set {ENVIRONMENT_VARIABLE} to its path"
        # `make test` installs it where it may.
        assert os.geteuid() != 0 and ENVIRONMENT_VARIABLE not in os.environ, message
        pytest.skip(message)
    with BidiBrowser(executable, tmp_path_factory.mktemp("firefox") / "profile") as browser:
        yield browser
