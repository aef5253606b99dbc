"""Subgroups in kernels: TVM knows shuffles only. targets/webgpu.py makes of the size the builtin of the entry point."""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from .operator import Expr

SIZE = "subgroup_size_of_kernel"


def subgroup_size() -> Expr:
    """Invocations of a subgroup, int32; the same for the whole dispatch."""
    return T.call_pure_extern("int32", SIZE)


def subgroup_add(value: Expr, dtype: str = "float32") -> Expr:
    """The sum of a value over the subgroup; in uniform control flow only."""
    return T.call_pure_extern(dtype, "subgroupAdd", value)
