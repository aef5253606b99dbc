"""Matrix times n vectors: the matmul of prefill (formula, shapes and tolerance in linear.py; no norm here).

One invocation computes a tile of ``TOKENS`` tokens by ``ROWS`` output features and keeps it in registers, so each
dequantized weight serves TOKENS tokens and each activation ROWS features. No workgroup memory and no barrier: the
16 invocations along the features share their activations, the 4 along the tokens their weights, through the cache.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from .emit import Buffers, Expr, Register, Thread, bind, ceil_div, dot, f32, function, splat, store
from .linear import LinearSpec, silu

THREADS = 64
ACROSS = 16  # invocations along the features
TOKENS = 4
ROWS = 4
TOKENS_PER_BLOCK = THREADS // ACROSS * TOKENS


def linear_prefill(name: str, spec: LinearSpec, n: Expr) -> Any:
    """grid: tiles of features, tiles of tokens."""
    assert spec.norm_dtype is None
    matrix, bias = spec.matrix(), spec.bias()
    features = spec.out_features
    halves = (0, features) if spec.swiglu else (0,)
    rows = ROWS // len(halves)
    features_per_block = ACROSS * rows
    guarded = features % features_per_block != 0
    grouped = matrix.scheme.bits in (4, 8)
    quads = matrix.chunk // 4
    padded = matrix.padded_k != matrix.k

    def body(buffers: Buffers, thread: Thread) -> None:
        first_row = bind((thread.block_x * ACROSS + thread.index % ACROSS) * rows)
        first_token = bind(thread.block_y * TOKENS_PER_BLOCK + thread.index // ACROSS * TOKENS)
        outputs = [first_row + r for r in range(rows)]
        clamped = [bind(T.min(o, features - 1)) if guarded else o for o in outputs]
        matrix_rows = [row + offset for row in clamped for offset in halves]
        tokens = [first_token + t for t in range(TOKENS)]
        read_tokens = [bind(T.min(token, n - 1)) for token in tokens]
        # sums[t][r] over the whole of K
        sums = [[Register(initial=f32(0)) for _ in matrix_rows] for _ in tokens]

        with T.serial(matrix.chunks) as chunk:
            parts = [matrix.load(buffers, row, chunk) for row in matrix_rows]
            for token, row_sums in zip(read_tokens, sums, strict=True):
                xs = []
                for i in range(quads):
                    column = chunk * quads + i
                    if padded:
                        value = T.Select(
                            column < matrix.k // 4,
                            buffers["x"][token, T.min(column, matrix.k // 4 - 1)],
                            splat(f32(0)),
                        )
                    else:
                        value = buffers["x"][token, column]
                    xs.append(bind(value))
                x_sum = None
                if grouped:
                    total = xs[0]
                    for value in xs[1:]:
                        total = total + value
                    x_sum = bind(dot(total, splat(f32(1))))
                for part, register in zip(parts, row_sums, strict=True):
                    product = dot(xs[0], part.values[0])
                    for value, weight in zip(xs[1:], part.values[1:], strict=True):
                        product = product + dot(value, weight)
                    if part.scale is not None and part.offset is not None:
                        product = product * part.scale + part.offset * x_sum
                    register.add(product)

        width = len(halves)
        for token, row_sums in zip(tokens, sums, strict=True):
            for index, output in enumerate(outputs):
                inside = token < n
                if guarded:
                    inside = T.And(inside, output < features)
                with T.If(inside), T.Then():
                    ys = []
                    for register, offset in zip(row_sums[index * width : (index + 1) * width], halves, strict=True):
                        y = register.get()
                        if bias:
                            y = y + bias.load(buffers, output + offset)
                        ys.append(y)
                    result = silu(bind(ys[0])) * ys[1] if spec.swiglu else ys[0]
                    if spec.residual:
                        result = result + buffers["residual"][token, output]
                    store(buffers["out"], result, token, output)

    grid = (ceil_div(features, features_per_block), (n + TOKENS_PER_BLOCK - 1) // TOKENS_PER_BLOCK)
    return function(name, spec.arguments(n), grid, THREADS, body)
