"""A model under construction: Relax functions whose only statements are operator calls.

Model files say which operator reads and writes what. This file turns each call into Relax: a new result is
``call_tir``, a write to a buffer that outlives the step (KV cache, logits, step state) is ``call_tir_inplace``.
TVM's passes then plan the memory of the results (passes/plan_memory.py).

Relax sees an operator as a TIR function with the logical types of its arguments and no body: the kernels read the
same bytes as vectors (float32x4, uint32x4), several kernels may implement one operator, and each is lowered by
itself (targets/).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import tvm
from tvm import relax
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T

from ..operators.gpu.emit import Operator

Tensor = Any  # relax.Var


@dataclass(frozen=True)
class External:
    """A buffer that exists outside the functions: a parameter, a constant, or one of the runtime's buffers."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass
class Graph:
    """The Relax module so far. ``shapes`` are the logical shapes of the model's tensors."""

    externals: dict[str, External]
    parameter_names: dict[tuple[str, str], str]  # (logical tensor, role) -> stored name
    shapes: dict[str, tuple[int, ...]]
    max_tokens: int
    operators: dict[str, Operator] = field(default_factory=dict)
    builder: Any = field(default_factory=relax.BlockBuilder)
    _global_vars: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def function(self, name: str, n: Any | None = None) -> Iterator[GraphFunction]:
        """Adds the Relax function ``name``; ``n`` is its symbolic number of tokens, if it has one."""
        symbol = tvm.tirx.Var("n", "int64") if n is not None else None
        variables = {
            e.name: relax.Var(_identifier(e.name), relax.TensorType(e.shape, e.dtype)) for e in self.externals.values()
        }
        parameters = list(variables.values())
        attrs = {}
        if symbol is not None:
            parameters.append(relax.Var("n_tokens", relax.TensorType((symbol,), "int32")))
            attrs["tir_var_upper_bound"] = {"n": self.max_tokens}
        with self.builder.function(name, parameters, attrs=attrs):
            yield GraphFunction(self, variables, n, symbol)
            self.builder.emit_func_output(relax.Tuple([]))

    def global_var(self, operator: Operator, types: list[Any]) -> Any:
        """Registers the operator with the types of its arguments; operators of equal name must be equal."""
        if operator.name not in self._global_vars:
            self.operators[operator.name] = operator
            signature = _signature(operator, types)
            self._global_vars[operator.name] = self.builder.add_func(signature, operator.name)
        return self._global_vars[operator.name]


@dataclass
class GraphFunction:
    """One function under construction: names of outside buffers, and ``call``."""

    graph: Graph
    _variables: dict[str, Tensor]
    _n: Any
    _symbol: Any

    def external(self, name: str) -> Tensor:
        return self._variables[name]

    def parameter(self, module: str, role: str) -> Tensor:
        """The stored array that holds ``role`` (weight, q_weight, q_scale...) of the tensor ``module``."""
        return self._variables[self.graph.parameter_names[module, role]]

    def call(self, operator: Operator, inputs: dict[str, Tensor], outputs: dict[str, Any]) -> Tensor:
        """Emits a call. An output is the shape of a new float32 or int32 result, or an external to write into.

        Inputs that the operator also writes are updated in place. Returns the last output.
        """
        arguments = dict(inputs)
        fresh: list[Any] = []
        for name, output in outputs.items():
            if isinstance(output, tuple):
                shape, dtype = (output, "float32") if not isinstance(output[-1], str) else (output[:-1], output[-1])
                fresh.append(relax.TensorType([self._dimension(d) for d in shape], dtype))
            else:
                arguments[name] = output
        assert tuple(arguments) == operator.arguments[: len(arguments)], (
            operator.arguments,
            tuple(arguments),
        )
        written = [i for i, name in enumerate(arguments) if name in operator.outputs]
        values = list(arguments.values())
        variable = self.graph.global_var(operator, [v.ty for v in values] + fresh)
        types = [values[i].ty for i in written] + fresh
        call_arguments = relax.Tuple(values)
        if written:
            indices = written + [-1] * len(fresh)
            call = relax.op.call_tir_inplace(variable, call_arguments, indices, types)
        else:
            call = relax.call_tir(variable, call_arguments, types if len(types) > 1 else types[0])
        result = self.graph.builder.emit(call)
        if len(types) == 1:
            return result
        if len(fresh) <= 1:
            return self.graph.builder.emit(relax.TupleGetItem(result, len(types) - 1))
        return [self.graph.builder.emit(relax.TupleGetItem(result, i)) for i in range(len(types))]

    def _dimension(self, dimension: Any) -> Any:
        """A kernel's own ``n`` is an int32 variable; Relax wants its int64 twin."""
        return self._symbol if dimension is self._n else dimension


def _signature(operator: Operator, types: list[Any]) -> Any:
    """A TIR function with ``types`` as its arguments that does nothing."""
    n = tvm.tirx.Var("n", "int64")
    with IRBuilder() as builder:
        with T.prim_func(s_tir=True, private=True):
            T.func_name(operator.name)
            for name, tensor in zip(operator.arguments, types, strict=True):
                shape = [n if isinstance(d, tvm.tirx.Var) else d for d in tensor.shape]
                T.arg(name, T.buffer(shape, str(tensor.dtype)))
            T.evaluate(T.int32(0))
        return builder.get()


def _identifier(name: str) -> str:
    return name.replace(".", "_")
