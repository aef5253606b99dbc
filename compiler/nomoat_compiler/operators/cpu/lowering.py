"""The CPU's launch plan of an operator, as data: what ``operators/<op>/lowering.py`` exports as LOWERING.

A lowering is a list of steps, with a barrier behind each; a step is a list of calls, which every thread makes in order,
each for its own share. Calls stand in one step where a thread reads only what it wrote itself. The runtime
(runtime/src/device/wasm/lower.ts) goes through it once for each step of a program, when the program is loaded.

Whatever a kernel is told is an integer expression (``expression.py``) over these symbols:

    <field>, has_<field>, scheme.*     of the definition, see declaration.py
    <field>.float32                    the bits of a number: kernels take int32 scalars only
    prefill                            1 in the function prefill, else 0
    prefill_chunk, context_length      of the program
    relaxed                            1 where the build of the library has relaxed SIMD
    n.address                          of the number of tokens, int32
    <argument>.address                 of a buffer, a constant, a vector (float32), or the first block of a matrix
    <matrix>.block_row_bytes           bytes of four rows
    <matrix>.sums                      address of the sums of the rows; of grouped matrices of 8 bits only
    kv.address                         of the KV cache
    <cache>.offset, .head_stride       bytes from kv.address to the first head's pages, and between heads
    <cache>.block_table                address of the places of the sequence's pages, int32
    <memory>.address, <memory>.stride  of what ``memory`` declares; stride: bytes between the threads' parts
    <form>.written                     1 where the buffer that a form stands for was last written in this form, else 0
    first, count                       of a call with ``groups``

Kernel names are templates over the same symbols, and <matrix>.format. A symbol that is not there is an error of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...expression import Expression, ceil_div, conjunction, negation

Json = dict[str, Any]
# number | symbol | ["log", x] | [+ - * /, left, right], in double precision.
Real = float | str | list[Any]


def lowering(
    *steps: Json,
    memory: Sequence[Json] = (),
    refusals: Sequence[Json] = (),
    join: Json | None = None,
    fixed: str | None = None,
) -> Json:
    """The whole of it. ``fixed``: a matrix whose halves the image has as integers, in the format int16 (fixed.py)."""
    whole: Json = {"refusals": list(refusals), "memory": list(memory), "steps": list(steps)}
    return whole | ({"join": join} if join else {}) | ({"fixed": fixed} if fixed else {})


def join(op: str, argument: str) -> Json:
    """There is no barrier behind the last step where the program goes on with an ``op`` whose ``argument`` is what this
    one writes: each thread makes of it what it reads there.

    So this one shares its rows as ``op`` does, which both know from their fields ``rows`` and ``gated``.
    """
    return {"op": op, "argument": argument}


def refusal(when: Expression, has: str) -> Json:
    """Where ``when`` is not 0 the CPU cannot run it. ``has``: what the model has then; ``{symbol}`` is filled in."""
    return {"when": when, "has": has}


def step(*calls: Json, when: Expression = 1, once: str | None = None) -> Json:
    """Calls until the next barrier. ``once``: the ``table`` that they make, where a function first needs it."""
    return {"when": when, "calls": list(calls)} | ({"once": once} if once else {})


def call(kernel: str, *arguments: Expression, when: Expression = 1, groups: Json | None = None) -> Json:
    """A kernel with all arguments but the last two, thread and threads."""
    return {"when": when, "kernel": kernel, "arguments": list(arguments)} | ({"groups": groups} if groups else {})


def groups(of: Expression, most: int) -> Json:
    """A call for each ``most`` of ``of`` things: ``first`` is the first one of a call, ``count`` how many it has."""
    return {"of": of, "most": most}


def scratch(name: str, nbytes: Expression, per_thread: bool = False) -> Json:
    """Memory within a step of the program; nothing in it outlives that. As large as the largest of all definitions."""
    return {"kind": "scratch", "name": name, "nbytes": nbytes, "per_thread": per_thread}


def form(name: str, argument: str, nbytes: Expression) -> Json:
    """What the CPU keeps of the buffer ``argument`` in another form, in the same memory wherever that buffer is given.

    Who writes ``argument`` writes this instead, and another operator that reads it must have a form of this ``name``.
    Where ``nbytes`` is 0 there is no such form.
    """
    return {"kind": "form", "name": name, "argument": argument, "nbytes": nbytes}


def table(name: str, key: Sequence[str], nbytes: Expression) -> Json:
    """Memory that all steps with the same arguments and fields ``key`` share, within one call of a function."""
    return {"kind": "table", "name": name, "key": list(key), "nbytes": nbytes}


def numbers(name: str, *values: Json, when: Expression = 1) -> Json:
    """Words that are written once, when the program is loaded; zeros where ``when`` is 0."""
    return {"kind": "numbers", "name": name, "values": list(values), "when": when}


def float32(value: Real) -> Json:
    return {"float32": value}


def int32(value: Expression) -> Json:
    return {"int32": value}


def choose(condition: Expression, then: Expression, otherwise: Expression) -> Expression:
    """``then`` where the condition (0 or 1) is 1, else ``otherwise``."""
    return ["+", ["*", condition, then], ["*", negation(condition), otherwise]]


def times(*factors: Expression) -> Expression:
    """The product."""
    return conjunction(*factors)


def plus(left: Expression, right: Expression) -> Expression:
    return right if left == 0 else left if right == 0 else ["+", left, right]


def round_up(value: Expression, multiple: Expression) -> Expression:
    return ["*", ceil_div(value, multiple), multiple]
