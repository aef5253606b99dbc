"""Embedding gather:  out[t, :] = E[token_ids[first + t], :]

token_ids (count,) int32; E (vocab_size, hidden_size) under its scheme -> out (n, hidden_size) float32.
Exact: one multiply and one add per value (tolerance 1e-6 relative, for the fused multiply-add).
An id outside 0..vocab_size-1 reads the nearest row: the host checks ids, the kernel must not leave the buffer.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from ...scheme import Scheme
from ..gpu.emit import Argument, Buffers, Definition, Expr, Thread, bind, ceil_div, function, splat, store
from ..gpu.weight_reader import MatrixReader

THREADS = 64


def embed(name: str, vocab_size: int, hidden_size: int, scheme: Scheme, n: Expr, ids_length: int) -> Any:
    """One invocation reads one chunk of one token's row. grid: chunks of the row, tokens."""
    reader = MatrixReader(vocab_size, hidden_size, scheme)
    arguments = [
        Argument("token_ids", (ids_length,), "int32"),
        *reader.arguments(),
        Argument("out", (n, hidden_size // 4), "float32x4"),
    ]

    def body(buffers: Buffers, thread: Thread) -> None:
        chunk = bind(thread.block_x * THREADS + thread.index)
        with T.If(chunk < reader.chunks), T.Then():
            row = bind(T.max(T.min(buffers["token_ids"][thread.block_y], vocab_size - 1), 0))
            part = reader.load(buffers, row, chunk)
            for i, value in enumerate(part.values):
                if part.scale is not None and part.offset is not None:
                    value = value * splat(part.scale) + splat(part.offset)
                column4 = chunk * (reader.chunk // 4) + i
                if reader.padded_k == reader.k:
                    store(buffers["out"], value, thread.block_y, column4)
                else:
                    with T.If(column4 < hidden_size // 4), T.Then():
                        store(buffers["out"], value, thread.block_y, column4)

    return function(name, arguments, (ceil_div(reader.chunks, THREADS), n), THREADS, body)


def embed_definition(vocab_size: int, hidden_size: int, scheme: Scheme) -> Definition:
    return {"op": "embed", "rows": vocab_size, "columns": hidden_size, "scheme": scheme.to_json()}
