"""Matrix times n vectors: the matmul of prefill (formula, shapes and tolerance in gpu_product.py; no norm here).

A workgroup of 128 invocations computes 64 rows of W for 64 tokens, an invocation 8 rows for 4 tokens. For each 32
columns the weights are made floats once, in workgroup memory beside the activations; both stay quads along K, in the
order in which the weights are stored, so a read brings four products to each of its partners. A quad's place is turned
by its row, against bank conflicts. Where a workgroup has at most 32 tokens, the half for the others is not computed.
Results leave through the same memory, so that neighbours write neighbours and the end of the formula stands there once.

Workgroup memory: 16 KiB, which every adapter has.
"""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from ...expression import Expression, ceil_div, conjunction
from ..gpu.emit import Buffers, Register, Thread, barrier, bind, f32, function, quotient, remainder, store
from ..gpu.operator import Expr, Kernel, Symbols, Variant
from ..gpu.weight_reader import MatrixFormat
from .gpu_product import OUTPUTS, LinearKernel, component

THREADS = 128
BLOCK = 64  # rows, and tokens, of a workgroup
COLUMNS = 32  # of a step
QUADS = COLUMNS // 4
ACROSS = 8  # invocations along the rows
ROWS = BLOCK // ACROSS
DOWN = THREADS // ACROSS
TOKENS = BLOCK // DOWN


def prefill_variant(storage: MatrixFormat) -> Variant:
    name = f"linear_prefill_{storage.name}"
    return Variant(name, conjunction("prefill", storage.when), lambda symbols: _linear_prefill(symbols, name, storage))


