"""LLaMA with the roundings of the CPU device: int8 activations before quantized weights, int8 keys and values.

    round(x) = rint(x / s) * s,  s = max|x| / 127     per group of 32 activations; per token and KV head

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
    """``is_quantized(name)`` tells of a weight, by its Hugging Face name, whether it is stored in 4 or 8 bits."""

    def __init__(
        self,
        config: Mapping[str, Any],
        tensor: Callable[[str], npt.NDArray[Any]],
        is_quantized: Callable[[str], bool],
    ) -> None:
        super().__init__(config, tensor)
        self._is_quantized = is_quantized

    def _linear(self, x: Float32, name: str, bias: bool) -> Float32:
        if not self._is_quantized(f"{name}.weight"):
            return super()._linear(x, name, bias)
        padding = -x.shape[-1] % GROUP
        groups = np.pad(x, ((0, 0), (0, padding))).reshape(len(x), -1, GROUP)  # (T, groups, 32)
        rounded = int8_rounded(groups).reshape(len(x), -1)[:, : x.shape[-1]]  # (T, K)
        return super()._linear(rounded, name, bias)

    def _cached(self, x: Float32) -> Float32:
        return int8_rounded(x)


def int8_rounded(x: Float32) -> Float32:
    """Each last axis rounded to 255 steps of its largest magnitude."""
    peak = np.abs(x).max(axis=-1, keepdims=True)
    inverse = np.divide(np.float32(127), peak, out=np.zeros_like(peak), where=peak > 0)
    rounded: Float32 = np.rint(x * inverse) * (peak * np.float32(1 / 127))
    return rounded
