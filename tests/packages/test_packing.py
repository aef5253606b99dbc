"""Proves what npm packs: the files and the manifest of each package, that nothing else is in them, and their sizes.

The lists are goldens, refreshed by UPDATE_GOLDEN=1 and read as a diff. Needs npm.
"""

from __future__ import annotations

import gzip
import json
import os
import re
from pathlib import Path

import pytest

from tests.packages.packed import ROOT, WORKSPACES, Packed

GOLDEN = Path(__file__).parent / "golden"
CLIENT_LIMIT_BYTES = 3_000  # gzipped
ALLOWED = re.compile(
    r"[\w-]+\.js|types/[\w/]+(?:\.gen)?\.d\.ts|library/(?:[\w-]+\.(?:wasm|bin)|plans\.gen\.json)|package\.json|(README|LICENSE|NOTICES)(\.md|\.txt)?"
)
# A path of the machine that built it, a map, or code that only the source has.
FOREIGN = re.compile(
    r"sourceMappingURL|file://|" + re.escape(str(ROOT)) + r"|/node_modules/|\bfrom ?[\"'`]node:|import\([\"'`]node:"
)


@pytest.mark.parametrize("workspace", WORKSPACES)
def test_contents_are_those_of_the_golden(packed: Packed, workspace: str) -> None:
    text = json.dumps({"files": packed.contents[workspace], "manifest": packed.manifest(workspace)}, indent=2) + "\n"
    golden = GOLDEN / f"{workspace}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize("workspace", WORKSPACES)
def test_nothing_but_built_files_is_packed(packed: Packed, workspace: str) -> None:
    assert [name for name in packed.contents[workspace] if not ALLOWED.fullmatch(name)] == []
    folder = packed.folder(workspace)
    scripts = [name for name in packed.contents[workspace] if name.endswith((".js", ".d.ts", ".json"))]
    assert {name: found[0] for name in scripts if (found := FOREIGN.search((folder / name).read_text()))} == {}


@pytest.mark.parametrize("workspace", WORKSPACES)
def test_what_the_manifest_names_is_there(packed: Packed, workspace: str) -> None:
    manifest, folder = packed.manifest(workspace), packed.folder(workspace)
    named = [path for target in manifest["exports"].values() if isinstance(target, dict) for path in target.values()]
    assert [path for path in [*named, *(manifest["sideEffects"] or [])] if not (folder / path).is_file()] == []
    assert "scripts" not in manifest and "devDependencies" not in manifest and "private" not in manifest
    # What a script imports or names by URL lies beside it.
    for script in folder.glob("*.js"):
        text = script.read_text()
        beside = re.findall(
            r"(?:\bfrom|\bimport)\(?[\"'`](\./[^\"'`]+)|new URL\(\"([^\"]+)\",import\.meta\.url\)", text
        )
        assert [a or b for a, b in beside if not (folder / (a or b)).is_file()] == [], script.name


def test_the_versions_are_one(packed: Packed) -> None:
    runtime, client = packed.manifest("runtime"), packed.manifest("client")
    assert client["version"] == runtime["version"]
    assert client["dependencies"] == {"@nomoat/runtime": runtime["version"]}
    assert "dependencies" not in runtime


def test_the_client_is_small(packed: Packed) -> None:
    scripts = packed.folder("client").glob("*.js")
    assert sum(len(gzip.compress(script.read_bytes(), 9)) for script in scripts) <= CLIENT_LIMIT_BYTES
