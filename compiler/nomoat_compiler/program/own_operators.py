"""What the kernels that a package brings must fit: an operator of the program, and what it reads and writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..operators.catalog import OPERATORS
from .canonical_json import canonical_json
from .scope import invalid

if TYPE_CHECKING:
    from .instance import Instance


def check_own_operators(program: Mapping[str, Any], instance: Instance) -> None:
    """``invalid_package`` where an own operator is none of the program's, or a kernel binds what it may not."""
    kernels = program["kernels"]
    calls = {(canonical_json(instance.operators[key]["definition"]), prefill) for key, prefill in instance.calls()}
    seen: set[tuple[str, bool]] = set()
    for i, own in enumerate(program["own_operators"]):
        where = f"own_operators[{i}]"
        definition, prefill = own["definition"], bool(own["prefill"])
        call = (canonical_json(definition), prefill)
        if call not in calls:
            invalid(f"{where} is {definition['op'][:80]} with a definition that no step of its phase has")
        if call in seen:
            invalid(f"{where} is given twice")
        seen.add(call)
        writable = _writable(own)
        for stage in own["stages"]:
            for variant in stage["variants"]:
                kernel = kernels.get(variant["kernel"])
                if kernel is None:
                    invalid(f"{where} uses the kernel {variant['kernel']}, which is not in kernels")
                _check_bindings(kernel, writable, where)
            requires = stage["variants"][-1]["requires"]
            if requires.get("features") or requires.get("subgroup_min_size"):
                invalid(f"the last variant of {stage['name']} of {where} must need no feature")


def _writable(own: Mapping[str, Any]) -> dict[str, bool]:
    """Every name that a kernel of the operator may bind, and whether it may write there."""
    if own["definition"]["op"] == "opaque":
        writable = {argument["name"]: argument["access"] == "read_write" for argument in own["arguments"]}
    else:
        arguments = OPERATORS[own["definition"]["op"]].arguments
        writable = {argument.name: argument.written for argument in arguments}
        writable |= {f"{argument.name}_scale": False for argument in arguments if argument.role == "matrix"}
    return writable | {scratch["name"]: True for scratch in own["scratch"]}


def _check_bindings(kernel: Mapping[str, Any], writable: Mapping[str, bool], where: str) -> None:
    for binding in kernel["bindings"]:
        name, access = binding["argument"], binding["access"]
        if name not in writable:
            invalid(f"kernel {kernel['name']} of {where} binds {name}, which is no argument and no scratch")
        if access == "read_write" and not writable[name]:
            invalid(f"kernel {kernel['name']} of {where} writes to {name}, which its operator only reads")
