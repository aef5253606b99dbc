"""WebGPU: from a kernel with open symbols to WGSL with pipeline-overridable constants, and its launch.

The generated WGSL is the single source for bindings, constants, uniforms, workgroup size and workgroup memory: they
are read from its text, so the record cannot disagree with the shader.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tvm
from tvm import tirx
from tvm.tirx.build import codegen_build

from ..expression import symbols_of
from ..operators.declaration import OperatorDeclaration
from ..operators.gpu.operator import GpuOperator, Symbols, Variant
from ..operators.gpu.subgroups import SIZE
from ..passes.lower_kernel import lower_kernels

_BINDING = re.compile(r"@group\(0\) @binding\((\d+)\) var<storage, (read|read_write)> (\w+)_ptr :")
_UNIFORMS = re.compile(
    r"struct PODArgs \{\n(.*?)\n?\}\n@group\(0\) @binding\(\d+\) var<uniform> podArgs : PODArgs;\n", re.S
)
_MEMBER = re.compile(r"(\w+): (i32|u32|f32)")
_WORKGROUP_SIZE = re.compile(r"@workgroup_size\((\d+), (\d+), (\d+)\)")
_WORKGROUP_ARRAY = re.compile(r"var<workgroup> \w+ : array<(vec4<|atomic<)?\w+>?, (\d+)>")
_ENTRY = re.compile(r"^fn (\w+)\(", re.M)
_OVERRIDE = re.compile(r"^override (\w+): (i32|f32);$", re.M)
_TVM_COMMENT = re.compile(r"^//.*\n", re.M)
# TVM folds long grids into z; ours never use it.
_PACKED_GRID_CHECK = "  if (blockIdx.z * gridDim.x + blockIdx.x > podArgs.packGridDimX) { return; }\n"
_PACKED_GRID_X = "i32(blockIdx.z * gridDim.x + blockIdx.x)"
_BLOCK_ID = "  @builtin(workgroup_id) blockIdx : vec3<u32>,\n"
_SUBGROUP_SIZE = "  @builtin(subgroup_size) subgroupSize : u32,\n"
_GRID_DIM = "  @builtin(num_workgroups) gridDim : vec3<u32>,\n"


@dataclass(frozen=True)
class CompiledVariant:
    """``wgsl`` with overridable constants, and ``record``: what the runtime must know to launch it, as in
    docs/program-interface.md."""

    wgsl: str
    record: dict[str, Any]


def compile_variant(variant: Variant, operator: GpuOperator, declaration: OperatorDeclaration) -> CompiledVariant:
    """Lowers one kernel and generates its WGSL."""
    symbols = Symbols()
    kernel = variant.build(symbols)
    wgsl, uniforms, workgroup_bytes = _generate(variant, kernel.function, symbols)
    constants = [
        {"name": name, "type": type_name, "value": symbols.values[name]} for name, type_name in _OVERRIDE.findall(wgsl)
    ]
    size, entry = _WORKGROUP_SIZE.search(wgsl), _ENTRY.search(wgsl)
    assert size and entry
    record = {
        "name": variant.name,
        "when": variant.when,
        "requires": {"features": list(variant.features), "subgroup_min_size": variant.subgroup_min_size},
        "kernel": content_hash(wgsl),
        "entry_point": entry.group(1),
        "workgroup_size": [int(extent) for extent in size.groups()],
        "workgroup_bytes": workgroup_bytes,
        "bindings": _bindings(variant.name, wgsl, operator, declaration),
        "constants": constants,
        "uniforms": uniforms,
        "grid": [*kernel.grid, 1],
    }
    assert not any("n" in symbols_of(constant["value"]) for constant in constants), f"{variant.name}: n is a uniform"
    return CompiledVariant(wgsl, record)


def specialise(wgsl: str, values: Mapping[str, float]) -> str:
    """The text with every overridable constant fixed to its value; KeyError where one has none."""

    def fixed(match: re.Match[str]) -> str:
        name, type_name = match.groups()
        return f"const {name}: {type_name} = {_literal(type_name, values[name])};"

    return _OVERRIDE.sub(fixed, wgsl)


def content_hash(wgsl: str) -> str:
    """The name of a text: 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(wgsl.encode()).hexdigest()[:16]


