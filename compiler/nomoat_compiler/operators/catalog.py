"""Every operator, found by its folder: a folder of this package with a module ``declaration`` is an operator."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from .declaration import OperatorDeclaration

if TYPE_CHECKING:
    from .gpu.operator import GpuOperator


def _declarations() -> dict[str, OperatorDeclaration]:
    folders = sorted(path.parent.name for path in Path(__file__).parent.glob("*/declaration.py"))
    found = [import_module(f"{__package__}.{folder}.declaration").OPERATOR for folder in folders]
    assert [operator.name for operator in found] == folders, "an operator has the name of its folder"
    return {operator.name: operator for operator in found}


OPERATORS = _declarations()


def modules(name: str) -> dict[str, ModuleType]:
    """operator -> its module ``name`` (``cpu`` or ``lowering``), where it has one."""
    paths = {operator: f"{__package__}.{operator}.{name}" for operator in OPERATORS}
    return {operator: import_module(path) for operator, path in paths.items() if find_spec(path)}


@cache
def gpu_operator(name: str) -> GpuOperator:
    """The GPU kernels of an operator. Loads TVM, which what only reads declarations can do without."""
    return import_module(f"{__package__}.{name}.gpu").gpu()
