"""Projects as their authors have them: the app, the packages below node_modules, and a bundler with what
docs/packages.md shows for it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.packages.documented import MODEL, files
from tests.packages.packed import ROOT, Packed, run
from tests.packages.pages import APP

BUNDLERS = Path(__file__).parent / "bundlers"
NEXT = Path(__file__).parent / "next"
COLOUR = re.compile("\x1b\\[\\d*m")
WEBPACK = """
import webpack from "webpack";
import config from "./webpack.config.js";

webpack(config, (error, stats) => {
  if (error) throw error;
  console.log(stats.toString());
  process.exitCode = stats.hasErrors() || stats.hasWarnings() ? 1 : 0;
});
"""
LAYOUT = """
export default ({ children }) => <html lang="en"><body>{children}</body></html>;
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


@contextmanager
def vite_dev_server(folder: Path, packed: Packed) -> Iterator[str]:
    """Its address."""
    made = project(folder, packed, ("vite.config.js",), (ROOT / "node_modules" / "vite",))
    command = ["node", "node_modules/vite/bin/vite.js", "--host", "127.0.0.1", "--port", "0"]
    with subprocess.Popen(command, cwd=made, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            printed = iter(server.stdout)
            yield next(
                found[0] for line in printed if (found := re.search(r"http://127\.0\.0\.1:\S+", COLOUR.sub("", line)))
            )
        finally:
            server.terminate()


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


def next_export(folder: Path, packed: Packed, model_url: str, bundler: str) -> Path:
    """The page that docs/packages.md shows, asking the model at ``model_url``. ``bundler``: turbopack or webpack."""
    folder.mkdir()
    shutil.copytree(NEXT / "node_modules", folder / "node_modules", symlinks=True)
    shutil.copytree(packed.node_modules / "@nomoat", folder / "node_modules" / "@nomoat")
    for name in ("next.config.mjs", "app/page.jsx"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(files()[name].replace(MODEL, model_url))
    (folder / "app" / "layout.jsx").write_text(LAYOUT)
    (folder / "package.json").write_text('{ "name": "a-site", "private": true, "type": "module" }')
    run(["node", "node_modules/next/dist/bin/next", "build", f"--{bundler}"], folder)
    return folder / "out"
