"""WebGPU: from an operator's TIR variants to WGSL modules and their launches.

The generated WGSL is the single source for bindings, uniforms, workgroup size and workgroup memory: they are read
from its text, so the plan cannot disagree with the shader.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

import tvm
from tvm import tirx
from tvm.tirx.build import codegen_build

from ..errors import NomoatError
from ..operators.gpu.emit import Operator, Variant
from ..passes.lower_kernel import lower_kernels

MAX_GRID = 65535
Expression = int | str | list[Any]
_BINDING = re.compile(r"@group\(0\) @binding\((\d+)\) var<storage, (read|read_write)> (\w+)_ptr :")
_STRUCT = re.compile(r"struct PODArgs \{(.*?)\}", re.S)
_MEMBER = re.compile(r"(\w+): (i32|u32|f32)")
_WORKGROUP_SIZE = re.compile(r"@workgroup_size\((\d+), (\d+), (\d+)\)")
_WORKGROUP_ARRAY = re.compile(r"var<workgroup> \w+ : array<(\w+), (\d+)>")
_ENTRY = re.compile(r"^fn (\w+)\(", re.M)
_TVM_COMMENT = re.compile(r"^//.*\n", re.M)


@dataclass(frozen=True)
class CompiledVariant:
    """A variant of an operator: its entry of ``variants``, its entry of ``kernels``, and the WGSL."""

    hash: str
    variant: dict[str, Any]
    kernel: dict[str, Any]
    wgsl: str


def compile_operator(operator: Operator) -> list[CompiledVariant]:
    """Lowers every variant of ``operator`` and generates its WGSL."""
    return [_compile_variant(operator, variant) for variant in operator.variants]


def _compile_variant(operator: Operator, variant: Variant) -> CompiledVariant:
    target = _target("subgroups" in variant.features)
    name = str(variant.function.attrs["global_symbol"])
    lowered = lower_kernels({name: variant.function}, target)
    device = {g: f for g, f in lowered.functions.items() if int((f.attrs or {}).get("calling_conv", 0)) == 2}
    host = [f for g, f in lowered.functions.items() if g not in device]
    assert len(device) == 1 and len(host) == 1, f"{name} must be one kernel"
    module = codegen_build(tirx.transform.LowerIntrin()(tvm.IRModule(device)), target)
    wgsl = f"// {name}\n" + _TVM_COMMENT.sub("", module.inspect_source()).strip() + "\n"
    digest = hashlib.sha256(wgsl.encode()).hexdigest()[:16]
    grid = _grid(host[0], name)
    requires: dict[str, Any] = {}
    if variant.features:
        requires["features"] = list(variant.features)
    if variant.subgroup_min_size:
        requires["subgroup_min_size"] = variant.subgroup_min_size
    return CompiledVariant(
        digest,
        {"requires": requires, "kernel": digest, "grid": grid},
        _kernel(name, wgsl, operator, grid),
        wgsl,
    )


def _target(subgroups: bool) -> Any:
    return tvm.target.Target(
        {"kind": "webgpu", "max_num_threads": 256, "supports_subgroups": subgroups}, host={"kind": "llvm"}
    )


def _kernel(name: str, wgsl: str, operator: Operator, grid: list[Expression]) -> dict[str, Any]:
    """The entry of ``kernels`` in program.json, read off the WGSL."""
    bindings = []
    for position, (index, access, argument) in enumerate(_BINDING.findall(wgsl)):
        assert int(index) == position and argument in operator.arguments, (name, index, argument)
        writes = argument in operator.outputs
        assert (access == "read_write") == writes, f"{name}: {argument} is {access}"
        bindings.append({"argument": argument, "access": access})
    struct = _STRUCT.search(wgsl)
    uniforms = []
    for member, type_name in _MEMBER.findall(struct.group(1)) if struct else ():
        if member == "packGridDimX":
            value: Expression = ["-", grid[0], 1] if not isinstance(grid[0], int) else grid[0] - 1
        else:
            assert member == "n", f"{name}: unknown scalar {member}"
            value = "n"
        uniforms.append({"name": member, "type": type_name, "value": value})
    size = _WORKGROUP_SIZE.search(wgsl)
    entry = _ENTRY.search(wgsl)
    assert size and entry
    return {
        "name": name,
        "entry_point": entry.group(1),
        "workgroup_size": [int(s) for s in size.groups()],
        "bindings": bindings,
        "uniforms": uniforms,
        "workgroup_bytes": sum(4 * int(count) for _, count in _WORKGROUP_ARRAY.findall(wgsl)),
    }


def _grid(host: Any, name: str) -> list[Expression]:
    """The launch extents in blockIdx.x, .y, .z of the host function's single call_ffi_kernel."""
    statement = host.body
    while not hasattr(statement, "value"):
        statement = statement.seq[-1] if hasattr(statement, "seq") else statement.body
    call = statement.value
    tags = [str(tag) for tag in call.attrs.launch_params]
    extents = list(call.args)[-len(tags) :]
    by_tag = dict(zip(tags, extents, strict=True))
    grid = [_expression(_simplify(by_tag.get(f"blockIdx.{axis}", 1))) for axis in "xyz"]
    for extent in grid:
        if isinstance(extent, int) and not 1 <= extent <= MAX_GRID:
            raise NomoatError(
                "unsupported",
                f"Kernel {name} needs {extent} workgroups in one dimension; the limit is {MAX_GRID}.",
            )
    return grid


def _simplify(node: Any) -> Any:
    return node if isinstance(node, int) else tvm.sym.Analyzer().simplify(node)


_BINARY = {"Add": "+", "Sub": "-", "Mul": "*", "FloorDiv": "//", "FloorMod": "%", "Min": "min", "Max": "max"}


def _expression(node: Any) -> Expression:
    """A TIR integer expression over ``n`` as program.json writes it."""
    if isinstance(node, int):
        return node
    if isinstance(node, tvm.tirx.IntImm):
        return int(node.value)
    if isinstance(node, tirx.Var):
        assert node.name == "n", f"unknown symbol {node.name}"
        return "n"
    operator = _BINARY.get(type(node).__name__)
    assert operator, f"unexpected {type(node).__name__} in a launch extent"
    return [operator, _expression(node.a), _expression(node.b)]
