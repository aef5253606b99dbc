"""Every operator, found by its folder: a folder of this package with a module ``declaration`` is an operator."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from .declaration import OperatorDeclaration


def _declarations() -> dict[str, OperatorDeclaration]:
    folders = sorted(path.parent.name for path in Path(__file__).parent.glob("*/declaration.py"))
    found = [import_module(f"{__package__}.{folder}.declaration").OPERATOR for folder in folders]
    assert [operator.name for operator in found] == folders, "an operator has the name of its folder"
    return {operator.name: operator for operator in found}


OPERATORS = _declarations()
