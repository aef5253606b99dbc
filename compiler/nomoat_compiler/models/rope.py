"""RoPE frequencies of every scaling type, as transformers computes them (modeling_rope_utils.py).

    default   f_j = theta^(-2j/d)                                     Su et al. 2021
    linear    f_j / factor                                            Chen et al. 2023
    dynamic   theta grows with the length beyond the trained one      NTK-aware; the kernel computes it per token
    llama3    long wavelengths divided by factor, a smooth band       Llama 3.1
    yarn      interpolation ramp by rotations, and an attention scale Peng et al. 2023
    longrope  f_j / factor_j, with other factors past a length        Ding et al. 2024

Frequencies are (dim/2,) float32, dim being what of a head is rotated: head_dim · partial_rotary_factor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import NomoatError
from ..portable import logarithm, power, single, singles
from .config_reader import ConfigReader

# The numbers that each type reads; whatever else a file says about RoPE means nothing.
_REQUIRED: dict[str, tuple[str, ...]] = {
    "default": (),
    "linear": ("factor",),
    "dynamic": ("factor",),
    "llama3": ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"),
    "yarn": ("factor", "original_max_position_embeddings"),
    "longrope": ("original_max_position_embeddings",),
}
_OPTIONAL: dict[str, tuple[str, ...]] = {
    "yarn": ("attention_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim"),
    "longrope": ("attention_factor", "factor"),
}
ROPE_TYPES = tuple(_REQUIRED)
# transformers asks whether these are true, so 0 says the same as leaving them out.
_ZERO_IS_ABSENT = ("beta_fast", "beta_slow", "mscale", "mscale_all_dim")
# As program.schema.json; what is not here may be up to 1e30.
_RANGES = {
    "original_max_position_embeddings": (2.0, 16_777_216.0), "partial_rotary_factor": (0.0, 1.0),
    "rope_theta": (1.001, 1e30),
}  # fmt: skip


@dataclass(frozen=True)
class RopeFrequencies:
    """inv_freq (dim/2,) float32, and the factor on cos and sin (1 but for yarn and longrope).

    Sequences longer than ``long_from`` use ``long_inv_freq``, where there is one.
    """

    inv_freq: np.ndarray
    attention_scaling: float
    long_inv_freq: np.ndarray | None = None
    long_from: int = 0


def read_rope_parameters(
    config: ConfigReader, max_position_embeddings: int, theta: float = 10000.0, partial: float = 1.0
) -> dict[str, Any]:
    """The checked parameters of a model with one table: rope_parameters as written by transformers 5, or made from
    rope_theta, rope_scaling and partial_rotary_factor of older files. ``theta`` and ``partial`` are the defaults."""
    new, old = config.mapping("rope_parameters"), config.mapping("rope_scaling")
    merged: dict[str, Any] = dict(old or new or {})  # As transformers: the older one, where a file has both.
    for name, default in (("rope_theta", theta), ("partial_rotary_factor", partial)):
        if merged.get(name) is None:
            merged[name] = config.number(name, default)
    original = config.optional_integer("original_max_position_embeddings", None)
    if original is not None:  # Outside, where it is there, comes first.
        merged["original_max_position_embeddings"] = original
    return check_rope_parameters(merged, max_position_embeddings)


def check_rope_parameters(parameters: dict[str, Any], max_position_embeddings: int) -> dict[str, Any]:
    """Returns the parameters of a known type with checked numbers; raises invalid_checkpoint or unsupported."""
    rope_type = parameters.get("rope_type", parameters.get("type", "default"))
    rope_type = "longrope" if rope_type == "su" else rope_type
    if rope_type not in ROPE_TYPES:
        raise NomoatError(
            "unsupported",
            f"config.json: the RoPE type is {str(rope_type)[:60]!r}; supported are {', '.join(ROPE_TYPES)}.",
        )
    parameters = _completed(parameters, rope_type, max_position_embeddings)
    checked: dict[str, Any] = {"rope_type": rope_type}
    required = ("rope_theta", *_REQUIRED[rope_type])
    for name in (*required, *_OPTIONAL.get(rope_type, ()), "partial_rotary_factor"):
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
    if checked.get("partial_rotary_factor") == 1:  # All of a head is what no word means too.
        del checked["partial_rotary_factor"]
    if isinstance(parameters.get("truncate"), bool):
        checked["truncate"] = parameters["truncate"]
    if rope_type == "llama3" and checked["high_freq_factor"] == checked["low_freq_factor"]:
        raise NomoatError("invalid_checkpoint", "config.json: llama3 RoPE needs high_freq_factor != low_freq_factor.")
    if rope_type == "longrope":
        checked["max_position_embeddings"] = max_position_embeddings  # its ratio to the trained length is the factor
        for name in ("short_factor", "long_factor"):
            checked[name] = _factors(parameters.get(name), name)
    return checked


def _factors(value: object, name: str) -> list[float]:
    if not isinstance(value, list) or not all(
        isinstance(v, int | float) and not isinstance(v, bool) and 0 < v <= 1e30 for v in value
    ):
        message = f"config.json: longrope's {name} must be a list of positive numbers."
        raise NomoatError("invalid_checkpoint", message, field=name)
    return [float(v) for v in value]


def _completed(parameters: dict[str, Any], rope_type: str, max_position_embeddings: int) -> dict[str, Any]:
    """With what transformers derives: the trained length, and yarn's factor where a file gives both lengths only."""
    if rope_type not in ("yarn", "llama3", "longrope"):
        return parameters
    original = parameters.get("original_max_position_embeddings")
    original = max_position_embeddings if original is None else original
    completed = parameters | {"original_max_position_embeddings": original}
    if rope_type == "yarn" and completed.get("factor") is None and isinstance(original, int) and original > 0:
        completed["factor"] = max_position_embeddings / original
    return completed


