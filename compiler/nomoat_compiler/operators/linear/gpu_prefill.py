"""Matrix times n vectors: the matmul of prefill (formula, shapes and tolerance in linear.py; no norm here).

One invocation computes a tile of ``TOKENS`` tokens by ``ROWS`` output features and keeps it in registers, so each
dequantized weight serves TOKENS tokens and each activation ROWS features. No workgroup memory and no barrier: the
16 invocations along the features share their activations, the 4 along the tokens their weights, through the cache.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from ..gpu.emit import Buffers, Expr, Register, Thread, bind, ceil_div, f32, function
from .gpu import LinearSpec, activation, chunk_product, store_output, sum_of

THREADS = 64
ACROSS = 16  # invocations along the features
TOKENS = 4
ROWS = 4
TOKENS_PER_BLOCK = THREADS // ACROSS * TOKENS


def linear_prefill(name: str, spec: LinearSpec, n: Expr) -> Any:
    """grid: tiles of features, tiles of tokens."""
    assert spec.norm_dtype is None
    matrix = spec.matrix()
    features = spec.out_features
    rows = ROWS // len(spec.halves)
    features_per_block = ACROSS * rows
    guarded = features % features_per_block != 0
    grouped = matrix.scheme.bits in (4, 8)
    quads = matrix.chunk // 4

    def body(buffers: Buffers, thread: Thread) -> None:
        first_row = bind((thread.block_x * ACROSS + thread.index % ACROSS) * rows)
        first_token = bind(thread.block_y * TOKENS_PER_BLOCK + thread.index // ACROSS * TOKENS)
        outputs = [first_row + r for r in range(rows)]
        clamped = [bind(T.min(o, features - 1)) if guarded else o for o in outputs]
        matrix_rows = [row + offset for row in clamped for offset in spec.halves]
        tokens = [first_token + t for t in range(TOKENS)]
        read_tokens = [bind(T.min(token, n - 1)) for token in tokens]
        # sums[t][r] over the whole of K
        sums = [[Register(initial=f32(0)) for _ in matrix_rows] for _ in tokens]

        with T.serial(matrix.chunks) as chunk:
            parts = [matrix.load(buffers, row, chunk) for row in matrix_rows]
            for token, row_sums in zip(read_tokens, sums, strict=True):
                xs = [activation(buffers, matrix, token, chunk * quads + i) for i in range(quads)]
                x_sum = sum_of(xs) if grouped else None
                for part, register in zip(parts, row_sums, strict=True):
                    register.add(chunk_product(xs, x_sum, part))

        width = len(spec.halves)
        for token, row_sums in zip(tokens, sums, strict=True):
            for index, output in enumerate(outputs):
                inside = token < n
                if guarded:
                    inside = T.And(inside, output < features)
                with T.If(inside), T.Then():
                    values = row_sums[index * width : (index + 1) * width]
                    store_output(spec, buffers, token, output, values)

    grid = (ceil_div(features, features_per_block), (n + TOKENS_PER_BLOCK - 1) // TOKENS_PER_BLOCK)
    return function(name, spec.arguments(n), grid, THREADS, body)
