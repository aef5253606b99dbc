"""RoPE scaling of a GGUF file as Hugging Face's ``rope_scaling``.

linear and yarn are written as metadata. Llama 3's scaling is written as the tensor ``rope_freqs.weight``
[head_dim / 2]: what each frequency is divided by. Its parameters are recovered from those divisors, and accepted only
where they reproduce the tensor. LongRoPE's two lists are the tensors ``rope_factors_long.weight`` and
``rope_factors_short.weight``. Source: convert_hf_to_gguf.py of llama.cpp (generate_extra_tensors),
``_compute_llama3_parameters`` of transformers, and llama_context of llama.cpp (the attention factor of yarn).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..errors import NomoatError
from ..portable import logarithm, power, shortest_single
from .gguf_values import integer, number, text

# A divisor is written as float32 and computed with float32 frequencies.
DIVISOR_TOLERANCE = 1e-4
LISTS = "rope_factors_long.weight and rope_factors_short.weight"


@dataclass(frozen=True)
class RopeTensors:
    """float32 numbers, one for each two values of a head that are rotated; None where the file has no such tensor."""

    divisors: list[float] | None = None
    long_factors: list[float] | None = None
    short_factors: list[float] | None = None


def rope_scaling(
    metadata: dict[str, Any], name: str, tensors: RopeTensors, rotated: int, rope_theta: float
) -> dict[str, Any] | None:
    """None where positions are not scaled; ``unsupported`` for a kind that is unknown.

    ``name`` is the architecture's in the metadata, ``rotated`` the number of values of a head that RoPE turns.
    """
    scaling = f"{name}.rope.scaling"
    kind = text(metadata, f"{scaling}.type")
    if tensors.long_factors is not None or tensors.short_factors is not None:
        return _longrope(metadata, scaling, kind, tensors, rotated)
    if tensors.divisors is not None:
        if kind not in (None, "none", "llama3"):
            raise NomoatError("unsupported", f"RoPE scaling {kind!r} together with rope_freqs.weight is not supported.")
        return llama3_from_divisors(tensors.divisors, rotated, rope_theta)
    old_key = f"{name}.rope.scale_linear"
    factor = _number_or_zero(metadata, f"{scaling}.factor") or _number_or_zero(metadata, old_key) or 1.0
    if kind is None or (kind == "none" and old_key in metadata):
        kind = "linear"  # As llama.cpp takes a factor that nothing is said about.
    if kind == "none" or (kind == "linear" and factor == 1.0):
        return None
    if kind == "linear":
        return {"rope_type": "linear", "factor": factor}
    if kind == "yarn":
        return _yarn(metadata, scaling, factor)
    raise NomoatError("unsupported", f"RoPE scaling {kind!r} is not supported; linear, yarn, longrope and llama3 are.")


def _number_or_zero(metadata: dict[str, Any], key: str) -> float:
    """A positive number, or 0 where the file says 0 or nothing, which is the same."""
    value = metadata.get(key, 0)
    return 0.0 if isinstance(value, int | float) and value == 0 else number(metadata, key)


def _yarn(metadata: dict[str, Any], scaling: str, factor: float) -> dict[str, Any]:
    """``scaling`` is the beginning of the keys."""
    result: dict[str, Any] = {
        "rope_type": "yarn", "factor": factor,
        "original_max_position_embeddings": integer(metadata, f"{scaling}.original_context_length"),
    }  # fmt: skip
    for key, name in (("yarn_beta_fast", "beta_fast"), ("yarn_beta_slow", "beta_slow")):
        if f"{scaling}.{key}" in metadata:
            result[name] = number(metadata, f"{scaling}.{key}")
    multiplier = _number_or_zero(metadata, f"{scaling}.yarn_log_multiplier")
    extra = number(metadata, f"{scaling}.attn_factor", 1.0)
    if f"{scaling}.yarn_attn_factor" in metadata:  # Hugging Face's own, which replaces what is computed.
        result["attention_factor"] = number(metadata, f"{scaling}.yarn_attn_factor") * extra
    elif extra != 1.0:  # llama.cpp multiplies it to the computed one.
        own = 0.1 * logarithm(factor) + 1.0
        result["attention_factor"] = extra * (own / (0.1 * multiplier * logarithm(factor) + 1.0))
    elif multiplier:
        result |= {"mscale": 1.0, "mscale_all_dim": multiplier}
    return result


def _longrope(
    metadata: dict[str, Any], scaling: str, kind: str | None, tensors: RopeTensors, rotated: int
) -> dict[str, Any]:
    if kind not in (None, "none", "longrope", "yarn"):  # What LongRoPE was called before.
        raise NomoatError("unsupported", f"RoPE scaling {kind!r} together with {LISTS} is not supported.")
    lists = {"long_factor": tensors.long_factors, "short_factor": tensors.short_factors}
    result: dict[str, Any] = {"rope_type": "longrope"}
    for name, values in lists.items():
        if values is None or len(values) != rotated // 2 or not all(0 < v < math.inf for v in values):
            raise NomoatError(
                "invalid_checkpoint", f"{LISTS} must both hold {rotated // 2} positive numbers.", tensor=name
            )
        result[name] = [shortest_single(value) for value in values]
    if f"{scaling}.attn_factor" in metadata:
        result["attention_factor"] = number(metadata, f"{scaling}.attn_factor")
    return result


def llama3_from_divisors(divisors: list[float], head_dim: int, rope_theta: float) -> dict[str, Any] | None:
    """The parameters that reproduce ``divisors`` [head_dim / 2], or ``unsupported``.

    Multiplying original_max_position_embeddings, low_freq_factor and high_freq_factor by one number changes nothing, so
    low_freq_factor is 1, as in every Llama 3, where the rest can be determined. Between the two wavelengths 1/divisor
    is linear in the frequency: s = (original / wavelength - low) / (high - low), 1/divisor = (1 - s) / factor + s.
    """
    if len(divisors) != head_dim // 2 or not all(1 <= divisor < math.inf for divisor in divisors):
        raise NomoatError(
            "invalid_checkpoint",
            f"rope_freqs.weight must hold {head_dim // 2} numbers of at least 1.",
            tensor="rope_freqs",
        )
    if all(divisor == 1 for divisor in divisors):
        return None
    turns = [1.0 / (power(rope_theta, 2 * i / head_dim) * 2 * math.pi) for i in range(head_dim // 2)]  # 1 / wavelength
    factor = shortest_single(max(divisors))
    # 0 where fully scaled, 1 where not scaled
    smooth = [(1.0 / divisor - 1 / factor) / (1 - 1 / factor) for divisor in divisors]
    between = [(turn, share) for turn, share in zip(turns, smooth, strict=True) if 1e-3 < share < 1 - 1e-3]
    candidates = [(1.0, 4.0, 8192.0)]  # low, high, original: Llama 3.1, 3.2, 3.3
    if len(between) >= 2:
        slope, intercept = _line(between)  # original/(high-low), -low/(high-low)
        if intercept < 0 < slope:
            candidates.append((1.0, 1.0 - 1.0 / intercept, round(-slope / intercept)))
    else:  # More than one line fits: the one that starts at the last frequency that is scaled in full.
        low_turns = max(turn for turn, share in zip(turns, smooth, strict=True) if share <= 1e-3)
        above = [turn for turn, share in zip(turns, smooth, strict=True) if share >= 1 - 1e-3]
        high_turns = min([*above, 2 * low_turns])
        for turn, share in between:
            high_turns = low_turns + (turn - low_turns) / share
        candidates.append((8192 * low_turns, 8192 * high_turns, 8192))
    for low, high, original in candidates:
        if all(
            abs(_divisor(original, low, high, factor, turn) - divisor) <= DIVISOR_TOLERANCE * divisor
            for turn, divisor in zip(turns, divisors, strict=True)
        ):
            return {
                "rope_type": "llama3", "factor": factor, "low_freq_factor": low,
                "high_freq_factor": float(f"{high:.8g}"), "original_max_position_embeddings": int(original),
            }  # fmt: skip
    raise NomoatError(
        "unsupported",
        "rope_freqs.weight does not follow Llama 3's RoPE scaling, the only kind of per-frequency scaling supported.",
        tensor="rope_freqs.weight",
    )


def _divisor(original: float, low: float, high: float, factor: float, turn: float) -> float:
    smooth = min(max((original * turn - low) / (high - low), 0.0), 1.0)
    return 1.0 / ((1 - smooth) / factor + smooth)


def _line(points: list[tuple[float, float]]) -> tuple[float, float]:
    """(slope, intercept) of the least squares."""
    count = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) * (x - mean_x) for x, _ in points)
    return slope, mean_y - slope * mean_x
