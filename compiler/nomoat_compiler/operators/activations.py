"""The activation functions by their numbers (declaration.ACTIVATIONS), in NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .declaration import ACTIVATIONS

_erf = np.vectorize(math.erf, otypes=[np.float64])


def activate(x: np.ndarray, activation: int) -> np.ndarray:
    """``x`` of any shape, float64, through the function of this number."""
    return _FUNCTIONS[ACTIVATIONS[activation]](x)


def _gelu_tanh(x: np.ndarray) -> np.ndarray:
    result: np.ndarray = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return result


_FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "none": lambda x: x,
    "silu": lambda x: x * 0.5 * (1 + np.tanh(0.5 * x)),  # x · sigmoid(x) without an exponential that overflows
    "gelu": lambda x: 0.5 * x * (1 + _erf(x / np.sqrt(2))),
    "gelu_tanh": _gelu_tanh,
    "relu": lambda x: np.maximum(x, 0),
}
