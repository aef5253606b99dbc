"""Matrix times one vector: the matmul of the decode step (formula, shapes and tolerance in linear.py).

A cluster of ``lanes`` neighbouring invocations computes ``rows`` rows: lane l takes the chunks l, l + lanes, ... of K,
so a cluster reads one row contiguously, and the activation chunk is loaded once for all its rows. The lanes' sums
meet through subgroup shuffles, or through workgroup memory where there are no subgroups. RMSNorm costs no dispatch:
its factor is a scalar, so each lane sums the squares of x beside the dot product and the factor is applied at the end.

NOTE: shuffles assume that neighbouring invocations of a one-dimensional workgroup are neighbouring lanes of a
subgroup, which every implementation does; a cluster never crosses a subgroup since both sizes are powers of two and
the variant requires subgroup_min_size >= lanes.
"""

from __future__ import annotations

from typing import Any, Literal

from tvm.script.ir_builder import tirx as T

from ..gpu.emit import (
    Buffers,
    Expr,
    Register,
    Thread,
    Variant,
    barrier,
    bind,
    ceil_div,
    dot,
    f32,
    function,
    store,
)
from .gpu import LinearSpec, activation, chunk_product, store_output, sum_of

THREADS = 64


def linear_decode_variants(name: str, spec: LinearSpec) -> tuple[Variant, ...]:
    """Best first: clusters of 32 lanes (NVIDIA, AMD), 8 (Intel), 4 (anything with subgroups), no subgroups.

    A cluster should not have more lanes than a row has chunks, or lanes idle.
    """
    chunks = spec.matrix().chunks
    variants = []
    for lanes in (32, 8, 4):
        if lanes > 4 and lanes > chunks:
            continue
        rows = _rows(spec, lanes)
        kernel = linear_decode(f"{name}_sg{lanes}", spec, lanes=lanes, rows=rows, reduction="subgroup")
        variants.append(Variant(kernel, ("subgroups",), lanes))
    lanes = 16 if chunks >= 16 else 4
    kernel = linear_decode(f"{name}_wg{lanes}", spec, lanes=lanes, rows=_rows(spec, lanes), reduction="workgroup")
    return (*variants, Variant(kernel))


def _rows(spec: LinearSpec, lanes: int) -> int:
    """Output features of a cluster: two rows of W at a time, so that a gate row and its up row count as two."""
    return 1 if spec.swiglu else 2


def linear_decode(
    name: str, spec: LinearSpec, *, lanes: int, rows: int, reduction: Literal["subgroup", "workgroup"]
) -> Any:
    """grid: clusters of ``rows`` output features, 1."""
    matrix, gain = spec.matrix(), spec.gain()
    clusters = THREADS // lanes
    rows_per_block = clusters * rows
    features = spec.out_features
    grid_x = ceil_div(features, rows_per_block)
    guarded = features % rows_per_block != 0
    grouped = matrix.scheme.bits in (4, 8)
    quads = matrix.chunk // 4

    def body(buffers: Buffers, thread: Thread) -> None:
        lane = bind(thread.index % lanes)
        first_row = bind((thread.block_x * clusters + thread.index // lanes) * rows)
        outputs = [first_row + r for r in range(rows)]
        clamped = [bind(T.min(o, features - 1)) if guarded else o for o in outputs]
        matrix_rows = [row + offset for row in clamped for offset in spec.halves]
        sums = [Register(initial=f32(0)) for _ in matrix_rows]
        squares = Register(initial=f32(0)) if gain else None

        def accumulate(chunk: Expr) -> None:
            xs = []
            for i in range(quads):
                column = chunk * quads + i
                value = activation(buffers, matrix, 0, column)
                if gain and squares:
                    squares.add(dot(value, value))
                    inside = T.min(column, matrix.k // 4 - 1) if matrix.padded_k != matrix.k else column
                    value = bind(value * gain.load4(buffers, inside))
                xs.append(value)
            x_sum = sum_of(xs) if grouped else None
            for row, register in zip(matrix_rows, sums, strict=True):
                register.add(chunk_product(xs, x_sum, matrix.load(buffers, row, chunk)))

        with T.serial(ceil_div(matrix.chunks, lanes)) as step:
            chunk = bind(step * lanes + lane)
            if matrix.chunks % lanes:
                with T.If(chunk < matrix.chunks), T.Then():
                    accumulate(chunk)
            else:
                accumulate(chunk)

        registers = sums + ([squares] if squares else [])
        _reduce(registers, lanes, lane, thread, reduction)

        with T.If(lane == 0), T.Then():
            factor = None
            if squares:
                mean = squares.get() / f32(matrix.k)
                factor = bind(T.rsqrt(mean + f32(spec.norm_eps)))

            width = len(spec.halves)
            for index, output in enumerate(outputs):
                values = sums[index * width : (index + 1) * width]
                if guarded:
                    with T.If(output < features), T.Then():
                        store_output(spec, buffers, 0, output, values, factor)
                else:
                    store_output(spec, buffers, 0, output, values, factor)

    return function(name, spec.arguments(1), (grid_x, 1), THREADS, body)


def _reduce(registers: list[Register], lanes: int, lane: Expr, thread: Thread, reduction: str) -> None:
    """Sums each register over the lanes of a cluster; lane 0 holds the result."""
    if lanes == 1:
        return
    if reduction == "subgroup":
        delta = lanes // 2
        while delta:
            for register in registers:
                register.add(T.webgpu.subgroup_shuffle_down(register.get(), T.uint32(delta)))
            delta //= 2
        return
    shared = T.alloc_buffer((len(registers), THREADS), "float32", scope="shared")
    for index, register in enumerate(registers):
        store(shared, register.get(), index, thread.index)
    barrier()
    with T.If(lane == 0), T.Then():
        for index, register in enumerate(registers):
            with T.serial(lanes - 1) as other:
                register.add(shared[index, thread.index + other + 1])
