"""Builds the CPU library: one WebAssembly module for each Build, and a record of what they hold.

    python -m nomoat_compiler.cpu_library FOLDER [--record FILE] [--check]

The same sources and the same versions of TVM and the linker give the same bytes. The record (JSON) names the builds
with size and SHA-256, the kernels and the versions; it is kept in the repository, the modules are not.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .cpu_kernels.activations import BLOCK_BYTES
from .cpu_kernels.attention import HEADS_AT_ONCE, PART_HEADER_BYTES
from .cpu_kernels.blocks import FORMATS
from .cpu_kernels.emit import BUILDS, Build
from .cpu_kernels.library import library
from .cpu_kernels.sample import PART_BYTES
from .targets.wasm import STACK_BYTES, link

MAX_GZIP_BYTES = 200_000


def build_library(build: Build) -> bytes:
    """The module of one build."""
    return link(library(build), build)


def build_all() -> dict[str, bytes]:
    """name -> module, for every build."""
    with ProcessPoolExecutor() as pool:
        modules = list(pool.map(build_library, BUILDS))
    return {build.name: module for build, module in zip(BUILDS, modules, strict=True)}


def record(modules: dict[str, bytes]) -> dict[str, Any]:
    """What the runtime must know of the library and cannot read off it, and what identifies it."""
    return {
        "generator": "python -m nomoat_compiler.cpu_library",
        "made_with": {name: version(name) for name in ("apache-tvm", "ziglang")},
        "builds": {
            name: {"nbytes": len(module), "sha256": hashlib.sha256(module).hexdigest()}
            for name, module in modules.items()
        },
        "stack_bytes": STACK_BYTES,
        "activation_block_bytes": {"relaxed": BLOCK_BYTES[True], "plain": BLOCK_BYTES[False]},
        "heads_at_once": list(HEADS_AT_ONCE),
        "attention_part_header_bytes": PART_HEADER_BYTES,
        "sampling_part_bytes": PART_BYTES,
        "formats": {
            f.name: {"bits": f.bits, "minimum": f.minimum, "half": f.half, "nbytes": f.nbytes} for f in FORMATS
        },
        "kernels": sorted(library(BUILDS[0])),
    }


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m nomoat_compiler.cpu_library")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--record", type=Path, help="write the record there")
    parser.add_argument("--check", type=Path, help="compare with this record instead of writing; exit 1 where they differ")
    given = parser.parse_args(arguments)
    modules = build_all()
    for name, module in modules.items():
        compressed = len(gzip.compress(module))
        if compressed > MAX_GZIP_BYTES:
            print(f"{name} has {compressed} bytes gzipped; the limit is {MAX_GZIP_BYTES}", file=sys.stderr)
            return 1
    text = json.dumps(record(modules), indent=2) + "\n"
    if given.check:
        if not given.check.exists() or given.check.read_text() != text:
            print(f"{given.check} does not match the kernels: run `make docs` and commit it", file=sys.stderr)
            return 1
    given.folder.mkdir(parents=True, exist_ok=True)
    for name, module in modules.items():
        (given.folder / f"{name}.wasm").write_bytes(module)
    if given.record:
        given.record.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
