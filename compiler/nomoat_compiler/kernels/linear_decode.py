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

from .emit import (
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
    splat,
    store,
)
from .linear import LinearSpec, silu

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
    matrix, gain, bias = spec.matrix(), spec.gain(), spec.bias()
    clusters = THREADS // lanes
    rows_per_block = clusters * rows
    features = spec.out_features
    grid_x = ceil_div(features, rows_per_block)
    guarded = features % rows_per_block != 0
    halves = (0, features) if spec.swiglu else (0,)
    grouped = matrix.scheme.bits in (4, 8)
    quads = matrix.chunk // 4

    def body(buffers: Buffers, thread: Thread) -> None:
        lane = bind(thread.index % lanes)
        first_row = bind((thread.block_x * clusters + thread.index // lanes) * rows)
        outputs = [first_row + r for r in range(rows)]
        clamped = [bind(T.min(o, features - 1)) if guarded else o for o in outputs]
        matrix_rows = [row + offset for row in clamped for offset in halves]
        sums = [Register(initial=f32(0)) for _ in matrix_rows]
        squares = Register(initial=f32(0)) if gain else None

        def accumulate(chunk: Expr) -> None:
            xs = []
            for i in range(quads):
                column = chunk * quads + i
                if matrix.padded_k != matrix.k:
                    inside = column < matrix.k // 4
                    value = T.Select(inside, buffers["x"][0, T.min(column, matrix.k // 4 - 1)], splat(f32(0)))
                else:
                    value = buffers["x"][0, column]
                value = bind(value)
                if gain and squares:
                    squares.add(dot(value, value))
                    column_inside = T.min(column, matrix.k // 4 - 1) if matrix.padded_k != matrix.k else column
                    value = bind(value * gain.load4(buffers, column_inside))
                xs.append(value)
            x_sum = None
            if grouped:
                total = xs[0]
                for value in xs[1:]:
                    total = total + value
                x_sum = bind(dot(total, splat(f32(1))))
            for row, register in zip(matrix_rows, sums, strict=True):
                part = matrix.load(buffers, row, chunk)
                product = dot(xs[0], part.values[0])
                for value, weight in zip(xs[1:], part.values[1:], strict=True):
                    product = product + dot(value, weight)
                if part.scale is not None and part.offset is not None:
                    product = product * part.scale + part.offset * x_sum
                register.add(product)

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

            def finish(output: Expr, values: list[Register]) -> None:
                ys = []
                for register, offset in zip(values, halves, strict=True):
                    y = register.get()
                    if factor is not None:
                        y = y * factor
                    if bias:
                        y = y + bias.load(buffers, output + offset)
                    ys.append(y)
                result = silu(bind(ys[0])) * ys[1] if spec.swiglu else ys[0]
                if spec.residual:
                    result = result + buffers["residual"][0, output]
                store(buffers["out"], result, 0, output)

            width = len(halves)
            for index, output in enumerate(outputs):
                values = sums[index * width : (index + 1) * width]
                if guarded:
                    with T.If(output < features), T.Then():
                        finish(output, values)
                else:
                    finish(output, values)

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
