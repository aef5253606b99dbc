"""Matrix times n vectors: the matmul of prefill (formula, shapes and tolerance in gpu_product.py; no norm here).

One invocation computes a tile of ``TOKENS`` tokens by ``ROWS`` rows of W and keeps it in registers, so each
dequantized weight serves TOKENS tokens and each activation ROWS rows. No workgroup memory and no barrier: the
16 invocations along the outputs share their activations, the 4 along the tokens their weights, through the cache.
"""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from ...expression import ceil_div, conjunction
from ..gpu.emit import Buffers, Register, Thread, bind, f32, function
from ..gpu.operator import Kernel, Symbols, Variant
from .gpu_product import LinearKernel, LinearKind, chunk_product

THREADS = 64
ACROSS = 16  # invocations along the outputs
TOKENS = 4
ROWS = 4
TOKENS_PER_BLOCK = THREADS // ACROSS * TOKENS


def prefill_variant(kind: LinearKind) -> Variant:
    name = f"linear_prefill_{kind.name}"
    return Variant(name, conjunction("prefill", kind.when), lambda symbols: _linear_prefill(symbols, name, kind))


def _linear_prefill(symbols: Symbols, name: str, kind: LinearKind) -> Kernel:
    """grid: tiles of outputs, tiles of tokens."""
    tile_outputs = ROWS // 2 * kind.cluster_outputs
    linear = LinearKernel(symbols, kind, ACROSS * tile_outputs)
    matrix, quads, n = linear.matrix, kind.storage.chunk // 4, symbols.n

    def body(buffers: Buffers, thread: Thread) -> None:
        first_output = bind((thread.block_x * ACROSS + thread.index % ACROSS) * tile_outputs)
        first_token = bind(thread.block_y * TOKENS_PER_BLOCK + thread.index // ACROSS * TOKENS)
        outputs = [first_output + i for i in range(tile_outputs)]
        clamped = [linear.clamped(output) for output in outputs]
        matrix_rows = [row + offset for row in clamped for offset in linear.offsets]
        tokens = [first_token + t for t in range(TOKENS)]
        read_tokens = [bind(T.min(token, n - 1)) for token in tokens]
        # sums[t][r] over the whole of K
        sums = [[Register(initial=f32(0)) for _ in matrix_rows] for _ in tokens]
        with T.serial(matrix.chunks) as chunk:
            parts = [matrix.load(buffers, row, chunk) for row in matrix_rows]
            for token, row_sums in zip(read_tokens, sums, strict=True):
                xs = [bind(linear.activation(buffers, token, chunk * quads + i)) for i in range(quads)]
                x_sums = linear.sums(xs)
                for part, register in zip(parts, row_sums, strict=True):
                    register.add(chunk_product(xs, x_sums, part))

        width = len(linear.offsets)
        for token, row_sums in zip(tokens, sums, strict=True):
            for index, output in enumerate(outputs):
                with T.If(T.And(token < n, linear.exists(output))), T.Then():
                    linear.store_output(buffers, token, output, row_sums[index * width : (index + 1) * width])

    grid = (ceil_div(kind.outputs, ACROSS * tile_outputs), ceil_div("n", TOKENS_PER_BLOCK))
    return function(name, linear.arguments(gain=False), grid, THREADS, body)