def rotary_dim(parameters: dict[str, Any], head_dim: int) -> int:
    """Values of a head that are rotated."""
    dim = int(head_dim * parameters.get("partial_rotary_factor", 1.0))
    if dim < 2 or dim % 2:
        raise NomoatError(
            "unsupported", f"config.json: RoPE turns {dim} values of a head; it needs an even number, at least 2.",
            field="partial_rotary_factor",
        )  # fmt: skip
    return dim


def rope_frequencies(parameters: dict[str, Any], dim: int) -> RopeFrequencies:
    """Frequencies for checked ``parameters``. For ``dynamic`` those of the trained length.

    Every step is rounded to float32, as in transformers, and the power is the nearest float32: what NumPy makes of it
    depends on the processor.
    """
    theta = float(parameters["rope_theta"])
    powers = [single(power(single(theta), single(i / dim))) for i in range(0, dim, 2)]
    inv_freq = [single(1 / value) for value in powers]
    match parameters["rope_type"]:
        case "linear":
            factor = single(parameters["factor"])
            return RopeFrequencies(singles([single(value / factor) for value in inv_freq]), 1.0)
        case "llama3":
            return RopeFrequencies(singles(_llama3(inv_freq, parameters)), 1.0)
        case "yarn":
            return _yarn(inv_freq, parameters, dim, theta)
        case "longrope":
            return _longrope(powers, parameters)
    return RopeFrequencies(singles(inv_freq), 1.0)


def _longrope(powers: list[float], parameters: dict[str, Any]) -> RopeFrequencies:
    original = int(parameters["original_max_position_embeddings"])
    factor = float(parameters.get("factor", parameters["max_position_embeddings"] / original))
    attention = parameters.get("attention_factor")
    if attention is None:
        attention = 1.0 if factor <= 1 else math.sqrt(1 + logarithm(factor) / logarithm(original))
    made = []
    for name in ("short_factor", "long_factor"):
        if len(parameters[name]) != len(powers):
            raise NomoatError(
                "invalid_checkpoint",
                f"config.json: longrope's {name} has {len(parameters[name])} numbers; RoPE turns {len(powers)} pairs.",
                field=name,
            )
        products = [single(single(number) * value) for number, value in zip(parameters[name], powers, strict=True)]
        made.append(singles([single(1 / product) for product in products]))
    return RopeFrequencies(made[0], float(attention), made[1], original)


def _llama3(inv_freq: list[float], parameters: dict[str, Any]) -> list[float]:
    factor, original = single(parameters["factor"]), parameters["original_max_position_embeddings"]
    low, high = parameters["low_freq_factor"], parameters["high_freq_factor"]
    longest, shortest = single(original / low), single(original / high)
    turn, span = single(2 * math.pi), single(high - low)

    def scaled(value: float) -> float:
        wavelength = single(turn / value)
        if wavelength > longest:
            return single(value / factor)
        if wavelength < shortest:
            return value
        smooth = single(single(single(single(original) / wavelength) - single(low)) / span)
        return single(single(single(single(1 - smooth) * value) / factor) + single(smooth * value))

    return [scaled(value) for value in inv_freq]


def _yarn(inv_freq: list[float], parameters: dict[str, Any], dim: int, theta: float) -> RopeFrequencies:
    factor, original = float(parameters["factor"]), parameters["original_max_position_embeddings"]
    beta_fast, beta_slow = parameters.get("beta_fast", 32), parameters.get("beta_slow", 1)

    def scale(factor: float, mscale: float = 1.0) -> float:
        return 1.0 if factor <= 1 else 0.1 * mscale * logarithm(factor) + 1.0

    attention = parameters.get("attention_factor")
    if attention is None:
        mscale, mscale_all = parameters.get("mscale"), parameters.get("mscale_all_dim")
        attention = scale(factor, mscale) / scale(factor, mscale_all) if mscale and mscale_all else scale(factor)

    def dimension_of(rotations: float) -> float:
        """The dimension whose wave makes ``rotations`` turns over the original length."""
        return dim * logarithm(original / (rotations * 2 * math.pi)) / (2 * logarithm(theta))

    low, high = dimension_of(beta_fast), dimension_of(beta_slow)
    if parameters.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, dim - 1)
    if low == high:
        high += 0.001
    start, span = single(low), single(high - low)

    def blended(i: int, value: float) -> float:
        ramp = min(max(single(single(i - start) / span), 0.0), 1.0)
        keep = single(1 - ramp)  # 1: the frequency stays, 0: it is divided by factor
        divided = single(single(value / single(factor)) * single(1 - keep))
        return single(divided + single(value * keep))

    return RopeFrequencies(singles([blended(i, value) for i, value in enumerate(inv_freq)]), float(attention))
