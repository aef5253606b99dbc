"""Proves that the packages run in Node, on the CPU, and answer the official `openai` client there. Needs npm."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.conftest import PackageOf
from tests.packages.documented import MODEL, files
from tests.packages.packed import ROOT, Packed, run
from tests.packages.pages import ANSWER, APP
from tests.packages.site import Site


def test_the_openai_package_is_answered_in_node(packed: Packed, tiny_package: PackageOf, tmp_path: Path) -> None:
    shutil.copytree(packed.node_modules, tmp_path / "node_modules")
    openai = ROOT / "node_modules" / "openai"
    (tmp_path / "node_modules" / "openai").symlink_to(openai)
    shutil.copy(APP / "in_node.mjs", tmp_path)
    with Site({"model": tiny_package("f32")}, {}) as site:
        url = f"{site.origin}/plain/model/"
        (tmp_path / "node.mjs").write_text(files()["node.mjs"].replace(MODEL, url))
        assert run(["node", "node.mjs"], tmp_path).strip() == ANSWER
        given = json.loads(run(["node", "in_node.mjs", url], tmp_path))
    assert given["texts"] == [ANSWER] * 3
    assert given["models"] == ["tiny_llama-f32"]
    assert given["device"] == "wasm"
    assert given["loaded"] == [True] * 3
