"""Gated short convolution: the token mixer of LFM2."""

from __future__ import annotations

from ..declaration import Argument, Field, OperatorDeclaration, Rule

OPERATOR = OperatorDeclaration(
    name="short_conv",
    fields=(
        Field("channels", "columns", "Channels, each convolved by itself."),
        Field("taps", "count", "Tokens that the convolution sees, the present one included: 2 to 8."),
        Field("bias", "boolean", "A bias is added to the convolution.", default=False),
    ),
    arguments=(
        Argument("bcx", "activations", ["*", 3, "channels"]),
        Argument("w", "vector", ["*", "channels", "taps"]),
        Argument("bias", "vector", "channels", when="bias"),
        Argument("state", "fixed"),
        Argument("memory", "recurrent", ["*", "channels", ["-", "taps", 1]], written=True),
        Argument("out", "activations", "channels", written=True),
    ),
    computes=(
        "with B, C, x the thirds of `bcx[t]` (channels) and `v[t] = B · x`: `out[t, c] = C[c] · (Σ_j w[c, j] · v[t − "
        "taps + 1 + j, c] + bias[c])`, j from 0 to taps − 1; `memory[slot, c]` has the last taps − 1 of v, oldest "
        "first, and counts as zero at position 0"
    ),
    tolerance="1e-6 · taps · max|B·x·C| · max|w|: a few products in float32",
    rules=(Rule(["*", ["<=", 2, "taps"], ["<=", "taps", 8]], "taps must be from 2 to 8"),),
)
