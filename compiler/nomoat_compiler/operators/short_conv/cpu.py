"""Gated short convolution:  out[t, c] = C[c] * (sum_j w[c, j] * v[t - taps + 1 + j, c] [+ bias[c]]),  v[t] = B * x

bcx (n, 3 * channels): B, C, x of each token; w (channels, taps), bias (channels,), memory (slots, channels, taps - 1),
out (n, channels) float32. Row state[4] of memory holds the last taps - 1 of v, oldest first, taken for zero where
state[1], the position, is 0. Channels are shared among threads; all in float32, one rounding a product: 1e-6 * taps *
max|B x C| * max|w|.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from ..cpu.emit import Build, Expr, Memory, Register, bind, f32, function, loop, share, when


def kernels(_: Build) -> list[Any]:
    """The convolution is one kernel."""
    return [short_conv()]


def short_conv() -> Any:
    """short_conv(bcx, w, bias, state, memory, out, n, channels, taps, has_bias, thread, threads); has_bias 0: bias is
    not read.
    """

    def body(
        bcx: Memory,
        w: Memory,
        bias: Memory,
        state: Memory,
        memory: Memory,
        out: Memory,
        n: Memory,
        channels: Expr,
        taps: Expr,
        has_bias: Expr,
        thread: Expr,
        threads: Expr,
    ) -> None:
        tokens = n.load("int32", 0)
        position = state.load("int32", 4)
        kept = bind(taps - 1)
        row = bind(state.load("int32", 16) * channels * kept * 4)
        begin, end = share(channels, thread, threads)
        with loop(begin, end) as channel:
            own = memory.at(row + channel * kept * 4)

            def third(token: Expr, which: int, channel: Expr = channel) -> Expr:
                """B, C or x of a token."""
                return bcx.load("float32", ((token * 3 + which) * channels + channel) * 4)

            def seen(token: Expr, own: Memory = own) -> Expr:
                """v of a token of this call, or of one before it."""
                value = Register(f32(0), "float32")
                with T.If(token >= 0):
                    with T.Then():
                        value.set(third(token, 0) * third(token, 2))
                    with T.Else(), when(position > 0):
                        value.set(own.load("float32", (kept + token) * 4))
                return bind(value.get())

            with loop(0, tokens) as token:
                total = Register(f32(0), "float32")
                with loop(0, taps) as tap:
                    total.add(w.load("float32", (channel * taps + tap) * 4) * seen(bind(token - kept + tap)))
                with when(has_bias != 0):
                    total.add(bias.load("float32", channel * 4))
                out.store("float32", (token * channels + channel) * 4, third(token, 1) * total.get())
            # In place: what is read is behind what is written, or of this call.
            with loop(0, kept) as i:
                own.store("float32", i * 4, seen(bind(tokens - kept + i)))

    pointers = ("bcx", "w", "bias", "state", "memory", "out", "n")
    return function("short_conv", pointers, ("channels", "taps", "has_bias", "thread", "threads"), body)