def _literal(type_name: str, value: float) -> str:
    if type_name == "i32":
        return f"{int(value)}i"
    # Nine significant digits name every float32 exactly.
    return f"{float(np.float32(value)):.8e}f"


def _generate(variant: Variant, function: Any, symbols: Symbols) -> tuple[str, list[dict[str, Any]], int]:
    """The WGSL of one TIR function, the members of its uniform struct, and its most bytes of workgroup memory."""
    target = _target("subgroups" in variant.features)
    lowered = lower_kernels({variant.name: function}, target)
    device = {g: f for g, f in lowered.functions.items() if int((f.attrs or {}).get("calling_conv", 0)) == 2}
    assert len(device) == 1, f"{variant.name} must be one kernel"
    module = codegen_build(tirx.transform.LowerIntrin()(tvm.IRModule(device)), target)
    text = _TVM_COMMENT.sub("", module.inspect_source()).strip() + "\n"
    assert _PACKED_GRID_CHECK in text and _GRID_DIM in text, f"{variant.name}: TVM's packed grid looks different"
    text = text.replace(_PACKED_GRID_CHECK, "").replace(_PACKED_GRID_X, "i32(blockIdx.x)").replace(_GRID_DIM, "")
    assert "gridDim" not in text, f"{variant.name} uses TVM's packed grid in an unknown way"
    if f"{SIZE}()" in text:
        assert _BLOCK_ID in text, f"{variant.name}: TVM's entry points look different"
        text = text.replace(f"{SIZE}()", "i32(subgroupSize)").replace(_BLOCK_ID, _BLOCK_ID + _SUBGROUP_SIZE)

    struct = _UNIFORMS.search(text)
    assert struct, f"{variant.name} has no scalars"
    body = text[struct.end() :]
    # A scalar that only shapes a buffer is passed by TVM and read by nobody.
    read = [(name, type_name) for name, type_name in _MEMBER.findall(struct.group(1)) if f"podArgs.{name}" in body]
    functions = "".join(function.text for function in symbols.functions.values())
    arrays = _WORKGROUP_ARRAY.findall(body + functions)
    workgroup_bytes = sum((16 if kind == "vec4<" else 4) * int(count) for kind, count in arrays)
    for (element, most), name in symbols.lengths.items():
        assert body.count(f" : array<{element}, {most}>;") == 1, f"{variant.name}: which workgroup array is {name}?"
        body = body.replace(f" : array<{element}, {most}>;", f" : array<{element}, {name}>;")
        read.append((name, "i32"))
    named = dict(read) | {name: kind for function in symbols.functions.values() for name, kind in function.symbols}
    overrides = [f"override {name}: {type_name};\n" for name, type_name in named.items() if name != "n"]
    uniforms = [{"name": name, "type": type_name, "value": "n"} for name, type_name in read if name == "n"]
    for name, _ in read:
        if name != "n":
            assert name in symbols.values, f"{variant.name}: unknown scalar {name}"
            body = re.sub(rf"\bpodArgs\.{name}\b", name, body)
    head = text[: struct.start()]
    if uniforms:
        binding = struct.group(0)[struct.group(0).index("@group") :]
        head += "struct PODArgs {\n  n: i32\n}\n" + binding + "\n"
    return f"// {variant.name}\n{head}{''.join(overrides)}{body}{functions}", uniforms, workgroup_bytes


def _bindings(name: str, wgsl: str, operator: GpuOperator, declaration: OperatorDeclaration) -> list[dict[str, str]]:
    """The storage buffers in order, each an argument of the operator (with the scales of matrices) or scratch."""
    scratch = {buffer.name for buffer in operator.scratch}
    written = {argument.name: argument.written for argument in declaration.arguments}
    written |= {f"{a.name}_scale": False for a in declaration.arguments if a.role == "matrix"}
    bindings = []
    for position, (index, access, argument) in enumerate(_BINDING.findall(wgsl)):
        assert int(index) == position, (name, index)
        assert argument in scratch or argument in written, f"{name}: {argument} is no argument"
        assert access == "read" or argument in scratch or written[argument], f"{name}: {argument} must not be written"
        bindings.append({"argument": argument, "access": access})
    return bindings


def _target(subgroups: bool) -> Any:
    return tvm.target.Target(
        {"kind": "webgpu", "max_num_threads": 256, "supports_subgroups": subgroups}, host={"kind": "llvm"}
    )
