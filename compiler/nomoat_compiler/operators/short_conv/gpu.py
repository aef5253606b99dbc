"""Gated short convolution:  out[t, c] = C[c] * (sum_j w[c, j] * v[t - taps + 1 + j, c] [+ bias[c]]),  v[t] = B * x

bcx (n, 3 * channels): B, C, x of each token; w (channels, taps), bias (channels,), memory (state_slots, channels,
taps - 1), out (n, channels) float32. The sequence's row of memory, state[4], holds the last taps - 1 of v, oldest
first; before position 0 (state[1] == 0) they are zero, whatever the row holds. (LFM2, Liquid AI 2025.) Tolerance 1e-6 *
taps * max|B x C| * max|w|: a few products in float32.
"""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from ...expression import ceil_div
from ..gpu.emit import Argument, Buffers, Register, Thread, bind, f32, function, store
from ..gpu.operator import Expr, GpuOperator, Kernel, Stage, Symbols, Variant

THREADS = 64


def gpu() -> GpuOperator:
    return GpuOperator((Stage("short_conv", (Variant("short_conv", 1, _short_conv),)),))


def _short_conv(symbols: Symbols) -> Kernel:
    """One invocation per channel, which walks the tokens and then keeps the last. grid: channels, 1."""
    channels, taps = symbols.integer("channels"), symbols.integer("taps")
    kept = symbols.integer("kept", ["-", "taps", 1])
    arguments = [
        Argument("bcx", (symbols.n * 3 * channels,), "float32"),
        Argument("w", (channels, taps), "float32"),
        Argument("bias", (channels,), "float32"),
        Argument("state", (8,), "int32"),
        Argument("memory", (symbols.n, channels, kept), "float32"),
        Argument("out", (symbols.n, channels), "float32"),
    ]

    def body(buffers: Buffers, thread: Thread) -> None:
        channel = bind(thread.block_x * THREADS + thread.index)
        slot = buffers["state"][4]

        def third(token: Expr, which: int) -> Expr:
            """B, C or x of a token."""
            return buffers["bcx"][(token * 3 + which) * channels + channel]

        def seen(token: Expr) -> Expr:
            """v of a token of this call, or of one before it."""
            value = Register(initial=f32(0))
            with T.If(token >= 0):
                with T.Then():
                    value.set(third(token, 0) * third(token, 2))
                with T.Else(), T.If(buffers["state"][1] > 0), T.Then():
                    value.set(buffers["memory"][slot, channel, kept + token])
            return bind(value.get())

        with T.If(channel < channels), T.Then():
            with T.serial(symbols.n) as token:
                total = Register(initial=f32(0))
                with T.serial(taps) as tap:
                    total.add(buffers["w"][channel, tap] * seen(bind(token - kept + tap)))
                with T.If(symbols.flag("has_bias", "bias")), T.Then():
                    total.add(buffers["bias"][channel])
                store(buffers["out"], third(token, 1) * total.get(), token, channel)
            # In place: what is read is behind what is written, or of this call.
            with T.serial(kept) as i:
                store(buffers["memory"], seen(bind(symbols.n - kept + i)), slot, channel, i)

    return function("short_conv", arguments, (ceil_div("channels", THREADS), 1), THREADS, body)
