"""Proves that the CPU's launch plans name only what there is: symbols, memory, and kernels of the library with as many
arguments as they take. Needs TVM.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from nomoat_compiler.expression import symbols_of
from nomoat_compiler.operators.catalog import OPERATORS, modules
from nomoat_compiler.operators.cpu.blocks import FORMATS
from nomoat_compiler.operators.cpu.emit import BUILDS
from nomoat_compiler.operators.cpu.library import library
from nomoat_compiler.operators.cpu.plain_numbers import DTYPES
from nomoat_compiler.operators.declaration import ACTIVATIONS, NUMBER_KINDS

LOWERINGS = {name: module.LOWERING for name, module in modules("lowering").items()}
SCHEME_SYMBOLS = {f"scheme.{name}" for name in ("bits", "group_size", "grouped", "zero", "minimum")}
ARGUMENT_SYMBOLS = {
    "matrix": ("address", "block_row_bytes", "sums"),
    "cache": ("offset", "head_stride", "block_table"),
}

each_operator = pytest.mark.parametrize("name", LOWERINGS)


@cache
def kernel_parameters() -> dict[str, int]:
    """Parameters of every kernel but thread and threads."""
    return {name: len(function.params) - 2 for name, function in library(BUILDS[0]).items()}


def known_symbols(name: str) -> set[str]:
    """Every symbol that a lowering of this operator may use, outside calls with groups."""
    operator, lowering = OPERATORS[name], LOWERINGS[name]
    symbols = {"prefill", "prefill_chunk", "context_length", "relaxed", "n.address", "kv.address"}
    for field in operator.fields:
        symbols |= SCHEME_SYMBOLS if field.kind == "scheme" else {field.name}
        symbols |= {f"has_{field.name}"} if field.nullable else set()
        symbols |= {f"{field.name}.float32"} if field.kind in NUMBER_KINDS else set()
    for argument in operator.arguments:
        symbols |= {f"{argument.name}.{p}" for p in ARGUMENT_SYMBOLS.get(argument.role, ("address",))}
    for memory in lowering["memory"]:
        symbols |= {f"{memory['name']}.address"}
        symbols |= {f"{memory['name']}.stride"} if memory.get("per_thread") else set()
        symbols |= {f"{memory['name']}.written"} if memory["kind"] == "form" else set()
    return symbols


def calls_of(lowering: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for step in lowering["steps"]:
        yield from step["calls"]


@each_operator
def test_a_lowering_names_only_what_its_operator_has(name: str) -> None:
    lowering, known = LOWERINGS[name], known_symbols(name)
    sizes = [memory.get("nbytes", 0) for memory in lowering["memory"]]
    whens = [item.get("when", 1) for item in [*lowering["refusals"], *lowering["memory"], *lowering["steps"]]]
    for expression in [*sizes, *whens]:
        # What depends on where things lie is not known yet where memory is laid out.
        assert all("." not in s or s.startswith("scheme.") or s.endswith(".written") for s in symbols_of(expression))
        assert set(symbols_of(expression)) <= known
    for call in calls_of(lowering):
        more = {"first", "count"} if "groups" in call else set()
        for expression in [call["when"], *call["arguments"], call.get("groups", {}).get("of", 0)]:
            assert set(symbols_of(expression)) <= known | more
    for refusal in lowering["refusals"]:
        assert set(re.findall(r"\{(.*?)\}", refusal["has"])) <= known


@each_operator
def test_memory_has_names_of_its_own(name: str) -> None:
    names = [memory["name"] for memory in LOWERINGS[name]["memory"]]
    taken = {argument.name for argument in OPERATORS[name].arguments} | {"n", "kv"}
    assert len(set(names)) == len(names) and not set(names) & taken
    tables = {memory["name"] for memory in LOWERINGS[name]["memory"] if memory["kind"] == "table"}
    assert {step["once"] for step in LOWERINGS[name]["steps"] if "once" in step} == tables
    arguments = {argument.name for argument in OPERATORS[name].arguments}
    fields = {field.name for field in OPERATORS[name].fields}
    for memory in LOWERINGS[name]["memory"]:
        if memory["kind"] == "form":
            assert memory["argument"] in arguments
        if memory["kind"] == "table":
            assert set(memory["key"]) <= arguments | fields


@each_operator
def test_every_call_is_one_of_a_kernel_with_its_arguments(name: str) -> None:
    for call in calls_of(LOWERINGS[name]):
        for kernel in expanded(call):
            assert kernel_parameters()[kernel] == len(call["arguments"]), kernel


def expanded(call: dict[str, Any]) -> list[str]:
    """The names that a call's kernel can have, by the formats and activations for which it is made."""
    name = call["kernel"]
    if "{activation}" in name:
        # Nothing that has no gate calls a kernel that does nothing.
        first = 1 if "'<', 0, 'activation'" in str(call["when"]) else 0
        return [name.replace("{activation}", str(index)) for index in range(first, len(ACTIVATIONS))]
    if "{count}" in name:
        return [name.replace("{count}", str(count)) for count in range(1, call["groups"]["most"] + 1)]
    if "{b.format}" in name:
        # The rule of lora_up: its matrix is stored as float32, or as halves, which are kept as int16 (`fixed`).
        return [name.replace("{b.format}", kept) for kept in ("int16", "float32")]
    if "{w.format}" not in name:
        return [name]
    condition = str(call["when"])
    formats = [f.name for f in FORMATS if fits_bits(condition, f.bits)]
    plain = "'scheme.grouped', 0" in condition
    return [name.replace("{w.format}", stored) for stored in (DTYPES if plain else formats)]


def fits_bits(condition: str, bits: int) -> bool:
    """Whether a call is made for weights of ``bits`` bits: its condition compares them once, by == or by <."""
    compared = re.search(r"'(==|<)', 'scheme.bits', (\d+)", condition)
    return compared is None or (bits == int(compared[2]) if compared[1] == "==" else bits < int(compared[2]))


def test_every_operator_of_the_library_has_a_lowering() -> None:
    assert set(LOWERINGS) == set(OPERATORS) == set(modules("cpu"))
