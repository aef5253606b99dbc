"""Small known cases of every operator, which the runtime computes once on each new GPU before it trusts a kernel there.

A case is a definition with small shapes, its inputs and its outputs. Inputs are made by a rule from a seed, on both
sides (`filled` here, runtime/src/device/webgpu/known_answer.ts there), and of an output only two products are shipped;
they come from the operator's formula in NumPy (`reference` in its folder) in float64.

A kernel is tried on the first case of its operator that it fits, so the cases of an operator must together fit every
kernel variant that it has: tails, and rows long enough for the widest cluster of lanes.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import ml_dtypes
import numpy as np

from ..expression import Expression, evaluate
from ..scheme import Grouped, Plain, Scheme, stored_parameters
from .catalog import OPERATORS
from .declaration import Argument, OperatorDeclaration
from .definition import call_symbols, definition_symbols

Definition = Mapping[str, Any]
Arrays = dict[str, np.ndarray]

# One scheme for each kernel; whatever else it reads are constants of the same code.
SCHEMES: tuple[Scheme, ...] = (
    *(Grouped(bits, 32, zero, "float16") for bits in (4, 8) for zero in (None, 1 << (bits - 1))),
    Grouped(2, 16, None, "uint4"),
    Grouped(3, 16, 4, "int8"),
    Grouped(4, 32, None, "uint8"),
    Grouped(4, 32, None, "int8", "iq4_nl"),
    Grouped(5, 32, 16, "float16"),
    Grouped(6, 16, 32, "int8"),
    Grouped(8, 32, 128, "bfloat16"),
    Plain("float32"),
    Plain("float16"),
    Plain("bfloat16"),
)
# An output is compared by its products with two pseudo-random vectors, which every value of it moves. A wrong kernel
# is wrong in the first digits; float32 rounding of these sizes stays far below a thousandth of the largest value.
PROJECTION_SEEDS = (101, 102)
TOLERANCE = 1e-3
EXACT = 1e-9
_PAGES = 3
_SLOTS = 2
_REACH = 9  # more than the long_from of any case
BLOCK_TABLE = (2, 0, 1)
RING = 64


@dataclass(frozen=True)
class Case:
    """Fields of a definition (the scheme and defaults excepted), and how it is called."""

    fields: Mapping[str, Any]
    tokens: int = 1
    prefill: bool = False
    position: int = 0
    scheme: Scheme | None = None


@dataclass(frozen=True)
class Filled:
    """``count`` values of ``kind`` made from ``seed``."""

    kind: str  # "unit", "word", or "weight" or "scale" with a dtype
    count: int
    seed: int


def known_answers() -> list[dict[str, Any]]:
    """Every case as the runtime reads it: op, definition, tokens, prefill, arrays, expected."""
    return [answer(name, case) for name in OPERATORS for case in cases_of(name)]


def cases_of(name: str) -> Iterator[Case]:
    """The cases of an operator: those of its folder; where they leave a scheme open, under every class of them."""
    module = import_module(f"{__package__}.{name}.reference")
    with_scheme = any(field.kind == "scheme" for field in OPERATORS[name].fields)
    for case in module.CASES:
        open_scheme = with_scheme and case.scheme is None
        yield from (replace(case, scheme=scheme) for scheme in SCHEMES) if open_scheme else (case,)


def definition_of(name: str, case: Case) -> dict[str, Any]:
    """The definition of a case, with its fields in the declared order."""
    values = OPERATORS[name].defaults() | dict(case.fields)
    if case.scheme is not None:
        values["scheme"] = case.scheme.to_json()
    return {"op": name} | {field.name: values[field.name] for field in OPERATORS[name].fields}


def answer(name: str, case: Case) -> dict[str, Any]:
    """One case with its inputs as rules or bytes and its outputs as projections."""
    operator, definition = OPERATORS[name], definition_of(name, case)
    inputs = case_inputs(operator, definition, case)
    arrays = {key: filled(value) if isinstance(value, Filled) else value for key, value in inputs.items()}
    expected = import_module(f"{__package__}.{name}.reference").reference(definition, arrays, case.tokens)
    assert set(expected) == {argument.name for argument in operator.arguments if argument.written}, name
    return {
        "definition": definition,
        "tokens": case.tokens,
        "prefill": case.prefill,
        "arrays": {
            key: {"fill": value.kind, "count": value.count, "seed": value.seed}
            if isinstance(value, Filled)
            else {"data": _base64(value)}
            for key, value in inputs.items()
        },
        "expected": {key: _expected(value) for key, value in expected.items()},
    }


def case_inputs(operator: OperatorDeclaration, definition: Definition, case: Case) -> dict[str, Filled | np.ndarray]:
    """Every array that a step of this definition names, before it runs."""
    symbols = definition_symbols(definition, prefill=case.prefill)
    inputs: dict[str, Filled | np.ndarray] = {}
    for argument in operator.arguments:
        if evaluate(argument.when, symbols):
            for name, value in _argument(argument, definition, case, symbols):
                inputs[name] = replace(value, seed=len(inputs) + 1) if isinstance(value, Filled) else value
    return inputs


def filled(rule: Filled) -> np.ndarray:
    """The values of a rule, (count,)."""
    i = np.arange(rule.count, dtype=np.uint64)
    word = (i + rule.seed * 0x85EBCA6B) * 0x9E3779B1 & 0xFFFFFFFF
    word ^= word >> 15
    word = word * 0x2C1B3C6D & 0xFFFFFFFF
    word ^= word >> 12
    kind, _, dtype = rule.kind.partition(" ")
    if kind == "word":
        return word.astype(np.uint32)
    if kind == "unit" or dtype == "float32":
        unit = (word >> 8).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)  # [-1, 1)
        # Scales: [2^-6, 2^-5)
        return unit if kind != "scale" else (unit * np.float32(2.0**-7) + np.float32(3 * 2.0**-7)).astype(np.float32)
    exponent_bits, mantissa_bits = (5, 10) if dtype == "float16" else (8, 7)
    bias = (1 << (exponent_bits - 1)) - 1
    # Weights are in ±[2^-2, 2^-1), scales in [2^-6, 2^-5): the mantissa is random.
    exponent = bias - (6 if kind == "scale" else 2)
    sign = (word >> 31 << 15) if kind == "weight" else np.uint64(0)
    bits = sign | np.uint64(exponent << mantissa_bits) | (word & np.uint64((1 << mantissa_bits) - 1))
    return bits.astype(np.uint16).view(np.float16 if dtype == "float16" else ml_dtypes.bfloat16)


def _argument(
    argument: Argument, definition: Definition, case: Case, symbols: Mapping[str, int | float]
) -> Iterator[tuple[str, Filled | np.ndarray]]:
    size, columns = evaluate(argument.size, symbols), evaluate(argument.columns, symbols)
    name = argument.name
    match argument.role:
        case "activations":
            yield name, Filled("unit", case.tokens * size, 0)
        case "vector" | "embedding":
            yield name, Filled("unit", size, 0)
        case "matrix":
            assert case.scheme is not None
            weight, *scales = stored_parameters("w", (size, columns), case.scheme)
            words = isinstance(case.scheme, Grouped)
            yield name, Filled("word" if words else f"weight {weight.dtype}", int(np.prod(weight.shape)), 0)
            if isinstance(case.scheme, Grouped) and case.scheme.two_level:
                yield f"{name}_scale", integer_scales(case.scheme, scales[0].shape)
                return
            for scale in scales:
                yield f"{name}_scale", Filled(f"scale {scale.dtype}", int(np.prod(scale.shape)), 0)
        case "frequencies":
            yield name, (0.5 ** np.arange(size)).astype(np.float32)
        case "cache":
            page = definition["kv_heads"] * definition["page_size"] * definition["head_dim"]
            yield name, Filled("unit", _PAGES * page, 0)
        case "recurrent":
            yield name, Filled("unit", _SLOTS * size, 0)
        case "token_ids":
            ids = [(7 * t + 3) % evaluate("rows", symbols) for t in range(case.tokens)]
            yield name, np.array(ids, np.int32)
        case "fixed":
            yield name, _fixed(name, case, symbols)


def integer_scales(scheme: Grouped, shape: tuple[int, ...]) -> np.ndarray:
    """Integers from 1 to 31 in every byte, times 2^-10. They repeat, and so take few bytes compressed."""
    parts = 2 if scheme.minimum else 1
    words = (1 + np.arange(4 * np.prod(shape)) % 7 * 5).astype(np.uint8).view(np.uint32).reshape(shape)
    words[..., :parts] = np.float32(2.0**-10).view(np.uint32)
    return words


def _fixed(name: str, case: Case, symbols: Mapping[str, int | float]) -> np.ndarray | Filled:
    match name:
        case "state":
            return np.array([1, case.position, 5, 77, _SLOTS - 1, _REACH, 0, 0], np.int32)
        case "block_table":
            return np.array(BLOCK_TABLE, np.int32)
        case "sampling":
            return np.array([0.7, 20, 0.9, 0.05, 1.2, 0.1, 0.2, 0], np.float32)
        case "token_counts":
            return (np.arange(symbols["vocab_size"]) % 5 == 0).astype(np.int32)
        case "token_mask":
            return filled(Filled("word", -(-int(symbols["vocab_size"]) // 32), 3)).view(np.int32)
        case "tokens":
            return np.zeros(RING, np.int32)
        case "logits":
            return Filled("unit", int(symbols["vocab_size"]), 0)
    raise AssertionError(f"no known content of the buffer {name}")


def _expected(values: np.ndarray) -> dict[str, Any]:
    flat = values.ravel().astype(np.float64)
    integers = np.issubdtype(values.dtype, np.integer)
    scale = np.abs(flat).max() * np.sqrt(flat.size)
    return {
        "dtype": "int32" if integers else "float32",
        "projections": [float(flat @ filled(Filled("unit", flat.size, seed))) for seed in PROJECTION_SEEDS],
        "tolerance": float(np.float32((EXACT if integers else TOLERANCE) * scale)),
    }


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def fits(when: Expression, answered: Mapping[str, Any]) -> bool:
    """Whether a kernel variant with this condition computes the case of ``answer``."""
    symbols = definition_symbols(answered["definition"], prefill=answered["prefill"])
    return bool(evaluate(when, symbols | call_symbols(answered["tokens"])))
