"""LLaMA with the roundings of the CPU device: activations before quantized weights, keys and values.

    round(x) = rint(x / s) * s
    before 4-bit weights    s = max|x| / 127     per group of 32 activations
    before 8-bit weights    s = max|x| / 2047    per token
    keys and values         s = max|x| / 127     per token and KV head

Everything else is float32 as in llama.py, so the device must agree with this closely, and what the roundings cost is
the distance of this from llama.py. Groups are those of the weights' columns, the last one padded with zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from nomoat_compiler.reference.llama import LlamaReference
from nomoat_compiler.reference.rope import Float32

GROUP = 32


class RoundedLlamaReference(LlamaReference):
    """``bits(name)`` tells in how many bits a weight is stored, by its Hugging Face name; None: as it is."""

    def __init__(
        self,
        config: Mapping[str, Any],
        tensor: Callable[[str], npt.NDArray[Any]],
        bits: Callable[[str], int | None],
    ) -> None:
        super().__init__(config, tensor)
        self._bits = bits

    def _linear(self, x: Float32, name: str, bias: bool) -> Float32:
        bits = self._bits(f"{name}.weight")
        if bits == 8:
            x = rounded(x, 2047)
        elif bits is not None:
            x = int8_by_group(x)
        return super()._linear(x, name, bias)

    def _cached(self, x: Float32) -> Float32:
        return rounded(x, 127)


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
