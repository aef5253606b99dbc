"""Rotary position embedding: cos and sin of every angle, as transformers computes them for Llama.

    angle[t, j] = position[t] * inv_freq[t, j],  inv_freq[j] = theta^(-2j / head_dim)  (Su et al. 2021)

and then one of: ``linear`` (Chen et al. 2023: inv_freq / factor), ``dynamic`` (NTK: theta grows with the
length), ``llama3`` (long wavelengths divided by factor, short ones kept, a ramp between), ``yarn`` (Peng et
al. 2023: a ramp over dimensions, and cos and sin times an attention factor). Source:
transformers/modeling_rope_utils.py.

Everything is float32, in transformers' order of operations; a frequency may still differ in its last bit
where NumPy's and torch's power functions do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
ROPE_TYPES = ("default", "linear", "dynamic", "llama3", "yarn")


def rope_cos_sin(config: Mapping[str, Any], positions: npt.NDArray[np.int64]) -> tuple[Float32, Float32]:
    """cos and sin of every angle, times yarn's attention factor.

    positions (T,) -> cos, sin (T, head_dim / 2). With ``dynamic`` each token's frequencies follow its own
    position, max(position + 1, max_position_embeddings): that is what decoding with a KV cache computes.
    """
    parameters = rope_parameters(config)
    if parameters["rope_type"] == "dynamic":
        inv_freq = np.stack([_dynamic(config, parameters, int(p) + 1) for p in positions])  # (T, head_dim / 2)
    else:
        inv_freq = inverse_frequencies(config)[None, :]  # (1, head_dim / 2)
    angle = positions.astype(np.float32)[:, None] * inv_freq  # (T, head_dim / 2)
    scaling = np.float32(attention_scaling(parameters))
    return np.cos(angle) * scaling, np.sin(angle) * scaling


def inverse_frequencies(config: Mapping[str, Any]) -> Float32:
    """inv_freq (head_dim / 2,); for ``dynamic`` the ones that hold up to max_position_embeddings."""
    parameters = rope_parameters(config)
    match parameters["rope_type"]:
        case "default":
            return _plain(parameters["rope_theta"], head_dim(config))
        case "linear":
            return _plain(parameters["rope_theta"], head_dim(config)) / np.float32(parameters["factor"])
        case "dynamic":
            return _dynamic(config, parameters, 0)
        case "llama3":
            return _llama3(config, parameters)
        case "yarn":
            return _yarn(config, parameters)
        case unknown:
            raise ValueError(f"rope_type must be one of {ROPE_TYPES}, not {unknown!r}")


def attention_scaling(parameters: Mapping[str, Any]) -> float:
    """What cos and sin are multiplied with: 1, but for yarn (its equation 22, or DeepSeek's mscale form)."""
    if parameters["rope_type"] != "yarn":
        return 1.0
    if parameters.get("attention_factor") is not None:
        return float(parameters["attention_factor"])
    factor = float(parameters["factor"])
    mscale, mscale_all_dim = parameters.get("mscale"), parameters.get("mscale_all_dim")

    def mscale_of(scale: float) -> float:
        return 1.0 if factor <= 1 else 0.1 * scale * math.log(factor) + 1.0

    if mscale and mscale_all_dim:
        return mscale_of(mscale) / mscale_of(mscale_all_dim)
    return mscale_of(1.0)


def rope_parameters(config: Mapping[str, Any]) -> dict[str, Any]:
    """{rope_type, rope_theta, ...} from either spelling: rope_parameters, or rope_theta with rope_scaling."""
    parameters = dict(config.get("rope_parameters") or config.get("rope_scaling") or {})
    parameters["rope_type"] = parameters.get("rope_type", parameters.get("type", "default"))
    if parameters.get("rope_theta") is None:
        parameters["rope_theta"] = config.get("rope_theta", 10000.0)
    if parameters["rope_type"] in ("llama3", "yarn"):
        # A length beside rope_parameters goes before the one inside, as in standardize_rope_params.
        inside = parameters.get("original_max_position_embeddings", config["max_position_embeddings"])
        parameters["original_max_position_embeddings"] = config.get("original_max_position_embeddings", inside)
    return parameters


def head_dim(config: Mapping[str, Any]) -> int:
    """head_dim where the configuration has it, else hidden_size / num_attention_heads."""
    return int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])


def _plain(theta: float, dim: int) -> Float32:
    exponents = np.arange(0, dim, 2).astype(np.float32) / np.float32(dim)  # (dim / 2,)
    return np.float32(1.0) / np.power(np.float32(theta), exponents)  # (dim / 2,)


def _dynamic(config: Mapping[str, Any], parameters: Mapping[str, Any], length: int) -> Float32:
    dim, factor, original = head_dim(config), parameters["factor"], config["max_position_embeddings"]
    growth = factor * max(length, original) / original - (factor - 1)
    return _plain(parameters["rope_theta"] * growth ** (dim / (dim - 2)), dim)


def _llama3(config: Mapping[str, Any], parameters: Mapping[str, Any]) -> Float32:
    inv_freq = _plain(parameters["rope_theta"], head_dim(config))  # (head_dim / 2,)
    factor = np.float32(parameters["factor"])
    low, high = parameters["low_freq_factor"], parameters["high_freq_factor"]
    original = parameters["original_max_position_embeddings"]
    wavelength = np.float32(2 * math.pi) / inv_freq  # (head_dim / 2,) tokens
    scaled = np.where(wavelength > original / low, inv_freq / factor, inv_freq)
    smooth = (np.float32(original) / wavelength - np.float32(low)) / np.float32(high - low)
    ramp = (1 - smooth) * scaled / factor + smooth * scaled
    between = ~(wavelength < original / high) & ~(wavelength > original / low)
    result: Float32 = np.where(between, ramp, scaled).astype(np.float32)  # (head_dim / 2,)
    return result


def _yarn(config: Mapping[str, Any], parameters: Mapping[str, Any]) -> Float32:
    dim, theta, factor = head_dim(config), parameters["rope_theta"], parameters["factor"]
    original = parameters["original_max_position_embeddings"]

    def dimension_of(rotations: float) -> float:
        """The dimension that turns so often within the original length."""
        return (dim * math.log(original / (rotations * 2 * math.pi))) / (2 * math.log(theta))

    low = dimension_of(parameters.get("beta_fast") or 32)
    high = dimension_of(parameters.get("beta_slow") or 1)
    if parameters.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, dim - 1)
    if low == high:
        high += 0.001  # a ramp of no length would divide by zero
    ramp = (np.arange(dim // 2, dtype=np.float32) - np.float32(low)) / np.float32(high - low)
    interpolated = np.clip(ramp, 0, 1).astype(np.float32)  # (head_dim / 2,) 0: as trained, 1: positions / factor
    frequencies = np.float32(1.0) / _plain(theta, dim)
    extrapolation = np.float32(1.0) / frequencies
    interpolation = np.float32(1.0) / (np.float32(factor) * frequencies)
    return interpolation * interpolated + extrapolation * (1 - interpolated)  # (head_dim / 2,)
