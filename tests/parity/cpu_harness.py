"""Runs CPU kernels in wasmtime: arrays in, arrays out, any number of pretended threads one after the other."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wasmtime
from nomoat_compiler.cpu_library import build_library
from nomoat_compiler.operators.cpu.emit import Build

from tests.fixtures.kept import locked

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "compiler" / "nomoat_compiler"
BUILDS = (Build(relaxed=True, threads=False), Build(relaxed=False, threads=False))

each_build = pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.name)


@cache
def module_bytes(build: Build) -> bytes:
    """The library, kept under .cache by the hash of its sources."""
    digest = hashlib.sha256()
    for path in [*sorted((SOURCES / "operators").rglob("*.py")), SOURCES / "targets" / "wasm.py"]:
        digest.update(path.read_bytes())
    kept = ROOT / ".cache" / "cpu-library" / f"{digest.hexdigest()[:16]}-{build.name}.wasm"
    with locked(kept):
        if not kept.exists():
            partial = kept.with_suffix(".partial")
            partial.write_bytes(build_library([build])[0])
            partial.rename(kept)
    return kept.read_bytes()


@cache
def _module(build: Build) -> Any:
    config = wasmtime.Config()
    config.wasm_relaxed_simd = True
    engine = wasmtime.Engine(config)
    return engine, wasmtime.Module(engine, module_bytes(build))


class CpuMachine:
    """One linear memory with the library on it. ``place`` puts an array there and returns its address."""

    def __init__(self, build: Build, megabytes: int = 64) -> None:
        engine, module = _module(build)
        self.build = build
        self.store = wasmtime.Store(engine)
        limits = wasmtime.Limits(megabytes * 16, 65536)
        self.memory = wasmtime.Memory(self.store, wasmtime.MemoryType(limits))
        self.exports = wasmtime.Instance(self.store, module, [self.memory]).exports(self.store)
        self._next = 1 << 17

    def place(self, array: np.ndarray[Any, Any] | int, spare: int = 64) -> int:
        """The address of a copy of ``array``, or of that many zero bytes; ``spare`` bytes follow."""
        data = bytes(array) if isinstance(array, int) else np.ascontiguousarray(array).tobytes()
        address = self._next
        self._next += (len(data) + spare + 63) // 64 * 64
        assert self._next <= self.memory.data_len(self.store), "the machine's memory is too small for this test"
        self.memory.write(self.store, data, address)
        return address

    def call(self, kernel: str, *arguments: int, threads: int | None = 1) -> None:
        """Calls the kernel as each of ``threads`` threads in turn; None: the kernel takes no thread."""
        function = self.exports[kernel]
        if threads is None:
            function(self.store, *arguments)
            return
        for thread in range(threads):
            function(self.store, *arguments, thread, threads)

    def read(self, address: int, dtype: Any, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
        count = int(np.prod(shape)) * np.dtype(dtype).itemsize
        data = bytes(self.memory.read(self.store, address, address + count))
        return np.frombuffer(data, dtype).reshape(shape).copy()


def float_bits(value: float) -> int:
    """A float32 as the int32 that stands for it in a kernel's scalar arguments."""
    return int(np.float32(value).view(np.int32))


def random(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)
