"""Proves that lavapipe is had once, whole or not at all, and that its absence has a reason. Needs apt for the first."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from tests.parity.lavapipe import FETCHED_ON, Unavailable, fetch, find_lavapipe, on_system
from tests.parity.vulkan_driver import VulkanDriver


def test_two_at_once_fetch_one(tmp_path: Path) -> None:
    """Skipped where this machine cannot fetch: a system's own lavapipe, or the reason is what the adapters go by."""
    if isinstance(fetched := find_lavapipe(), Unavailable):
        pytest.skip(fetched.reason)
    if fetched.library_folder is None:
        pytest.skip("the system has a lavapipe of its own")
    folder = tmp_path / "lavapipe"
    found: list[VulkanDriver | Unavailable] = []
    callers = [threading.Thread(target=lambda: found.append(fetch(folder))) for _ in range(2)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert found[0] == found[1]
    assert isinstance(found[0], VulkanDriver) and found[0].icd.is_relative_to(folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lavapipe", "lavapipe.lock"], "what the fetch left"
    # Without apt, because it is there.
    assert fetch(folder, {"PATH": ""}) == found[0]


def test_no_network_is_a_reason_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "apt.conf").write_text(
        'Acquire::http::Proxy "http://127.0.0.1:9";\nAcquire::https::Proxy "http://127.0.0.1:9";\n'
    )
    folder = tmp_path / "cache" / "lavapipe"
    found = fetch(folder, {**os.environ, "APT_CONFIG": str(tmp_path / "apt.conf")})
    assert isinstance(found, Unavailable)
    assert found.reason.startswith("no lavapipe: ")
    if shutil.which("apt-get") and f"ID={FETCHED_ON[0]}" in Path("/etc/os-release").read_text():
        assert "127.0.0.1" in found.reason, "the words of apt"
    assert [path.name for path in folder.parent.iterdir()] == ["lavapipe.lock"]


@pytest.mark.parametrize(("api_version", "taken"), [("1.3.230", False), ("1.4.305", True), ("2.0.0", True)])
def test_an_installed_one_is_taken_where_it_is_recent_enough(api_version: str, taken: bool, tmp_path: Path) -> None:
    icd = tmp_path / "lvp_icd.x86_64.json"
    icd.write_text(json.dumps({"ICD": {"api_version": api_version, "library_path": "libvulkan_lvp.so"}}))
    assert on_system([tmp_path / "no-such-folder", tmp_path]) == (VulkanDriver(icd, None) if taken else None)
