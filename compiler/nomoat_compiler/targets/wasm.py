"""WebAssembly: from TIR functions to one wasm32 module without TVM's runtime.

LLVM makes a relocatable object, wasm-ld (from the package ziglang) links it. Memory is imported; the stack pointer is
exported, so that each thread can have a stack of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tvm
from tvm import tirx

from ..errors import NomoatError
from ..operators.cpu.emit import Build

# The library's own stack and data end below this; the runtime lays out memory above it.
STACK_BYTES = 64 << 10
MAX_PAGES = 65536


def target_for(*, relaxed: bool) -> Any:
    features = ["+simd128", "+bulk-memory", "+sign-ext", "+nontrapping-fptoint", "+mutable-globals", "+atomics"]
    if relaxed:
        features.append("+relaxed-simd")
    return tvm.target.Target(
        {"kind": "llvm", "mtriple": "wasm32-unknown-unknown", "vector-width": 128, "mattr": features}
    )


def link(functions: dict[str, Any], builds: Sequence[Build]) -> list[bytes]:
    """A module for each of ``builds``, which differ in threads alone, exporting every function.

    Kernels have no atomic operations, so they are compiled once: threads decide whether the imported memory is shared.
    ``functions``: name -> PrimFunc of operators.cpu.emit.function. ``internal`` where the linker fails.
    """
    (relaxed,) = {build.relaxed for build in builds}
    compiled = _compile(functions, target_for(relaxed=relaxed))
    with tempfile.TemporaryDirectory() as folder:
        object_file = Path(folder, "kernels.o")
        compiled.write_to_file(str(object_file), "o")
        return [_link(object_file, list(functions), build) for build in builds]


def _compile(functions: dict[str, Any], target: Any) -> Any:
    """The LLVM module."""
    module = tirx.transform.BindTarget(target)(tvm.IRModule(functions))
    t = tirx.transform
    with target:
        module = tvm.ir.transform.Sequential([t.FlattenBuffer(), t.LowerTVMBuiltin(), t.LowerIntrin()])(module)
        return tvm.get_global_func("target.build.llvm")(module, target)


def _link(object_file: Path, names: Sequence[str], build: Build) -> bytes:
    module = object_file.with_suffix(".wasm")
    command = [
        sys.executable, "-m", "ziglang", "wasm-ld", str(object_file), "-o", str(module), "--no-entry",
        "--import-memory", "-z", f"stack-size={STACK_BYTES}", "--stack-first", "--gc-sections", "--strip-all",
        "--export=__heap_base", "--export=__stack_pointer", f"--max-memory={MAX_PAGES << 16}",
        *(f"--export={name}" for name in names), *(["--shared-memory"] if build.threads else []),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NomoatError("internal", f"wasm-ld failed on {build.name}: {done.stderr.strip()[:2000]}")
    return module.read_bytes()
