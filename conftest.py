"""Gives every test of the repository its time limit."""

from __future__ import annotations

import pytest

from tests.limits import TEST_S


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.timeout(TEST_S))
