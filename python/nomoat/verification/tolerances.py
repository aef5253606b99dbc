"""What counts as right.

*Execution*: package in the browser against NumPy on the package's own weights. Both compute in float32 and differ in
the order of sums only, whatever the scheme; 2e-2 is about ten times what a 30-layer model shows.

*Quantization*: NumPy on the checkpoint's weights against the package in the browser, as mean KL in nats. The limits
tell a broken scheme from a coarse one, they do not grade quality: 4 bits cost a small model up to a few tenths of a
nat, 8 bits thousandths, and 16 bits only what rounding to 10 (float16) or 7 (bfloat16) mantissa bits costs.
"""

from __future__ import annotations

MAX_LOGIT_ERROR = 2e-2
MAX_MEAN_KL_OF_EXECUTION = 1e-5
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
