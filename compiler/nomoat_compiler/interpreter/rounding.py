"""The interpreter with the roundings of the CPU device: activations before quantized weights, keys and values.

    round(x) = rint(x / s) * s
    before 2 to 6 bits      s = max|x| / 127     per group of 32 activations
    before 8-bit weights    s = max|x| / 2047    per token
    keys and values         s = max|x| / 127     per token and KV head; with exact_cache to float16

Everything else is as in interpreter.py, so the device must agree with this closely, and what the roundings cost is the
distance of this from that. Groups are those of the weights' columns, the last one padded with zeros.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..operators.rms_norm.reference import normalize
from ..program.instance import Instance
from .interpreter import Array, Interpreter, Tensors

GROUP = 32
Float32 = npt.NDArray[np.float32]


class RoundedInterpreter(Interpreter):
    """Keeps values in float32, as the device does."""

    def __init__(self, instance: Instance, tensor: Tensors) -> None:
        super().__init__(instance, tensor, np.float32)

    def _step(
        self, definition: Mapping[str, Any], arrays: dict[str, Array], tokens: int, names: Mapping[str, str]
    ) -> dict[str, Array]:
        if definition["op"] == "linear":
            x = arrays["x"].reshape(tokens, -1)
            if definition["norm_eps"] is not None:  # What is rounded is what the product reads.
                x = normalize(x.astype(np.float64), arrays["gain"], definition["norm_eps"]).astype(np.float32)
            bits = self._bits(names["w"], definition["scheme"])
            arrays = arrays | {"x": x if bits is None else rounded(x, 2047) if bits == 8 else int8_by_group(x)}
            return super()._step({**definition, "norm_eps": None}, arrays, tokens, names)
        results = super()._step(definition, arrays, tokens, names)
        if definition["op"] == "rope_append":
            self._round_new(definition, arrays, results, tokens)
        return results

    def _bits(self, weight: str, scheme: Mapping[str, Any]) -> int | None:
        """The bits of a stored matrix, which decide how the input is rounded; None: not at all."""
        return scheme["bits"] if "group_size" in scheme else None

    def _cached(self, x: Float32, *, exact: bool) -> Float32:
        """Keys or values (tokens, kv_heads, head_dim) as the cache gives them back."""
        return to_float16(x) if exact else rounded(x, 127)

    def _round_new(
        self, definition: Mapping[str, Any], arrays: Mapping[str, Array], results: dict[str, Array], tokens: int
    ) -> None:
        positions = int(arrays["state"][1]) + np.arange(tokens)
        page = arrays["block_table"][positions // definition["page_size"]]
        slot = positions % definition["page_size"]
        for name in ("k_pages", "v_pages"):
            new = results[name][page, :, slot].astype(np.float32)  # (tokens, kv_heads, head_dim)
            results[name][page, :, slot] = self._cached(new, exact=definition["exact_cache"])


def to_float16(x: Float32) -> Float32:
    """Each last axis in float16; where its largest is 2^16 or more, divided by a power of 2 first."""
    exponent = np.frexp(np.abs(x).max(axis=-1, keepdims=True))[1] - 1
    shift = np.maximum(exponent - 15, 0)
    small = np.ldexp(x, -shift)
    with np.errstate(over="ignore"):
        halves = small.astype(np.float16).astype(np.float32)
    # The cache has no infinities: what is nearest to 2^16 is that.
    result: Float32 = np.ldexp(np.where(np.isinf(halves), np.copysign(np.float32(65536), small), halves), shift)
    return result


def int8_by_group(x: Float32) -> Float32:
    """Groups of 32 along the last axis, each rounded to 255 steps."""
    columns = x.shape[-1]
    padded = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, -columns % GROUP)])
    groups = padded.reshape(*x.shape[:-1], -1, GROUP)
    return rounded(groups, 127).reshape(padded.shape)[..., :columns]


def rounded(x: Float32, steps: int) -> Float32:
    """Each last axis rounded to ``steps`` steps from zero to its largest magnitude."""
    peak = np.abs(x).max(axis=-1, keepdims=True)
    inverse = np.divide(np.float32(steps), peak, out=np.zeros_like(peak), where=peak > 0)
    result: Float32 = np.rint(x * inverse) * (peak * np.float32(1 / steps))
    return result
