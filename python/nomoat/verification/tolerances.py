"""What counts as right, by device and quantization scheme.

*Execution*: package in the browser against NumPy on the package's own weights.

WebGPU computes in float32 as the reference does and differs in the order of sums only, whatever the scheme; 2e-2 is
about ten times what a 30-layer model shows.

wasm, before weights of 4 and 8 bits, rounds the input of the matmul to 8 bits, so that it can multiply integers, and
most of these models' keys and values too. That is an error of its own, which no order of sums explains: a largest
difference says little there, and two close tokens may change places. What must hold is that the logits keep their
shape, the distribution stays what it was, and the best token nearly always too.

With plain weights only keys and values are rounded, to float16 (docs/decisions/0130). Logits then differ by 2e-3 of
their spread, which is a KL of some 1e-6; the limits are a hundred times that.

*Quantization*: NumPy on the checkpoint's weights against the package in the browser, as mean KL in nats. The limits
tell a broken scheme from a coarse one, they do not grade quality: 4 bits cost a small model up to a few tenths of a
nat, 8 bits thousandths, and 16 bits only what rounding to 10 (float16) or 7 (bfloat16) mantissa bits costs. What wasm
rounds while it runs adds what that may cost by itself.
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
FLOAT16_CACHE_EXECUTION = Tolerance(max_mean_kl=1e-4, min_logit_correlation=0.9999, min_top1_agreement=0.95)
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
    if device != "wasm":
        return FLOAT_EXECUTION
    return INT8_EXECUTION if quantization in INTEGER_SCHEMES else FLOAT16_CACHE_EXECUTION


def quantization_tolerance(device: str, quantization: str) -> Tolerance:
    """Against the checkpoint's weights."""
    rounding = execution_tolerance(device, quantization).max_mean_kl if device == "wasm" else 0
    return Tolerance(max_mean_kl=MAX_MEAN_KL[quantization] + rounding)
