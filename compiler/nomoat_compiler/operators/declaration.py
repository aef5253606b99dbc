"""What an operator is, declared once: its fields, its arguments, and what must hold between them.

From the declarations are generated the schema of program.json's steps, the tables that the runtime reads and checks
programs with (runtime/src/device/operators.gen.ts), and the table in docs/program-interface.md. Beside each
declaration stand the operator's GPU kernels and its CPU kernels.

A *definition* is an operator with a value for each field: what one step computes. T is the number of tokens of the
call: n in prefill and encode, 1 in every other function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from ..expression import Expression

REQUIRED: Final = object()  # the default of a field that every step must give
FieldKind = Literal[
    "dimension",  # integer, 1 to 2^30
    "columns",  # integer, 4 to 2^30, a multiple of 4: kernels read four values at a time
    "count",  # integer, 0 to 2^24
    "activation",  # integer, an index into ACTIVATIONS
    "heads",  # integer, 1 to 1024
    "head_dim",  # even integer, 2 to 1024
    "page_size",  # integer, 1 to 256
    "eps",  # number, above 0 and at most 1
    "positive",  # number, above 0 and at most 1e30
    "boolean",
    "scheme",  # how the matrix is stored: bound when the weights are known, never written in a plan
]
# What a product may be passed through: the identity; x · sigmoid(x); x · Φ(x) by erf; its approximation by tanh
# (Hendrycks and Gimpel 2016); max(x, 0).
ACTIVATIONS = ("none", "silu", "gelu", "gelu_tanh", "relu")
# kind -> (least, most, multiple of)
INTEGER_KINDS: dict[str, tuple[int, int, int]] = {
    "dimension": (1, 1 << 30, 1),
    "columns": (4, 1 << 30, 4),
    "count": (0, 1 << 24, 1),
    "activation": (0, len(ACTIVATIONS) - 1, 1),
    "heads": (1, 1024, 1),
    "head_dim": (2, 1024, 2),
    "page_size": (1, 256, 1),
}
# kind -> largest value; the smallest is the least positive double
NUMBER_KINDS: dict[str, float] = {"eps": 1.0, "positive": 1e30}


@dataclass(frozen=True)
class Field:
    """A number, a boolean or a scheme of a definition.

    As a symbol of expressions a boolean is 0 or 1. A nullable field ``f`` also gives the symbol ``has_f``; where it is
    null, ``f`` itself is 0. A scheme gives ``scheme.bits``, ``scheme.group_size``, ``scheme.grouped``, ``scheme.zero``
    and ``scheme.minimum`` (0 where the scheme has none). A model file may leave out what has a ``default``; a plan has
    every field.
    """

    name: str
    kind: FieldKind
    description: str
    nullable: bool = False
    default: Any = REQUIRED


# The functions of many tokens: T is n, and conditions see ``prefill`` as 1. An encoder has ``encode`` and nothing else.
PROMPT_FUNCTIONS = ("prefill", "encode")
Role = Literal[
    "activations",  # a float32 buffer of ``size`` values per token
    "vector",  # a plain tensor (size,)
    "matrix",  # a tensor (rows, columns) under the field ``scheme``; grouped ones bring a second array <name>_scale
    "frequencies",  # a float32 constant or tensor (size,)
    "cache",  # keys or values of a layer: kv_cache (kv_pages, kv_heads, page_size, head_dim)
    "recurrent",  # what a layer remembers of each sequence: recurrent_state (state_slots, size)
    "embedding",  # an output buffer of ``size`` values, one result for the whole call
    "token_ids",  # prompt_ids in functions of many tokens, state elsewhere
    "fixed",  # the buffer with this fixed name
]


@dataclass(frozen=True)
class Argument:
    """One named array of an operator. ``size`` counts values; a matrix has ``size`` rows and ``columns`` columns.

    With ``when`` the argument is there only where that expression over the fields is not 0.
    """

    name: str
    role: Role
    size: Expression = 0
    columns: Expression = 0
    written: bool = False
    when: Expression = 1


@dataclass(frozen=True)
class Rule:
    """An expression over the fields and ``prefill`` (1 in prefill, else 0) that must not be 0, and why."""

    require: Expression
    message: str


@dataclass(frozen=True)
class OperatorDeclaration:
    """``computes`` is the formula in Markdown; ``tolerance`` the largest error of any kernel, with its reason."""

    name: str
    fields: tuple[Field, ...]
    arguments: tuple[Argument, ...]
    computes: str
    tolerance: str
    rules: tuple[Rule, ...] = ()

    def defaults(self) -> dict[str, Any]:
        """The fields that a step may leave out."""
        return {field.name: field.default for field in self.fields if field.default is not REQUIRED}

    def field(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)
