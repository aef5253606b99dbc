"""Proves that the packages' types hold under both module resolutions, with and without the types of WebGPU, and that
every declaration of theirs is right by itself. Needs npm.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.packages.packed import ROOT, Packed, run

USE = Path(__file__).parent / "app" / "types.ts"


@pytest.mark.parametrize(
    ("module", "resolution", "types"),
    [("ESNext", "bundler", ["@webgpu/types"]), ("Node16", "node16", [])],
)
def test_a_program_compiles(packed: Packed, tmp_path: Path, module: str, resolution: str, types: list[str]) -> None:
    shutil.copytree(packed.node_modules, tmp_path / "node_modules")
    (tmp_path / "node_modules" / "@webgpu").symlink_to(ROOT / "node_modules" / "@webgpu")
    shutil.copy(USE, tmp_path)
    (tmp_path / "package.json").write_text('{ "type": "module" }')
    options = {
        "target": "ES2022",
        "module": module,
        "moduleResolution": resolution,
        "lib": ["ES2022", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
        "types": types,
        "strict": True,
        "exactOptionalPropertyTypes": True,
        "skipLibCheck": False,
        "noEmit": True,
    }
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "files": ["types.ts"]}))
    run([str(ROOT / "node_modules" / ".bin" / "tsc"), "-p", str(tmp_path)])
