"""Matrix times one vector: the matmul of the decode step (formula, shapes and tolerance in gpu_product.py).

A cluster of ``lanes`` neighbouring invocations computes the rows of one or two outputs: lane l takes the chunks l,
l + lanes, ... of K, so a cluster reads one row contiguously, and the activation chunk is loaded once for all its rows.
The lanes' sums meet through subgroup shuffles, or through workgroup memory where there are no subgroups. RMSNorm costs
no dispatch: its factor is a scalar, so each lane sums the squares of x beside the dot product and the factor is applied
at the end.

NOTE: shuffles assume that neighbouring invocations of a one-dimensional workgroup are neighbouring lanes of a
subgroup, which every implementation does; a cluster never crosses a subgroup since both sizes are powers of two and
the variant requires subgroup_min_size >= lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from tvm.script.ir_builder import tirx as T

from ...expression import ceil_div, conjunction
from ..gpu.emit import Buffers, Register, Thread, barrier, bind, dot, f32, function, store
from ..gpu.operator import Expr, Kernel, Symbols, Variant
from .gpu_product import LinearKernel, LinearKind, chunk_product

THREADS = 64
MAX_GRID = 65535
Reduction = Literal["subgroup", "workgroup"]
CLUSTERS: tuple[tuple[Reduction, int], ...] = (
    ("subgroup", 32), ("subgroup", 8), ("subgroup", 4), ("workgroup", 16), ("workgroup", 4),
)  # fmt: skip


def decode_variants(kind: LinearKind) -> Iterator[Variant]:
    """Best first: clusters of 32 lanes (NVIDIA, AMD), 8 (Intel), 4 (anything with subgroups), no subgroups.

    A cluster should not have more lanes than a row has chunks, or lanes idle; and few rows a workgroup need many
    workgroups.
    """
    of_kind = conjunction(["==", "prefill", 0], kind.when)
    for reduction, lanes in CLUSTERS:
        name = f"linear_decode_{kind.name}_{reduction[0]}g{lanes}"
        when = of_kind
        if lanes > 4:
            most = MAX_GRID * (THREADS // lanes) * kind.cluster_outputs
            when = conjunction(of_kind, ["<=", lanes, kind.storage.chunks], ["<=", kind.outputs, most])

        def build(symbols: Symbols, name: str = name, lanes: int = lanes, reduction: Reduction = reduction) -> Kernel:
            return linear_decode(symbols, name, kind, lanes, reduction)

        needs_subgroups = reduction == "subgroup"
        yield Variant(name, when, build, ("subgroups",) if needs_subgroups else (), lanes if needs_subgroups else 0)


def linear_decode(symbols: Symbols, name: str, kind: LinearKind, lanes: int, reduction: Reduction) -> Kernel:
    """grid: clusters of one or two outputs, so that a cluster always has two rows of W; 1."""
    has_norm = symbols.flag("has_norm", "has_norm_eps")
    clusters = THREADS // lanes
    cluster_outputs = kind.cluster_outputs
    linear = LinearKernel(symbols, kind, clusters * cluster_outputs)
    matrix, quads = linear.matrix, kind.storage.chunk // 4
    ragged = symbols.flag("ragged", ["<", 0, ["%", kind.storage.chunks, lanes]])  # some lanes take one chunk less

    def body(buffers: Buffers, thread: Thread) -> None:
        lane = bind(thread.index % lanes)
        first = bind((thread.block_x * clusters + thread.index // lanes) * cluster_outputs)
        outputs = [first + i for i in range(cluster_outputs)]
        clamped = [linear.clamped(output) for output in outputs]
        matrix_rows = [row + offset for row in clamped for offset in linear.offsets]
        sums = [Register(initial=f32(0)) for _ in matrix_rows]
        squares = Register(initial=f32(0))
        registers = [Register("float32x4") for _ in range(quads)]

        def load_activations(chunk: Expr) -> None:
            """registers = x, times the gain where there is a norm; squares grows by x²."""
            columns = [chunk * quads + i for i in range(quads)]
            for register, column in zip(registers, columns, strict=True):
                register.set(linear.activation(buffers, 0, column))
            with T.If(has_norm), T.Then():
                for register, column in zip(registers, columns, strict=True):
                    squares.add(dot(register.get(), register.get()))
                    register.scale(buffers["gain"][linear.inside(column)])

        with T.serial(symbols.integer("steps", ceil_div(kind.storage.chunks, lanes))) as step:
            chunk = bind(step * lanes + lane)
            with T.If(T.Select(ragged, chunk < matrix.chunks, T.bool(True))), T.Then():
                load_activations(chunk)
                xs = [register.get() for register in registers]
                x_sums = linear.sums(xs)
                for row, register in zip(matrix_rows, sums, strict=True):
                    register.add(chunk_product(xs, x_sums, matrix.load(buffers, row, chunk)))

        _reduce(sums, squares, has_norm, lanes, lane, thread, reduction)
        factor = Register(initial=f32(1))
        with T.If(has_norm), T.Then():
            mean = squares.get() / T.Cast("float32", symbols.integer("columns"))
            factor.set(T.rsqrt(mean + symbols.number("norm_eps")))
        with T.If(lane == 0), T.Then():
            width = len(linear.offsets)
            for index, output in enumerate(outputs):
                with T.If(linear.exists(output)), T.Then():
                    linear.store_output(
                        buffers, 0, output, sums[index * width : (index + 1) * width], bind(factor.get())
                    )

    grid = (ceil_div(kind.outputs, clusters * cluster_outputs), 1)
    return function(name, linear.arguments(gain=True), grid, THREADS, body)


def _reduce(
    sums: list[Register],
    squares: Register,
    has_norm: Expr,
    lanes: int,
    lane: Expr,
    thread: Thread,
    reduction: Reduction,
) -> None:
    """Adds up each register over the lanes of a cluster, ``squares`` where there is a norm; lane 0 has the results."""

    def for_each(act: Callable[[int, Register], None]) -> None:
        for index, register in enumerate(sums):
            act(index, register)
        with T.If(has_norm), T.Then():
            act(len(sums), squares)

    if reduction == "subgroup":

        def shuffle(_: int, register: Register) -> None:
            delta = lanes // 2
            while delta:
                register.add(T.webgpu.subgroup_shuffle_down(register.get(), T.uint32(delta)))
                delta //= 2

        for_each(shuffle)
        return
    shared = T.alloc_buffer((len(sums) + 1, THREADS), "float32", scope="shared")

    def gather(index: int, register: Register) -> None:
        with T.serial(lanes - 1) as other:
            register.add(shared[index, thread.index + other + 1])

    for_each(lambda index, register: store(shared, register.get(), index, thread.index))
    barrier()
    with T.If(lane == 0), T.Then():
        for_each(gather)
