"""Runs the CPU's launch plan of one operator (operators/<op>/lowering.py) in wasmtime, as the runtime's lower.ts does.

The arrays are the program's; a KV cache is read and written through kernels only, so its arguments are where its pages
lie, and how the queries of attention get there is up to the caller.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from nomoat_compiler.expression import evaluate
from nomoat_compiler.operators.catalog import OPERATORS, modules
from nomoat_compiler.operators.declaration import NUMBER_KINDS
from nomoat_compiler.operators.definition import definition_symbols

from tests.parity.cpu_harness import CpuMachine, float_bits

PREFILL_CHUNK, CONTEXT = 64, 256


class CpuPlan:
    """One operator's arrays and symbols on a machine."""

    def __init__(
        self, machine: CpuMachine, definition: Mapping[str, Any], arrays: Mapping[str, Any], tokens: int, prefill: bool
    ) -> None:
        self.machine = machine
        self.lowering = modules("lowering")[definition["op"]].LOWERING
        self.symbols = definition_symbols(definition, prefill=prefill) | {
            "prefill_chunk": PREFILL_CHUNK, "context_length": CONTEXT, "relaxed": int(machine.build.relaxed),
            "n.address": machine.place(np.int32(tokens)),
        }  # fmt: skip
        for field in OPERATORS[definition["op"]].fields:
            if field.kind in NUMBER_KINDS:
                self.symbols[f"{field.name}.float32"] = float_bits(self.symbols[field.name])
        for name, value in arrays.items():
            self.symbols[f"{name}.address"] = machine.place(value)
        self.names = {}
        for argument in OPERATORS[definition["op"]].arguments:
            if argument.role == "matrix":
                name, array = argument.name, arrays[argument.name]
                self.names[f"{name}.format"] = str(array.dtype)
                columns = evaluate(argument.columns, self.symbols)
                self.symbols[f"{name}.block_row_bytes"] = 4 * columns * array.dtype.itemsize

    def run(self, threads: int, **more: int) -> None:
        """``more``: symbols by name, with ``__`` for the point."""
        self.symbols |= {name.replace("__", "."): value for name, value in more.items()}
        for memory in self.lowering["memory"]:
            self._place(memory, threads)
        assert not any(self._value(refusal["when"]) for refusal in self.lowering["refusals"])
        for step in self.lowering["steps"]:
            if self._value(step["when"]):
                for call in step["calls"]:
                    self._call(call, threads)

    def read(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        return self.machine.read(self.symbols[f"{name}.address"], np.float32, shape)

    def _place(self, memory: Mapping[str, Any], threads: int) -> None:
        name = memory["name"]
        if memory["kind"] == "numbers":
            written = self._value(memory["when"])
            words = [self._word(value) if written else np.int32(0) for value in memory["values"]]
            self.symbols[f"{name}.address"] = self.machine.place(b"".join(word.tobytes() for word in words))
            return
        nbytes = self._value(memory["nbytes"])
        stride = (nbytes + 63) // 64 * 64
        self.symbols.setdefault(f"{name}.address", self.machine.place(stride * threads))
        self.symbols[f"{name}.stride"] = stride
        self.symbols.setdefault(f"{name}.written", 0)

    def _call(self, call: Mapping[str, Any], threads: int) -> None:
        if not self._value(call["when"]):
            return
        groups = call.get("groups")
        of, most = (self._value(groups["of"]), groups["most"]) if groups else (1, 1)
        for first in range(0, of, most):
            known = self.symbols | ({"first": first, "count": min(most, of - first)} if groups else {})

            def filled(match: re.Match[str], known: Mapping[str, Any] = known) -> str:
                return self.names.get(match[1]) or str(known[match[1]])

            kernel = re.sub(r"\{(.*?)\}", filled, call["kernel"])
            self.machine.call(kernel, *(evaluate(each, known) for each in call["arguments"]), threads=threads)

    def _value(self, expression: Any) -> int:
        return int(evaluate(expression, self.symbols))

    def _word(self, word: Mapping[str, Any]) -> np.generic:
        return np.int32(self._value(word["int32"])) if "int32" in word else np.float32(self._real(word["float32"]))

    def _real(self, real: Any) -> float:
        if isinstance(real, str):
            return float(self.symbols[real])
        if not isinstance(real, list):
            return float(real)
        if real[0] == "log":
            return float(np.log(self._real(real[1])))
        left, right = self._real(real[1]), self._real(real[2])
        return {"+": left + right, "-": left - right, "*": left * right, "/": left / right if right else 0.0}[real[0]]
