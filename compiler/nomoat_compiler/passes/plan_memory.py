"""From Relax functions of operator calls to flat calls on planned storage.

CallTIRRewrite turns each result into an allocation and a plain call; StaticPlanBlockMemory lets results whose lives
do not overlap share one storage, sized at the upper bound of n. What comes out is read here into plain data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tvm
from tvm import relax


@dataclass(frozen=True)
class Call:
    """One operator call: ``arguments`` are names of externals, or ``storage:<index>`` within this function."""

    operator: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class PlannedFunction:
    """The calls of one function in order, and the bytes of each storage."""

    calls: tuple[Call, ...]
    storage_bytes: tuple[int, ...]


def plan_memory(module: tvm.IRModule, external_names: list[str]) -> dict[str, PlannedFunction]:
    """Runs TVM's passes. ``external_names`` name the functions' parameters, in order."""
    module = tvm.ir.transform.Sequential(
        [
            relax.transform.ToNonDataflow(),
            relax.transform.RemovePurityChecking(),
            relax.transform.CallTIRRewrite(),
            relax.transform.StaticPlanBlockMemory(),
        ]
    )(module)
    return {
        variable.name_hint: _read(function, external_names)
        for variable, function in module.functions.items()
        if isinstance(function, relax.Function)
    }


def _read(function: Any, external_names: list[str]) -> PlannedFunction:
    names: dict[Any, Any] = dict(zip(function.params, external_names, strict=False))
    storage: list[int] = []
    calls: list[Call] = []
    for block in function.body.blocks:
        for binding in block.bindings:
            value = binding.value
            if isinstance(value, relax.Call) and isinstance(value.op, tvm.ir.Op):
                kind = value.op.name
                if kind == "relax.memory.alloc_storage":
                    names[binding.var] = f"storage:{len(storage)}"
                    storage.append(int(value.args[0].values[0]))
                elif kind == "relax.memory.alloc_tensor":
                    offset = value.args[1]
                    assert int(getattr(offset, "value", 0)) == 0, "one tensor per storage at a time"
                    names[binding.var] = names[value.args[0]]
                elif kind not in ("relax.memory.kill_tensor", "relax.memory.kill_storage"):
                    raise AssertionError(f"unexpected {kind} after memory planning")
            elif isinstance(value, relax.Call):
                calls.append(Call(value.op.name_hint, tuple(names[argument] for argument in value.args)))
            elif isinstance(value, relax.Var):
                names[binding.var] = names[value]
            elif isinstance(value, relax.Tuple):
                names[binding.var] = [names.get(field) for field in value.fields]
            elif isinstance(value, relax.TupleGetItem):
                names[binding.var] = names[value.tuple_value][value.index]
            else:
                raise AssertionError(f"unexpected {type(value).__name__} after memory planning")
    return PlannedFunction(tuple(calls), tuple(storage))
