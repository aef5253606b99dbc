"""Activation functions and the soft cap in WGSL, for the ends of kernels: functions, since a kernel ends many times.

    activated(y)   the function of number ``activation``: 0 none, 1 silu, 2 gelu, 3 gelu by tanh, 4 relu
    capped(z)      softcap * tanh(z / softcap); z where ``softcap`` is 0

Which one it is is a constant, so compilers fold the rest away. Errors, beside those of WGSL's exp, 3 + 2|x| units in
the last place: gelu by erf 0.75e-7 * |y| absolute (Abramowitz and Stegun 1964, 7.1.26, whose erf is good to 1.5e-7);
tanh 1e-6 relative: for small arguments its Taylor terms up to x^11, whose remainder is 6e-8 at 0.4, else
(1 - e^-2x) / (1 + e^-2x), without WGSL's tanh, which may overflow and has an absolute error only.

exp(-x) would be infinite from -89 on, which WGSL lets a compiler assume away, and a divisor above 2^126 has no
accuracy. So below -87 (silu) and -10 (gelu) the value there stands for all: 1.5e-36 and less. By comparisons, not by
max: max may drop NaN, which must reach the logits.
"""

from __future__ import annotations

from ..declaration import ACTIVATIONS
from .operator import WgslFunction

LOWEST_SILU = "-87.0f"
LOWEST_GELU = "-10.0f"

_BODIES = {
    "silu": f"""let x = select(y, {LOWEST_SILU}, y < {LOWEST_SILU});
    return x / (1.0f + exp(-x));""",
    "gelu": f"""let x = select(y, {LOWEST_GELU}, y < {LOWEST_GELU});
    let z = min(abs(x), 10.0f) * 0.707106781f;
    let t = 1.0f / (1.0f + 0.3275911f * z);
    let p = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
    let tail = 0.5f * p * exp(-z * z);
    return x * select(1.0f - tail, tail, x < 0.0f);""",
    "gelu_tanh": f"""let x = select(y, {LOWEST_GELU}, y < {LOWEST_GELU});
    let g = min(x, 10.0f);
    return x / (1.0f + exp(-1.595769122f * (g + 0.044715f * g * g * g)));""",
    "relu": "return select(y, 0.0f, y < 0.0f);",
}
ACTIVATED = WgslFunction(
    "activated",
    "fn activated(y: f32) -> f32 {\n"
    + "".join(
        f"  if (activation == {ACTIVATIONS.index(name)}i) {{\n    {body}\n  }}\n" for name, body in _BODIES.items()
    )
    + "  return y;\n}\n",
    (("activation", "i32"),),
)
CAPPED = WgslFunction(
    "capped",
    """fn capped(z: f32) -> f32 {
  if (softcap == 0.0f) { return z; }
  let x = z / max(softcap, 1e-30f);
  let a = select(abs(x), 15.0f, abs(x) > 15.0f);
  let s = a * a;
  if (a < 0.4f) {
    let p = -0.333333333f + s * (0.133333333f + s * (-0.053968254f + s * (0.021869489f + s * -0.008863236f)));
    return softcap * (x + x * s * p);
  }
  let e = exp(-2.0f * a);
  let t = softcap * (1.0f - e) / (1.0f + e);
  return select(t, -t, x < 0.0f);
}
""",
    (("softcap", "f32"),),
)
