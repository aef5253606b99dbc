"""Our npm packages as people get them: built, packed, and unpacked where a project would have them."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.fixtures.kept import locked
from tests.limits import PROCESS_S

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "packed"
SKIPPED = {"node_modules", "dist", "tests"}
WORKSPACES = ("runtime", "client")


@dataclass(frozen=True)
class Packed:
    """``node_modules``: a folder of this name with both packages in it."""

    node_modules: Path
    contents: dict[str, list[str]]  # workspace -> names of its files

    def folder(self, workspace: str) -> Path:
        return self.node_modules / "@nomoat" / workspace

    def manifest(self, workspace: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.folder(workspace) / "package.json").read_text())
        return content


def packed() -> Packed:
    """Both, built from the sources as they are now. Kept below .cache by the hash of what they are made of."""
    folder = CACHE / _sources()
    with locked(folder):
        if not folder.exists():
            _pack(folder)
    return Packed(folder / "node_modules", json.loads((folder / "contents.json").read_text()))


def _sources() -> str:
    digest = sha256()
    folders = [ROOT / "packaging", *(ROOT / workspace for workspace in WORKSPACES)]
    files = [path for folder in folders for path in folder.rglob("*") if not SKIPPED & set(path.parts)]
    for path in sorted([*files, *(ROOT / name for name in ("package-lock.json", "tsconfig.base.json", "LICENSE"))]):
        if path.is_file():
            digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _pack(folder: Path) -> None:
    contents = {}
    made = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    for workspace in WORKSPACES:
        run(["npm", "run", "build", "-w", workspace])
        (report,) = json.loads(run(["npm", "pack", f"./{workspace}/dist", "--json", "--pack-destination", str(made)]))
        contents[workspace] = sorted(file["path"] for file in report["files"])
        with tarfile.open(made / report["filename"]) as archive:
            for member in archive.getmembers():
                member.name = member.name.removeprefix("package/")
                archive.extract(member, made / "node_modules" / "@nomoat" / workspace, filter="data")
    (made / "contents.json").write_text(json.dumps(contents))
    made.rename(folder)


def run(command: list[str], cwd: Path = ROOT) -> str:
    """What it printed. A failure has all that it said."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=PROCESS_S)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}{done.stderr}"
    return done.stdout