def _linear_prefill(symbols: Symbols, name: str, storage: MatrixFormat) -> Kernel:
    """grid: blocks of outputs, blocks of tokens."""
    block_outputs: Expression = ["//", BLOCK, ["+", 1, "gated"]]
    linear = LinearKernel(symbols, storage, block_outputs)
    matrix, n, chunk_quads = linear.matrix, symbols.n, storage.chunk // 4
    outputs = symbols.integer("block_outputs", block_outputs)
    row_chunks = COLUMNS // storage.chunk  # of a row in a step
    unit = 2 if storage.nibbles else 1  # quads of activations that are staged by one invocation
    steps: Expression = ceil_div(["*", storage.chunks, storage.chunk], COLUMNS)
    # Where a row ends within a step, what lies behind it is multiplied with zeros.
    ends_within = symbols.flag("ends_within", ["<", "columns", ["*", COLUMNS, steps]])
    clamps = row_chunks > 1
    pieces = BLOCK * row_chunks
    shares = pieces < THREADS  # two invocations, of different subgroups, make floats of one chunk

    def body(buffers: Buffers, thread: Thread) -> None:
        # (2, BLOCK, QUADS): rows of W, then tokens; in the end (BLOCK, BLOCK / 4): results, a token's together
        held = T.alloc_buffer((2 * BLOCK * QUADS,), "float32x4", scope="shared")
        across, down = bind(thread.index % ACROSS), bind(thread.index // ACROSS)
        first_token = bind(thread.block_y * BLOCK)
        many = bind(first_token + BLOCK // 2 < n)
        # (TOKENS, ROWS): four rows are a register
        sums = [[Register("float32x4", T.broadcast(f32(0), 4)) for _ in range(ROWS // 4)] for _ in range(TOKENS)]

        def turned(row: Expr, quad: Expr) -> Expr:
            return row * QUADS + T.bitwise_xor(quad, T.bitwise_and(row, QUADS - 1))

        def stage_weights(step: Expr, index: Expr) -> None:
            row = bind(index // row_chunks)
            output = thread.block_x * outputs + linear.by_gate(row % (BLOCK // 2), row)
            chunk = step * row_chunks + index % row_chunks
            if clamps:
                chunk = T.Select(ends_within, T.min(chunk, matrix.chunks - 1), chunk)
            up = T.And(linear.gated, row >= BLOCK // 2)
            loaded = matrix.load(buffers, linear.row(output, up), bind(chunk))
            first = bind(index % row_chunks * chunk_quads)

            def unpack(quads: range) -> None:
                for i in quads:
                    weights = loaded.weights(bind(loaded.quad(i)), i, chunk_quads)
                    store(held, weights, turned(row, first + i))

            if not shares:
                unpack(range(chunk_quads))
                return
            with T.If(thread.index < pieces):
                with T.Then():
                    unpack(range(chunk_quads // 2))
                with T.Else():
                    unpack(range(chunk_quads // 2, chunk_quads))

        def stage_activations(step: Expr, index: Expr) -> None:
            token = bind(index // (QUADS // unit))
            quad = bind(index % (QUADS // unit) * unit)
            with T.If(first_token + token < n), T.Then():
                xs = []
                for i in range(unit):
                    column = bind(step * QUADS + quad + i)
                    beyond = T.And(ends_within, column >= matrix.quads)
                    inside = T.Select(ends_within, T.min(column, matrix.quads - 1), column)
                    value = T.Select(beyond, T.broadcast(f32(0), 4), buffers["x"][first_token + token, inside])
                    xs.append(bind(value))
                for i, value in enumerate(matrix.stored_order(xs)):
                    store(held, value, BLOCK * QUADS + turned(token, quad + i))

        def multiply(quad: Expr, tokens: range) -> None:
            turn = bind(T.bitwise_xor(quad, T.bitwise_and(down, QUADS - 1)))
            xs = [bind(held[(BLOCK + down + DOWN * j) * QUADS + turn]) for j in tokens]
            other = bind(T.bitwise_xor(quad, across))
            for h in range(ROWS // 4):
                rows = [across + ACROSS * (4 * h + i) for i in range(4)]
                weights = [bind(held[row * QUADS + other]) for row in rows]
                for j, x in zip(tokens, xs, strict=True):
                    linear.multiply(x, weights, sums[j][h])

        with T.serial(symbols.integer("steps", steps)) as step:
            if shares:
                stage_weights(step, bind(thread.index % pieces))
            else:
                with T.serial(pieces // THREADS) as i:
                    stage_weights(step, bind(i * THREADS + thread.index))
            with T.serial(BLOCK * QUADS // unit // THREADS) as i:
                stage_activations(step, bind(i * THREADS + thread.index))
            barrier()
            with T.serial(QUADS) as quad:
                multiply(quad, range(TOKENS // 2))
                with T.If(many), T.Then():
                    multiply(quad, range(TOKENS // 2, TOKENS))
            barrier()

        # Row across + 8 i is lane i % 4 of the quad (i // 4, across) of its token.
        for j in range(TOKENS):
            for h in range(ROWS // 4):
                store(held, sums[j][h].get(), (down + DOWN * j) * (BLOCK // 4) + h * ACROSS + across)
        barrier()
        values = bind(T.min(n - first_token, BLOCK) * outputs)
        with T.serial((values + (THREADS - 1)) // THREADS) as i:
            index = bind(i * THREADS + thread.index)
            token, row = bind(quotient(index, outputs)), bind(remainder(index, outputs))
            output = bind(thread.block_x * outputs + row)
            with T.If(T.And(index < values, linear.exists(output))), T.Then():
                at = bind(token * (BLOCK // 4) + row // (BLOCK // 2) * ACROSS + row % ACROSS)
                part = bind(row // ACROSS % 4)
                y = Register(initial=component(bind(held[at]), part))
                up = Register(initial=f32(0))
                with T.If(linear.gated), T.Then():
                    up.set(component(bind(held[at + ACROSS]), part))
                linear.store_output(buffers, bind(first_token + token), output, y, up)

    grid = (ceil_div(OUTPUTS, block_outputs), ceil_div("n", BLOCK))
    return function(name, linear.arguments(gain=False), grid, THREADS, body)
