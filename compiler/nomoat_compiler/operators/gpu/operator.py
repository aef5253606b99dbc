"""An operator's GPU kernels as data: stages, the variants of each, and the symbols that their text leaves open.

A kernel is lowered once, for every shape. What depends on the shape is a *symbol*: a free TIR variable that becomes a
pipeline-overridable constant of the WGSL. Its value is an expression over the definition, which the runtime computes
when it makes the pipeline, so that compilers see constants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tvm.script.ir_builder import tirx
from tvm.script.ir_builder.tirx import alloc_buffer
from tvm.tirx import Var

from ...expression import Expression

Expr = Any  # tvm PrimExpr or int: TVM ships no types


@dataclass(frozen=True)
class WgslFunction:
    """A function in WGSL beside a kernel that calls it many times, since TVM writes none; ``result`` is TVM's dtype.

    ``symbols``: what its text reads of the kernel's symbols, by name with their WGSL types. ``calls``: other functions.
    """

    name: str
    text: str
    symbols: tuple[tuple[str, str], ...] = ()
    calls: tuple[WgslFunction, ...] = ()
    result: str = "float32"


class Symbols:
    """The open symbols of one kernel. ``values`` maps each name to its expression over the definition.

    ``functions``: those that the kernel calls, each after what it calls itself.
    """

    def __init__(self) -> None:
        self.n: Expr = Var("n", "int32")  # the number of tokens of the call: a uniform, never a constant
        self.values: dict[str, Expression] = {}
        self.functions: dict[str, WgslFunction] = {}
        # Workgroup arrays that have only the elements which the shape needs: (WGSL type, most elements) -> symbol.
        self.lengths: dict[tuple[str, int], str] = {}
        self._variables: dict[str, Expr] = {}

    def integer(self, name: str, value: Expression | None = None) -> Expr:
        """The int32 ``name``; without ``value`` it is the field or symbol of the definition that has this name."""
        return self._variable(name, "int32", name if value is None else value)

    def number(self, name: str, value: Expression | None = None) -> Expr:
        """The float32 ``name``, as ``integer``."""
        return self._variable(name, "float32", name if value is None else value)

    def flag(self, name: str, value: Expression) -> Expr:
        """A condition: ``value`` (0 or 1) is not 0. Compilers fold what it decides."""
        return self.integer(name, value) != 0

    def workgroup_array(self, name: str, dtype: str, most: int, length: Expression) -> Expr:
        """A buffer of ``length`` elements in workgroup memory, at most ``most``. What is not there costs no zeroing,
        and leaves room for other workgroups. No other array of the kernel has this type and ``most``.
        """
        wgsl_type = {"float32": "f32", "float32x4": "vec4<f32>"}[dtype]
        assert (wgsl_type, most) not in self.lengths
        self.lengths[wgsl_type, most] = name
        assert self.values.setdefault(name, length) == length, f"{name} has two values"
        return alloc_buffer((most,), dtype, scope="shared")

    def call(self, function: WgslFunction, *values: Expr) -> Expr:
        """``function`` of values; the symbols that it reads are fields of these names."""
        self.use(function)
        return tirx.call_pure_extern(function.result, function.name, *values)

    def use(self, function: WgslFunction) -> None:
        """Adds what the kernel calls."""
        for called in function.calls:
            self.use(called)
        for name, _ in function.symbols:
            assert self.values.setdefault(name, name) == name, f"{name} has two values"
        self.functions[function.name] = function

    def _variable(self, name: str, dtype: str, value: Expression) -> Expr:
        assert self.values.setdefault(name, value) == value, f"{name} has two values"
        return self._variables.setdefault(name, Var(name, dtype))


@dataclass(frozen=True)
class Kernel:
    """One TIR function with free symbols, and how many workgroups of it run in x and y (``n`` may stand there)."""

    function: Any  # tvm.tirx.PrimFunc
    grid: tuple[Expression, Expression]


@dataclass(frozen=True)
class Variant:
    """One kernel of a stage: the definitions it computes (``when`` is not 0) and what the adapter must have for it."""

    name: str
    when: Expression
    build: Callable[[Symbols], Kernel]
    features: tuple[str, ...] = ()
    subgroup_min_size: int = 0


@dataclass(frozen=True)
class Stage:
    """One dispatch, left out where ``when`` is 0. The first variant that fits the definition and the adapter runs; the
    last that fits the definition needs no feature."""

    name: str
    variants: tuple[Variant, ...]
    when: Expression = 1


@dataclass(frozen=True)
class Scratch:
    """A buffer of ``length`` values between the stages of one call; what it holds before and after is undefined."""

    name: str
    dtype: str
    length: Expression


@dataclass(frozen=True)
class GpuOperator:
    """What an operator's ``gpu.py`` exports: its stages in order, with the buffers between them."""

    stages: tuple[Stage, ...]
    scratch: tuple[Scratch, ...] = ()
