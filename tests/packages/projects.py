"""Projects as their authors have them: the app, the packages below node_modules, and a bundler with what
docs/packages.md shows for it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.packages.documented import files
from tests.packages.packed import ROOT, Packed, run
from tests.packages.pages import APP

BUNDLERS = Path(__file__).parent / "bundlers"
WEBPACK = """
import webpack from "webpack";
import config from "./webpack.config.js";

webpack(config, (error, stats) => {
  if (error) throw error;
  console.log(stats.toString());
  process.exitCode = stats.hasErrors() || stats.hasWarnings() ? 1 : 0;
});
"""


def project(folder: Path, packed: Packed, documented: tuple[str, ...], tools: tuple[Path, ...]) -> Path:
    """``documented``: names of blocks of docs/packages.md. ``tools``: packages, each with a name of its own."""
    shutil.copytree(APP, folder)
    shutil.copytree(packed.node_modules, folder / "node_modules")
    for tool in tools:
        (folder / "node_modules" / tool.name).symlink_to(tool)
    for name in documented:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(files()[name])
    (folder / "package.json").write_text('{ "name": "a-site", "private": true, "type": "module" }')
    return folder


def vite(folder: Path, packed: Packed) -> Path:
    """The folder that it builds."""
    made = project(folder, packed, ("vite.config.js",), (ROOT / "node_modules" / "vite",))
    run(["node", "node_modules/vite/bin/vite.js", "build", "--logLevel", "warn"], made)
    return made / "dist"


def webpack(folder: Path, packed: Packed) -> Path:
    made = project(folder, packed, ("webpack.config.js",), (BUNDLERS / "node_modules" / "webpack",))
    (made / "build.mjs").write_text(WEBPACK)
    run(["node", "build.mjs"], made)
    shutil.copy(made / "index.html", made / "dist")
    return made / "dist"


def esbuild(folder: Path, packed: Packed) -> Path:
    made = project(folder, packed, ("build.mjs",), (BUNDLERS / "node_modules" / "esbuild",))
    run(["node", "build.mjs"], made)
    shutil.copy(made / "index.html", made / "dist")
    return made / "dist"
