"""An instance, step by step, each step by the formula in its operator's folder: the oracle of what a device computes.

    prefill, encode    n tokens, as the plan says
    decode             of one token, or of several that follow each other, all at once: no step of decode looks at a
                       later token, so each row is what one call for its token gives

Weights come by the name of a plan's tensor, dequantized. Sums are float64; between steps values are kept in
``dtype``: float64 to judge a plan, float32 to stand beside a device.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from ..operators.catalog import OPERATORS
from ..operators.declaration import PROMPT_FUNCTIONS
from ..program.instance import Instance

Array = npt.NDArray[Any]
Tensors = Callable[[str], Array]
KEPT_ROLES = ("cache", "recurrent")  # arguments that an operator writes a part of
PLAIN = {"dtype": "float32"}  # the scheme of a matrix that is dequantized already
# Rows of a head are multiplied in pieces, since a formula works on a copy in float64.
PIECE_VALUES = 1 << 24


class Interpreter:
    """One model and the one sequence that it has seen, whose pages lie in order."""

    def __init__(self, instance: Instance, tensor: Tensors, dtype: npt.DTypeLike = np.float64) -> None:
        self.instance = instance
        self._tensor = tensor
        self._dtype = np.dtype(dtype)
        self._constants = {entry["name"]: _constant(entry) for entry in instance.constants}
        self._kept: dict[str, Array] = {}  # kv_cache and recurrent_state
        self._tensor_of = {
            array: tensor["name"] for tensor in instance.tensors for array in tensor["parameters"].values()
        }  # a stored array to the tensor that it is part of

    def prefill(self, token_ids: Sequence[int], position: int = 0, reach: int | None = None) -> None:
        """Fills cache and states with tokens at ``position``, ...; ``reach``: the length of the whole sequence."""
        self._run("prefill", token_ids, position, reach)

    def decode(self, token_ids: Sequence[int], position: int = 0, reach: int | None = None) -> Array:
        """Logits (len(token_ids), vocab_size) after each of tokens that stand at ``position``, ..."""
        return self._run("decode", token_ids, position, reach)["logits"].reshape(len(token_ids), -1)

    def encode(self, token_ids: Sequence[int]) -> Array:
        """The embedding of a text (hidden_size,)."""
        return self._run("encode", token_ids, 0, None)["embedding"]

    def _run(self, function: str, token_ids: Sequence[int], position: int, reach: int | None) -> dict[str, Array]:
        end = position + len(token_ids)
        self._make_room(end)
        pages = np.arange(-(-end // self.instance.page_size), dtype=np.int32)
        arrays: dict[str, Array] = {
            "state": np.array([0, position, 0, 0, 0, end if reach is None else reach, 0, 0], np.int32),
            "block_table": pages,
        }
        ids = "prompt_ids" if function in PROMPT_FUNCTIONS else "state"
        for step in self.instance.functions[function]:
            definition = self.instance.operators[step["operator"]]["definition"]
            written = {a.name for a in OPERATORS[definition["op"]].arguments if a.written and a.role not in KEPT_ROLES}
            given = {
                argument: np.asarray(token_ids, np.int32) if argument == "token_ids" else self._array(name, arrays)
                for argument, name in step["arguments"].items()
                if not argument.endswith("_scale") and argument not in written
            }
            assert step["arguments"].get("token_ids", ids) == ids
            results = self._step(definition, given, len(token_ids), step["arguments"])
            for argument, value in results.items():
                name = step["arguments"][argument]
                target = self._kept if name in self._kept else arrays
                target[name] = value.astype(self._dtype, copy=False)
        return arrays

    def _step(
        self, definition: Mapping[str, Any], arrays: dict[str, Array], tokens: int, names: Mapping[str, str]
    ) -> dict[str, Array]:
        """What one operator writes; ``names``: the instance's array of each argument."""
        if "scheme" in definition:
            definition = {**definition, "scheme": PLAIN}
        if definition["op"] == "embed":  # Only the rows that are asked for are turned into float64.
            rows = arrays["w"][np.clip(arrays["token_ids"], 0, definition["rows"] - 1)]
            arrays = {"w": rows, "token_ids": np.arange(tokens)}
            definition = {**definition, "rows": tokens}
        if definition["op"] == "linear" and not definition["gated"] and not definition["residual"]:
            return {"out": np.concatenate(self._pieces(definition, arrays, tokens), axis=1)}
        return formula(definition["op"])(definition, arrays, tokens)

    def _pieces(self, definition: Mapping[str, Any], arrays: dict[str, Array], tokens: int) -> list[Array]:
        step = max(1, PIECE_VALUES // definition["columns"])
        made = []
        for start in range(0, definition["rows"], step):
            piece = {name: arrays[name][start : start + step] for name in ("w", "bias") if name in arrays}
            rows = len(piece["w"])
            made.append(formula("linear")({**definition, "rows": rows}, arrays | piece, tokens)["out"])
        return made

    def _array(self, name: str, arrays: Mapping[str, Array]) -> Array:
        if name in self._tensor_of:
            return self._tensor(self._tensor_of[name])
        for place in (arrays, self._kept, self._constants):
            if name in place:
                return place[name]
        raise AssertionError(f"{name} is read before it is written")

    def _make_room(self, positions: int) -> None:
        """Pages for ``positions`` tokens, what is kept staying in front; one slot of every state."""
        pages = -(-positions // self.instance.page_size)
        for buffer in self.instance.buffers:
            if buffer["kind"] not in ("kv_cache", "recurrent_state"):
                continue
            old = self._kept.get(buffer["name"])
            count = pages if buffer["kind"] == "kv_cache" else 1
            if old is None or len(old) < count:
                grown = np.zeros((max(count, 2 * (0 if old is None else len(old))), *buffer["shape"][1:]), self._dtype)
                if old is not None:
                    grown[: len(old)] = old
                self._kept[buffer["name"]] = grown


def formula(op: str) -> Callable[[Mapping[str, Any], dict[str, Array], int], dict[str, Array]]:
    """The reference in the operator's folder."""
    reference: Callable[[Mapping[str, Any], dict[str, Array], int], dict[str, Array]]
    reference = import_module(f"nomoat_compiler.operators.{op}.reference").reference
    return reference


def _constant(entry: Mapping[str, Any]) -> Array:
    return np.frombuffer(b64decode(entry["data"]), np.dtype(entry["dtype"]).newbyteorder("<")).reshape(entry["shape"])
