"""The built extension asks for no more than docs/decisions/0040 says and opens no door to pages or other extensions."""

from __future__ import annotations

import base64
import gzip
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

EXTENSION_ID = "hojagfgdaiiogojndcgepkaonmpghbol"


@pytest.fixture(scope="module")
def manifest(extension_dir: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((extension_dir / "manifest.json").read_text())
    return found


def test_permissions(manifest: dict[str, Any]) -> None:
    assert manifest["manifest_version"] == 3
    assert sorted(manifest["permissions"]) == ["offscreen", "scripting", "sidePanel", "storage", "unlimitedStorage"]
    # Of single hosts, when the person switches the task interfaces on for them.
    assert manifest["optional_host_permissions"] == ["http://*/*", "https://*/*"]
    doors = {"host_permissions", "optional_permissions", "web_accessible_resources", "externally_connectable"}
    assert doors.isdisjoint(manifest)


def test_the_id_stays(manifest: dict[str, Any]) -> None:
    """It is the first half of the key's SHA-256, written with the letters a to p; OPFS hangs on it."""
    digest = sha256(base64.b64decode(manifest["key"])).hexdigest()[:32]
    assert "".join(chr(ord("a") + int(digit, 16)) for digit in digest) == EXTENSION_ID


def test_pages_are_isolated_and_run_only_their_own_code(manifest: dict[str, Any]) -> None:
    assert manifest["cross_origin_embedder_policy"] == {"value": "require-corp"}
    assert manifest["cross_origin_opener_policy"] == {"value": "same-origin"}
    policy = manifest["content_security_policy"]["extension_pages"].split("; ")
    assert "script-src 'self' 'wasm-unsafe-eval'" in policy
    assert "default-src 'none'" in policy


def test_content_scripts_come_in_order_and_everywhere(manifest: dict[str, Any]) -> None:
    worlds = [script["world"] for script in manifest["content_scripts"]]
    assert worlds == ["ISOLATED", "MAIN"]
    for script in manifest["content_scripts"]:
        assert script["run_at"] == "document_start"
        assert script["all_frames"] is True
        assert script["match_origin_as_fallback"] is True


def test_content_scripts_stay_small(extension_dir: Path, manifest: dict[str, Any]) -> None:
    """They run in every frame of every page: the engine must not have been bundled into them."""
    for script in manifest["content_scripts"]:
        for file in script["js"]:
            assert len(gzip.compress((extension_dir / file).read_bytes())) <= 14_000, file
