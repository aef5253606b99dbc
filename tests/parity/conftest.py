"""Skips the tests of an adapter that this machine cannot have."""

from __future__ import annotations

import pytest

from tests.parity.adapters import SoftwareAdapter, reason_without


def pytest_runtest_setup(item: pytest.Item) -> None:
    adapter = item.callspec.params.get("adapter") if hasattr(item, "callspec") else None
    if isinstance(adapter, SoftwareAdapter):
        reason = reason_without(adapter)
        if reason is not None:
            pytest.skip(reason)
