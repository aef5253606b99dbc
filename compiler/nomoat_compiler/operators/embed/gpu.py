"""Embedding gather:  out[t, :] = scale * E[token_ids[t], :]

token_ids (n,) int32; E (vocab_size, hidden_size) in its storage format -> out (n, hidden_size) float32.
Exact: two multiplies and one add per value (tolerance 1e-6 relative, for the fused multiply-add).
An id outside 0..vocab_size-1 reads the nearest row: the host checks ids, the kernel must not leave the buffer.

Slices: a kernel may be given ``rows`` of the table's ``all_rows``, from row ``first_row``; it writes the tokens whose
row is one of them.
"""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from ...expression import Expression, ceil_div
from ..gpu.emit import Argument, Buffers, Thread, bind, function, splat, store
from ..gpu.operator import GpuOperator, Kernel, Stage, Symbols, Variant
from ..gpu.weight_reader import FORMATS, MatrixFormat, MatrixReader

THREADS = 64


def gpu() -> GpuOperator:
    return GpuOperator((rows_stage("scale"),))


def rows_stage(scale: Expression) -> Stage:
    """The stage that reads rows of ``w`` by ``token_ids`` into ``out``; also of other operators."""
    return Stage("embed", tuple(_variant(storage, scale) for storage in FORMATS))


def _variant(storage: MatrixFormat, scale: Expression) -> Variant:
    name = f"embed_{storage.name}"
    return Variant(name, storage.when, lambda symbols: _embed(symbols, name, storage, scale))


def _embed(symbols: Symbols, name: str, storage: MatrixFormat, scale: Expression) -> Kernel:
    """One invocation reads one chunk of one token's row. grid: chunks of the row, tokens."""
    matrix = MatrixReader(symbols, storage)
    factor = symbols.number("scale", scale)
    first_row, all_rows = symbols.integer("first_row"), symbols.integer("all_rows")
    arguments = [
        Argument("token_ids", (symbols.n,), "int32"),
        *matrix.arguments(),
        Argument("out", (symbols.n, matrix.quads), "float32x4"),
    ]

    def body(buffers: Buffers, thread: Thread) -> None:
        chunk = bind(thread.block_x * THREADS + thread.index)
        row = bind(T.max(T.min(buffers["token_ids"][thread.block_y], all_rows - 1), 0) - first_row)
        in_slice = T.And(row >= 0, row < matrix.rows)
        with T.If(T.And(chunk < matrix.chunks, in_slice)), T.Then():
            loaded = matrix.load(buffers, row, chunk)
            for i, value in enumerate(matrix.quads_in_order(loaded)):
                value = loaded.weights(value, i, storage.chunk // 4)
                value = value * splat(factor)
                column4 = chunk * (storage.chunk // 4) + i
                if matrix.may_pad:
                    with T.If(column4 < matrix.quads), T.Then():
                        store(buffers["out"], value, thread.block_y, column4)
                else:
                    store(buffers["out"], value, thread.block_y, column4)

    return function(name, arguments, (ceil_div(storage.chunks, THREADS), "n"), THREADS, body)
