"""What counts as right, by device and quantization scheme.

*Execution*: package in the browser against NumPy on the package's own weights.

WebGPU, and wasm on weights of 16 and 32 bits, compute in float32 as the reference does and differ in the order of
sums only, whatever the scheme; 2e-2 is about ten times what a 30-layer model shows.

wasm on weights of 4 and 8 bits rounds the input of every such matmul to 8 bits per block, so that it can multiply
integers. That is an error of its own, some hundredths of a logit's spread, which no order of sums explains: a largest
difference says little there, and two close tokens may change places. What must hold is that the logits keep their
shape, the distribution stays what it was, and the best token nearly always too.

*Quantization*: NumPy on the checkpoint's weights against the package in the browser, as mean KL in nats. The limits
tell a broken scheme from a coarse one, they do not grade quality: 4 bits cost a small model up to a few tenths of a
nat, 8 bits thousandths, and 16 bits only what rounding to 10 (float16) or 7 (bfloat16) mantissa bits costs. Rounded
activations add what they may cost by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tolerance:
    """Limits of a Comparison; None where a figure is not judged."""

    max_mean_kl: float
    max_logit_error: float | None = None
    min_logit_correlation: float | None = None
    min_top1_agreement: float | None = None
    decided_tokens_equal: bool = False


FLOAT_EXECUTION = Tolerance(max_mean_kl=1e-5, max_logit_error=2e-2, decided_tokens_equal=True)
INT8_EXECUTION = Tolerance(max_mean_kl=0.02, min_logit_correlation=0.998, min_top1_agreement=0.9)
MAX_MEAN_KL = {
    "f32": 1e-5,
    "f16": 1e-3,
    "q0f16": 1e-3,
    "q0f32": 1e-2,  # bfloat16 on disk
    "q8": 1e-2,
    "q4": 0.5,
    "q4f16_1": 0.7,  # 15 of 16 levels, and no minimum
    "q4f32_1": 0.7,
}
# The schemes whose matmuls wasm computes in integers.
INTEGER_SCHEMES = frozenset({"q8", "q4", "q4f16_1", "q4f32_1"})


def execution_tolerance(device: str, quantization: str) -> Tolerance:
    """Against the package's own weights; ``device`` is "webgpu" or "wasm"."""
    return INT8_EXECUTION if rounds_activations(device, quantization) else FLOAT_EXECUTION


def quantization_tolerance(device: str, quantization: str) -> Tolerance:
    """Against the checkpoint's weights."""
    rounding = INT8_EXECUTION.max_mean_kl if rounds_activations(device, quantization) else 0
    return Tolerance(max_mean_kl=MAX_MEAN_KL[quantization] + rounding)


def rounds_activations(device: str, quantization: str) -> bool:
    return device == "wasm" and quantization in INTEGER_SCHEMES
