"""RoPE scaling of a GGUF file as Hugging Face's ``rope_scaling``.

linear and yarn are written as metadata. Llama 3's scaling is written as the tensor ``rope_freqs.weight``
[head_dim / 2]: what each frequency is divided by. Its parameters are recovered from those divisors, and accepted only
where they reproduce the tensor. Source: convert_hf_to_gguf.py of llama.cpp (generate_extra_tensors), and
``_compute_llama3_parameters`` of transformers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import NomoatError
from .gguf_values import integer, number, text

# A divisor is written as float32 and computed with float32 frequencies.
DIVISOR_TOLERANCE = 1e-4


def rope_scaling(
    metadata: dict[str, Any], divisors: npt.NDArray[np.float32] | None, head_dim: int, rope_theta: float
) -> dict[str, Any] | None:
    """None where positions are not scaled; ``unsupported`` for a kind that Hugging Face's Llama does not have."""
    kind = text(metadata, "llama.rope.scaling.type", "none")
    if divisors is not None:
        if kind not in ("none", "llama3"):
            raise NomoatError("unsupported", f"RoPE scaling {kind!r} together with rope_freqs.weight is not supported.")
        return llama3_from_divisors(divisors, head_dim, rope_theta)
    factor_key = "llama.rope.scaling.factor"
    factor = number(metadata, factor_key if factor_key in metadata else "llama.rope.scale_linear", 1.0)
    if kind == "none" and "llama.rope.scale_linear" in metadata:
        kind = "linear"
    if kind == "none" or (kind == "linear" and factor == 1.0):
        return None
    if kind == "linear":
        return {"rope_type": "linear", "factor": factor}
    if kind == "yarn":
        return _yarn(metadata, factor)
    raise NomoatError("unsupported", f"RoPE scaling {kind!r} is not supported; linear, yarn and llama3 are.")


def _yarn(metadata: dict[str, Any], factor: float) -> dict[str, Any]:
    original = integer(metadata, "llama.rope.scaling.original_context_length")
    scaling: dict[str, Any] = {
        "rope_type": "yarn", "factor": factor, "original_max_position_embeddings": original,
    }  # fmt: skip
    for key, name in (("yarn_beta_fast", "beta_fast"), ("yarn_beta_slow", "beta_slow")):
        if f"llama.rope.scaling.{key}" in metadata:
            scaling[name] = number(metadata, f"llama.rope.scaling.{key}")
    attention_factor = number(metadata, "llama.rope.scaling.attn_factor", 1.0)
    if attention_factor != 1.0:  # llama.cpp multiplies it to YaRN's own factor, Hugging Face's replaces that.
        scaling["attention_factor"] = attention_factor * (0.1 * math.log(factor) + 1.0)
    return scaling


def llama3_from_divisors(divisors: npt.NDArray[np.float32], head_dim: int, rope_theta: float) -> dict[str, Any] | None:
    """The parameters that reproduce ``divisors`` [head_dim / 2], or ``unsupported``.

    Multiplying original_max_position_embeddings, low_freq_factor and high_freq_factor by one number changes nothing, so
    low_freq_factor is 1, as in every Llama 3. Between the two wavelengths 1/divisor is linear in the frequency:
    s = (original / wavelength - low) / (high - low), 1/divisor = (1 - s) / factor + s.
    """
    if divisors.shape != (head_dim // 2,) or not np.all(np.isfinite(divisors)) or not np.all(divisors >= 1):
        raise NomoatError(
            "invalid_checkpoint",
            f"rope_freqs.weight must hold {head_dim // 2} numbers of at least 1.",
            tensor="rope_freqs",
        )
    if np.all(divisors == 1):
        return None
    turns = 1.0 / (rope_theta ** (np.arange(0, head_dim, 2) / head_dim) * 2 * math.pi)  # 1 / wavelength
    factor = float(str(np.float32(divisors.max())))
    inverse = 1.0 / divisors.astype(np.float64)
    smooth = (inverse - 1 / factor) / (1 - 1 / factor)  # 0 where fully scaled, 1 where not scaled
    between = (smooth > 1e-3) & (smooth < 1 - 1e-3)
    candidates = [(1.0, 4.0, 8192.0)]  # low, high, original: Llama 3.1, 3.2, 3.3
    if between.sum() >= 2:
        slope, intercept = np.polyfit(turns[between], smooth[between], 1)  # original/(high-low), -low/(high-low)
        if intercept < 0 < slope:
            candidates.append((1.0, 1.0 - 1.0 / float(intercept), round(-float(slope) / float(intercept))))
    for low, high, original in candidates:
        expected_smooth = np.clip((original * turns - low) / (high - low), 0, 1)
        expected = 1.0 / ((1 - expected_smooth) / factor + expected_smooth)
        if np.allclose(expected, divisors, rtol=DIVISOR_TOLERANCE, atol=0):
            return {
                "rope_type": "llama3", "factor": factor, "low_freq_factor": low,
                "high_freq_factor": float(f"{high:.5g}"), "original_max_position_embeddings": int(original),
            }  # fmt: skip
    raise NomoatError(
        "unsupported",
        "rope_freqs.weight does not follow Llama 3's RoPE scaling, the only kind of per-frequency scaling supported.",
        tensor="rope_freqs.weight",
    )
