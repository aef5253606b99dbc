"""The activation functions by their numbers (declaration.ACTIVATIONS), in NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .declaration import ACTIVATIONS

_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def activate(x: np.ndarray, activation: int) -> np.ndarray:
    """``x`` of any shape, float64, through the function of this number."""
    return _FUNCTIONS[ACTIVATIONS[activation]](x)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-x) without an exponential that overflows, and exact to a rounding where it is small too."""
    power = np.exp(-np.abs(x))
    result: np.ndarray = np.where(x < 0, power, 1) / (1 + power)
    return result


def _gelu_tanh(x: np.ndarray) -> np.ndarray:
    # (1 + tanh(u)) / 2 is sigmoid(2u).
    return x * _sigmoid(2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))


_FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "none": lambda x: x,
    "silu": lambda x: x * _sigmoid(x),
    "gelu": lambda x: 0.5 * x * _erfc(-x / np.sqrt(2)),
    "gelu_tanh": _gelu_tanh,
    "relu": lambda x: np.maximum(x, 0),
}
