"""RoPE frequencies of every scaling type, as transformers computes them (modeling_rope_utils.py).

    default   f_j = theta^(-2j/d)                                     Su et al. 2021
    linear    f_j / factor                                            Chen et al. 2023
    dynamic   theta grows with the length beyond the trained one      NTK-aware; the kernel computes it per token
    llama3    long wavelengths divided by factor, a smooth band       Llama 3.1
    yarn      interpolation ramp by rotations, and an attention scale Peng et al. 2023

inv_freq is (head_dim/2,) float32.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import NomoatError

# The numbers that each type reads; whatever else a file says about RoPE means nothing.
_REQUIRED: dict[str, tuple[str, ...]] = {
    "default": (),
    "linear": ("factor",),
    "dynamic": ("factor",),
    "llama3": ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"),
    "yarn": ("factor", "original_max_position_embeddings"),
}
_OPTIONAL: dict[str, tuple[str, ...]] = {
    "yarn": ("attention_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim"),
}  # fmt: skip
ROPE_TYPES = tuple(_REQUIRED)
# transformers asks whether these are true, so 0 says the same as leaving them out.
_ZERO_IS_ABSENT = ("beta_fast", "beta_slow", "mscale", "mscale_all_dim")
_RANGES = {"original_max_position_embeddings": (1.0, 16_777_216.0)}  # as program.schema.json; else up to 1e30


@dataclass(frozen=True)
class RopeFrequencies:
    """inv_freq (head_dim/2,) float32, and the factor on cos and sin (1 but for yarn)."""

    inv_freq: np.ndarray
    attention_scaling: float


def check_rope_parameters(parameters: dict[str, Any], max_position_embeddings: int) -> dict[str, Any]:
    """Returns the parameters of a known type with checked numbers; raises invalid_checkpoint or unsupported."""
    rope_type = parameters.get("rope_type")
    if rope_type not in ROPE_TYPES:
        raise NomoatError(
            "unsupported",
            f"config.json: the RoPE type is {str(rope_type)[:60]!r}; supported are {', '.join(ROPE_TYPES)}.",
        )
    parameters = _completed(parameters, rope_type, max_position_embeddings)
    checked: dict[str, Any] = {"rope_type": rope_type}
    required = ("rope_theta", *_REQUIRED[rope_type])
    for name in (*required, *_OPTIONAL.get(rope_type, ())):
        value = parameters.get(name)
        if value is None or (name in _ZERO_IS_ABSENT and not isinstance(value, bool) and value == 0):
            if name in required:
                raise NomoatError("invalid_checkpoint", f"config.json: RoPE type {rope_type} needs {name}.", field=name)
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
            raise NomoatError(
                "invalid_checkpoint",
                f"config.json: RoPE's {name} is {value!r}; expected a positive number.",
                field=name,
            )
        low, high = _RANGES.get(name, (0.0, 1e30))
        if not low <= value <= high:
            raise NomoatError(
                "invalid_checkpoint",
                f"config.json: RoPE's {name} is {value!r}; expected a number from {low:g} to {high:g}.",
                field=name,
            )
        checked[name] = value
    if isinstance(parameters.get("truncate"), bool):
        checked["truncate"] = parameters["truncate"]
    if rope_type == "llama3" and checked["high_freq_factor"] == checked["low_freq_factor"]:
        raise NomoatError("invalid_checkpoint", "config.json: llama3 RoPE needs high_freq_factor != low_freq_factor.")
    return checked


def _completed(parameters: dict[str, Any], rope_type: str, max_position_embeddings: int) -> dict[str, Any]:
    """With what transformers derives: the trained length, and yarn's factor where a file gives both lengths only."""
    if rope_type not in ("yarn", "llama3"):
        return parameters
    original = parameters.get("original_max_position_embeddings")
    original = max_position_embeddings if original is None else original
    completed = parameters | {"original_max_position_embeddings": original}
    if rope_type == "yarn" and completed.get("factor") is None and isinstance(original, int) and original > 0:
        completed["factor"] = max_position_embeddings / original
    return completed


def rope_frequencies(parameters: dict[str, Any], head_dim: int) -> RopeFrequencies:
    """Frequencies for checked ``parameters``. For ``dynamic`` those of the trained length."""
    theta = float(parameters["rope_theta"])
    exponent = np.arange(0, head_dim, 2, dtype=np.float32) / np.float32(head_dim)
    inv_freq = (np.float32(1) / np.float32(theta) ** exponent).astype(np.float32)
    rope_type = parameters["rope_type"]
    if rope_type == "linear":
        return RopeFrequencies(inv_freq / np.float32(parameters["factor"]), 1.0)
    if rope_type == "llama3":
        return RopeFrequencies(_llama3(inv_freq, parameters), 1.0)
    if rope_type == "yarn":
        return _yarn(inv_freq, parameters, head_dim, theta)
    return RopeFrequencies(inv_freq, 1.0)


def _llama3(inv_freq: np.ndarray, parameters: dict[str, Any]) -> np.ndarray:
    factor, original = parameters["factor"], parameters["original_max_position_embeddings"]
    low, high = parameters["low_freq_factor"], parameters["high_freq_factor"]
    wavelength = 2 * math.pi / inv_freq
    smooth = (original / wavelength - low) / (high - low)
    blended = (1 - smooth) * inv_freq / factor + smooth * inv_freq
    scaled = np.where(wavelength > original / low, inv_freq / factor, inv_freq)
    medium = (wavelength <= original / low) & (wavelength >= original / high)
    return np.where(medium, blended, scaled).astype(np.float32)


def _yarn(inv_freq: np.ndarray, parameters: dict[str, Any], head_dim: int, theta: float) -> RopeFrequencies:
    factor, original = float(parameters["factor"]), parameters["original_max_position_embeddings"]
    beta_fast, beta_slow = parameters.get("beta_fast", 32), parameters.get("beta_slow", 1)

    def scale(factor: float, mscale: float = 1.0) -> float:
        return 1.0 if factor <= 1 else 0.1 * mscale * math.log(factor) + 1.0

    attention = parameters.get("attention_factor")
    if attention is None:
        mscale, mscale_all = parameters.get("mscale"), parameters.get("mscale_all_dim")
        attention = scale(factor, mscale) / scale(factor, mscale_all) if mscale and mscale_all else scale(factor)

    def dimension_of(rotations: float) -> float:
        """The dimension whose wave makes ``rotations`` turns over the original length."""
        return head_dim * math.log(original / (rotations * 2 * math.pi)) / (2 * math.log(theta))

    low, high = dimension_of(beta_fast), dimension_of(beta_slow)
    if parameters.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, head_dim - 1)
    if low == high:
        high += 0.001
    ramp = np.clip((np.arange(head_dim // 2, dtype=np.float32) - low) / (high - low), 0, 1)
    keep = 1 - ramp  # 1: the frequency stays, 0: it is divided by factor
    blended = inv_freq / factor * (1 - keep) + inv_freq * keep
    return RopeFrequencies(blended.astype(np.float32), float(attention))
