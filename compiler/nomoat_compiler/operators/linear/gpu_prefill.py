"""Matrix times n vectors: the matmul of prefill (formula, shapes and tolerance in gpu_product.py; no norm here).

One invocation computes a tile of ``TOKENS`` tokens by ``ROWS`` rows of W and keeps it in registers, so each
dequantized weight serves TOKENS tokens and each activation ROWS rows. No workgroup memory and no barrier: the
16 invocations along the outputs share their activations, the 4 along the tokens their weights, through the cache.
"""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from ...expression import ceil_div, conjunction
from ..gpu.emit import Buffers, Register, Thread, bind, f32, function
from ..gpu.operator import Expr, Kernel, Symbols, Variant
from ..gpu.weight_reader import MatrixFormat
from .gpu_product import LinearKernel, activation, chunk_product, outputs_of, sum_of

THREADS = 64
ACROSS = 16  # invocations along the outputs
TOKENS = 4
ROWS = 4
TOKENS_PER_BLOCK = THREADS // ACROSS * TOKENS


def prefill_variant(storage: MatrixFormat, swiglu: bool) -> Variant:
    name = f"linear_prefill_{'swiglu_' if swiglu else ''}{storage.name}"
    when = conjunction("prefill", "swiglu" if swiglu else ["==", "swiglu", 0], storage.when)
    return Variant(name, when, lambda symbols: _linear_prefill(symbols, name, storage, swiglu))


def _linear_prefill(symbols: Symbols, name: str, storage: MatrixFormat, swiglu: bool) -> Kernel:
    """grid: tiles of outputs, tiles of tokens."""
    linear = LinearKernel(symbols, storage, swiglu)
    matrix, quads, n = linear.matrix, linear.quads, symbols.n
    tile_outputs = ROWS // len(linear.offsets)
    last_output = linear.outputs - 1

    def body(buffers: Buffers, thread: Thread) -> None:
        first_output = bind((thread.block_x * ACROSS + thread.index % ACROSS) * tile_outputs)
        first_token = bind(thread.block_y * TOKENS_PER_BLOCK + thread.index // ACROSS * TOKENS)
        outputs = [first_output + i for i in range(tile_outputs)]
        clamped = [bind(T.min(output, last_output)) for output in outputs]
        matrix_rows = [row + offset for row in clamped for offset in linear.offsets]
        tokens = [first_token + t for t in range(TOKENS)]
        read_tokens = [bind(T.min(token, n - 1)) for token in tokens]
        # sums[t][r] over the whole of K
        sums = [[Register(initial=f32(0)) for _ in matrix_rows] for _ in tokens]
        registers = [Register("float32x4") for _ in range(quads)]

        def load_activations(token: Expr, chunk: Expr) -> None:
            columns = [chunk * quads + i for i in range(quads)]

            def load_whole() -> None:
                for register, column in zip(registers, columns, strict=True):
                    register.set(buffers["x"][token, column])

            if not matrix.may_pad:
                load_whole()
                return
            with T.If(matrix.padded):
                with T.Then():
                    for register, column in zip(registers, columns, strict=True):
                        register.set(activation(buffers, matrix, token, column))
                with T.Else():
                    load_whole()

        with T.serial(matrix.chunks) as chunk:
            parts = [matrix.load(buffers, row, chunk) for row in matrix_rows]
            for token, row_sums in zip(read_tokens, sums, strict=True):
                load_activations(token, chunk)
                xs = [bind(register.get()) for register in registers]
                x_sum = sum_of(xs) if linear.grouped else None
                for part, register in zip(parts, row_sums, strict=True):
                    register.add(chunk_product(xs, x_sum, part))

        width = len(linear.offsets)
        for token, row_sums in zip(tokens, sums, strict=True):
            for index, output in enumerate(outputs):
                with T.If(T.And(token < n, output <= last_output)), T.Then():
                    linear.store_output(buffers, token, output, row_sums[index * width : (index + 1) * width])

    grid = (ceil_div(outputs_of(swiglu), ACROSS * tile_outputs), ceil_div("n", TOKENS_PER_BLOCK))
    return function(name, linear.arguments(gain=False), grid, THREADS, body)
