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


def target_for(build: Build) -> Any:
    features = ["+simd128", "+bulk-memory", "+sign-ext", "+nontrapping-fptoint", "+mutable-globals"]
    if build.relaxed:
        features.append("+relaxed-simd")
    if build.threads:
        features.append("+atomics")
    return tvm.target.Target(
        {"kind": "llvm", "mtriple": "wasm32-unknown-unknown", "vector-width": 128, "mattr": features}
    )


def compile_object(functions: dict[str, Any], build: Build) -> Any:
    """The LLVM module of ``functions`` (name -> PrimFunc of operators.cpu.emit.function)."""
    target = target_for(build)
    module = tirx.transform.BindTarget(target)(tvm.IRModule(functions))
    t = tirx.transform
    with target:
        module = tvm.ir.transform.Sequential([t.FlattenBuffer(), t.LowerTVMBuiltin(), t.LowerIntrin()])(module)
        return tvm.get_global_func("target.build.llvm")(module, target)


def link(functions: dict[str, Any], build: Build, extra: Sequence[str] = ()) -> bytes:
    """The module as bytes, exporting every function. ``internal`` where the linker fails."""
    compiled = compile_object(functions, build)
    with tempfile.TemporaryDirectory() as folder:
        object_file, module = Path(folder, "kernels.o"), Path(folder, "kernels.wasm")
        compiled.write_to_file(str(object_file), "o")
        command = [
            sys.executable, "-m", "ziglang", "wasm-ld", str(object_file), "-o", str(module), "--no-entry",
            "--import-memory", "-z", f"stack-size={STACK_BYTES}", "--stack-first", "--gc-sections", "--strip-all",
            "--export=__heap_base", "--export=__stack_pointer", f"--max-memory={MAX_PAGES << 16}",
            *(f"--export={name}" for name in functions), *(["--shared-memory"] if build.threads else []), *extra,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NomoatError("internal", f"wasm-ld failed on {build.name}: {done.stderr.strip()[:2000]}")
        return module.read_bytes()
