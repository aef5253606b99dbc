"""Makes a folder that measures on a machine with a GPU where nothing is installed: run.sh in it.

    python -m tests.bench.webgpu.bundle OUT_FOLDER [--cases CASES.json]

It holds Node and Dawn, the bundled runtime, the programs of configs/, the cases of the kernel tests (recorded now, or
those of CASES.json), and libraries for systems that lack them. For the kind of system that it is made on: x86-64 Linux.
"""

from __future__ import annotations

import argparse
import json
import lzma
import shutil
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

from tests.bench.webgpu.local import FOLDER, bundle_javascript, dawn_module, made_facts, program_of
from tests.fixtures.packages import ROOT
from tests.parity.vulkan_driver import Unavailable, find_swiftshader

MAX_BYTES = 60 << 20
CACHE = ROOT / ".cache" / "gpu-bundle"
# Smallest first: a deadline then costs the largest.
ORDER = ("SmolLM2-135M", "Llama-3.2-1B", "Llama-3.1-8B")
# What runs there, at the paths it is imported by.
PYTHON_FILES = ("__init__.py", "parts.py", "table.py", "gpu/__init__.py", "gpu/run.py", "gpu/drivers.py")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.webgpu.bundle")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cases", type=Path, help="recorded before by record_cases")
    options = parser.parse_args(arguments)
    if options.folder.exists():
        raise SystemExit(f"{options.folder} exists already")
    with tempfile.TemporaryDirectory(dir=options.folder.resolve().parent) as temporary:
        folder = Path(temporary) / "bundle"
        make(folder, options.cases or record(Path(temporary)))
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        if size > MAX_BYTES:
            raise SystemExit(f"the folder has {size:,} bytes, and may have {MAX_BYTES:,}")
        folder.rename(options.folder)
    print(f"{options.folder}: {size / (1 << 20):.1f} MiB; run {options.folder}/run.sh on the machine with the GPU")
    return 0


def record(folder: Path) -> Path:
    """The cases of the kernel tests, in a process of its own, as pytest is a guest there."""
    cases = folder / "cases.json"
    subprocess.run([sys.executable, "-m", "tests.bench.webgpu.record_cases", str(cases)], cwd=ROOT, check=True)
    return cases


def make(folder: Path, cases: Path) -> None:
    for name in ("packed", "programs", "lib"):
        (folder / name).mkdir(parents=True)
    (folder / "made.json").write_text(json.dumps(made_facts()))
    shutil.copy(FOLDER / "gpu" / "run.sh", folder)
    bundle_javascript(folder)
    package = folder / "tests" / "bench" / "webgpu"
    (package / "gpu").mkdir(parents=True)
    for name in PYTHON_FILES:
        shutil.copy(FOLDER / name, package / name)
    for parent in (folder / "tests", folder / "tests" / "bench"):
        (parent / "__init__.py").touch()
    for order, config in enumerate(ORDER):
        name, program = program_of(config, "q4")
        target = folder / "programs" / name.replace(" ", "-")
        shutil.copytree(program, target)
        (target / "order").write_text(str(order))
    for library in carried_libraries():
        shutil.copy(library, folder / "lib" / library.name)
    for name, file in {
        "node": stripped(Path(which("node")).resolve()),
        "dawn.node": dawn_module(),
        "cases.json": cases,
        "cases.bin": cases.with_suffix(".bin"),
    }.items():
        shutil.copy(compressed(file), folder / "packed" / f"{name}.xz")


def carried_libraries() -> list[Path]:
    """Chromium's Vulkan loader, and the C++ library of this system, which Node and Dawn run with."""
    chromium = find_swiftshader()
    if isinstance(chromium, Unavailable) or chromium.library_folder is None:
        raise SystemExit("Chromium is needed for its Vulkan loader")
    libraries = [chromium.library_folder / "libvulkan.so.1"]
    listed = subprocess.run(["ldd", which("node")], check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in listed.splitlines():
        name, _, rest = line.strip().partition(" => ")
        if name in ("libstdc++.so.6", "libgcc_s.so.1"):
            libraries.append(Path(rest.split()[0]))
    missing = [str(library) for library in libraries if not library.exists()]
    if missing:
        raise SystemExit(f"{', '.join(missing)}: not found, and needed on machines that lack it")
    return libraries


def stripped(executable: Path) -> Path:
    """Without symbols, a fifth smaller."""
    target = CACHE / f"node-{digest(executable)}"
    if not target.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run([which("strip"), "-o", str(target), str(executable)], check=True)
    return target


def compressed(file: Path) -> Path:
    """Kept below .cache, as Node alone takes a minute."""
    target = CACHE / f"{digest(file)}.xz"
    if not target.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        with file.open("rb") as source, lzma.open(partial, "wb", preset=6) as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
        partial.rename(target)
    return target


def digest(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()[:16]


def which(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise SystemExit(f"{name} is not on PATH")
    return path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
