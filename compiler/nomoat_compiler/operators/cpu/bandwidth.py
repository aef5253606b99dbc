"""Streaming reads, to know the machine's limit: the sum (as integers) of all vectors of a region of memory.

Eight streams a thread, far apart, as fast as any number of streams on the machines we measured.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from .emit import Expr, Memory, Register, bind, function, loop, zeros

STREAMS = 8


def stream_read() -> Any:
    """stream_read(source, sums, vectors, thread, threads): reads ``vectors`` * 16 bytes; sums (threads, 4) int32."""

    def body(source: Memory, sums: Memory, vectors: Expr, thread: Expr, threads: Expr) -> None:
        groups = bind(T.truncdiv(vectors, STREAMS * threads))
        totals = [Register(zeros("int32", 4), "int32x4") for _ in range(STREAMS)]
        first = bind(groups * STREAMS * thread)
        with loop(0, groups) as i:
            for s, total in enumerate(totals):
                total.add(source.load("int32", (first + groups * s + i) * 16, 4))
        result = totals[0].get()
        for total in totals[1:]:
            result = result + total.get()
        sums.store("int32", thread * 16, result, 4)

    return function("stream_read", ("source", "sums"), ("vectors", "thread", "threads"), body)
