"""Matrix times one vector, or a few: the matmul of the decode step (formula, shapes and tolerance in gpu_product.py).

A workgroup of 128 invocations computes ``teams`` * 4 rows of W: the ``lanes`` of a team share the chunks of K, each of
them for four rows at once. The activations of up to 2,048 columns are staged in workgroup memory, once for all rows:
already times the norm's gain, in the order in which the weights are stored, and with the sums that a group's minimum or
zero is multiplied with. A quad of them is read for four rows of weights.

RMSNorm costs no dispatch: its factor is a scalar, so the squares are added up where x is staged and the factor is
applied at the end. The sums of a team meet through ``subgroupAdd`` and one value a subgroup in workgroup memory, or
through workgroup memory alone where there are no subgroups, or wider ones than a team. So one text serves all widths of
subgroups, and ``lanes``, a constant of the shape, all lengths of rows and numbers of them.

With ``columns`` > 1 it serves prompts of few tokens, each workgroup so many of them: a weight is read and made a float
once for all of them. No norm is folded in there.

NOTE: it is assumed that the lanes of a subgroup are neighbouring invocations, in any order, and that they begin at a
multiple of its size: the runtime's probe sees whether they do.
"""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from ...expression import Expression, ceil_div, conjunction
from ..gpu.emit import (
    Buffers,
    Register,
    Thread,
    barrier,
    bind,
    dot,
    f32,
    function,
    quotient,
    remainder,
    splat,
    store,
    vec4,
)
from ..gpu.operator import Expr, Kernel, Symbols, Variant
from ..gpu.subgroups import subgroup_add, subgroup_size
from ..gpu.weight_reader import MatrixFormat
from .gpu_product import OUTPUTS, LinearKernel, component

THREADS = 128
ROWS = 4  # of W for each invocation: the partial sums of one token are a float32x4
TILE = 2048  # staged activations, of all tokens of a workgroup together
FEW = 4  # tokens of a workgroup where there are several
MOST_ROW_LANES = 1 << 18  # rows times lanes that are enough for any GPU
GATHERED = 8  # of a team's values, after the first half of adding them up in workgroup memory


def decode_variants(storage: MatrixFormat) -> list[Variant]:
    return [_variant(storage, tokens, subgroups) for tokens in (1, FEW) for subgroups in (True, False)]


def _variant(storage: MatrixFormat, tokens: int, subgroups: bool) -> Variant:
    name = f"linear_{'decode' if tokens == 1 else 'few'}_{storage.name}_{'subgroup' if subgroups else 'workgroup'}"
    call: Expression = ["==", "prefill", 0] if tokens == 1 else conjunction("prefill", "few_tokens")

    def build(symbols: Symbols) -> Kernel:
        return _linear_decode(symbols, name, storage, tokens, subgroups)

    return Variant(name, conjunction(call, storage.when), build, ("subgroups",) if subgroups else ())


def lanes_for(storage: MatrixFormat, tokens: int) -> Expression:
    """Invocations that share a row: 8, so that neighbours read 128 bytes, and the end of the formula is for many rows.

    16 or 32 where the rows are so few that a large GPU would have no work, and the columns so many that each lane takes
    two chunks and at most a quarter of them idles in the last step. With several tokens at least 16, or there were more
    outputs than invocations. Never more than the chunks of a tile.
    """
    chunks, tile_chunks = storage.chunks, TILE // tokens // storage.chunk

    def more(lanes: int) -> Expression:
        few_rows: Expression = ["<", ["*", "all_rows", lanes // 2], MOST_ROW_LANES]
        fills: Expression = ["<=", ["*", 3 * lanes, ceil_div(chunks, lanes)], ["*", 4, chunks]]
        return ["*", lanes, conjunction(["<=", 2 * lanes, chunks], fills, few_rows)]

    result: Expression = 8 if tokens == 1 else 16
    for lanes in (16, 32):
        if lanes <= tile_chunks:
            result = ["max", result, more(lanes)]
    return result


def _linear_decode(symbols: Symbols, name: str, storage: MatrixFormat, tokens: int, subgroups: bool) -> Kernel:
    """grid: blocks of outputs; tokens by ``tokens``."""
    lanes_value = lanes_for(storage, tokens)
    team_outputs: Expression = ["//", ROWS, ["+", 1, "gated"]]
    block_outputs: Expression = ["*", ["//", THREADS, lanes_value], team_outputs]
    linear = LinearKernel(symbols, storage, block_outputs)
    matrix, chunk_quads, parts = linear.matrix, storage.chunk // 4, linear.matrix.parts
    has_norm = symbols.flag("has_norm", "has_norm_eps") if tokens == 1 else None
    lanes = symbols.integer("lanes", lanes_value)
    teams = symbols.integer("teams", ["//", THREADS, lanes_value])
    outputs_per_team = symbols.integer("team_outputs", team_outputs)

    tile_chunks = TILE // tokens // storage.chunk
    tile_quads = tile_chunks * chunk_quads
    held_quads = tile_quads + tile_quads // 8  # of one token: one free quad after eight, against bank conflicts
    # Quads that are staged, and added up, by one invocation.
    unit = 2 if parts and chunk_quads // parts % 2 == 0 else 1
    tile_units = tile_quads // unit
    units: Expression = ["*", storage.chunks, chunk_quads // unit]
    in_tile: Expression = ["min", storage.chunks, tile_chunks]
    steps_value: Expression = ceil_div(in_tile, lanes_value)
    last_lanes: Expression = ["%", storage.chunks, ["*", lanes_value, steps_value]]
    ragged = symbols.flag("ragged", ["<", 0, last_lanes])  # some lanes take one chunk less
    staging_steps: Expression = (
        ceil_div(["min", units, tile_units], THREADS) if tokens == 1 else (-(-tokens * tile_units // THREADS))
    )

    in_tile_quads: Expression = ["*", in_tile, chunk_quads]
    held_length: Expression = ["max", THREADS, ["+", in_tile_quads, ["//", in_tile_quads, 8]]]
    sums_length = max(THREADS, tokens * tile_units if parts else 0)
    sums_length_of_shape: Expression = ["max", THREADS, ["min", units, tile_units] if parts else 0]

    def workgroup_array(name: str, dtype: str, most: int, length: Expression) -> Expr:
        # Several tokens lie tile_quads apart, so only the last could do with fewer.
        if tokens > 1:
            return T.alloc_buffer((most,), dtype, scope="shared")
        return symbols.workgroup_array(name, dtype, most, length)

    def body(buffers: Buffers, thread: Thread) -> None:
        # (tokens, held_quads) of activations; in the end (tokens, THREADS) partial sums of four rows
        held = workgroup_array("held_quads", "float32x4", max(held_quads, THREADS) * tokens, held_length)
        # (tokens, tile_units) sums of activations, and at last those of the squares
        unit_sums: Expr = None
        if parts or tokens == 1:
            unit_sums = workgroup_array("held_sums", "float32", sums_length, sums_length_of_shape)
        lane_index = bind(remainder(thread.index, lanes))
        team = bind(quotient(thread.index, lanes))
        first = bind((thread.block_x * teams + team) * outputs_per_team)
        rows = [linear.row(first + linear.by_gate(r // 2, r), T.And(linear.gated, r % 2 == 1)) for r in range(ROWS)]
        first_token = bind(thread.block_y * tokens) if tokens > 1 else 0
        sums = [Register("float32x4", splat(f32(0))) for _ in range(tokens)]  # of the four rows
        squares = Register(initial=f32(0))

        def stage(tile: Expr) -> None:
            """held = x, times the gain where there is a norm; squares grows by x²."""
            with T.serial(symbols.integer("staging_steps", staging_steps)) as step:
                index = bind(step * THREADS + thread.index)
                token = index // tile_units if tokens > 1 else 0
                within = bind(index % tile_units) if tokens > 1 else index
                column = bind((tile * tile_units + within) * unit)
                staged: Expr = T.And(within < tile_units, column < matrix.chunks * chunk_quads)
                if tokens > 1:
                    staged = T.And(staged, T.And(token < tokens, first_token + token < symbols.n))
                with T.If(staged), T.Then():
                    columns = [column + i for i in range(unit)]
                    xs = [Register("float32x4", linear.activation(buffers, first_token + token, c)) for c in columns]
                    if has_norm is not None:
                        with T.If(has_norm), T.Then():
                            for x, c in zip(xs, columns, strict=True):
                                squares.add(dot(x.get(), x.get()))
                                x.set(x.get() * buffers["gain"][linear.inside(c)])
                    quad = bind(within * unit)
                    at = bind(token * held_quads + quad + T.shift_right(quad, 3))
                    values = [bind(x.get()) for x in xs]
                    for i, value in enumerate(matrix.stored_order(values) if storage.nibbles else values):
                        store(held, value, at + i)
                    if parts:
                        both = values[0] + values[1] if unit == 2 else values[0]
                        store(unit_sums, dot(both, splat(f32(1))), token * tile_units + within)

        def sum_of_part(token: int, local: Expr, part: int) -> Expr:
            """Of the activations that share a scale: what its minimum or zero is multiplied with."""
            count = chunk_quads // unit // parts
            first = bind(token * tile_units + (local * parts + part) * count)
            total = unit_sums[first]
            for i in range(1, count):
                total = total + unit_sums[first + i]
            return total

        def multiply(tile: Expr, step: Expr) -> None:
            local = bind(step * lanes + lane_index)
            chunk = bind(tile * tile_chunks + local)
            with T.If(T.Select(ragged, chunk < matrix.chunks, T.bool(True))), T.Then():
                loaded = [matrix.load(buffers, row, chunk) for row in rows]
                at = bind(local * chunk_quads + T.shift_right(local * chunk_quads, 3))
                for part in range(max(1, parts)):
                    products = [Register("float32x4", splat(f32(0))) for _ in sums] if parts else sums
                    quads_of_part = chunk_quads // max(1, parts)
                    for i in range(part * quads_of_part, (part + 1) * quads_of_part):
                        weights = [bind(row.quad(i)) for row in loaded]
                        for token, register in enumerate(products):
                            linear.multiply(bind(held[at + (token * held_quads + i)]), weights, register)
                    if parts:
                        scales, offsets = (
                            bind(vec4(*values))
                            for values in zip(*(row.scales[part] for row in loaded if row.scales), strict=True)
                        )
                        for token, register in enumerate(sums):
                            x_sum = splat(bind(sum_of_part(token, local, part)))
                            register.add(products[token].get() * scales + offsets * x_sum)

        with T.serial(symbols.integer("tiles", ceil_div(storage.chunks, tile_chunks))) as tile:
            stage(tile)
            barrier()
            with T.serial(symbols.integer("steps", steps_value)) as step:
                multiply(tile, step)
            barrier()

        entries = _gather(thread, held, sums, lanes, lane_index, team, subgroups)
        factor = Register(initial=f32(1))
        if has_norm is not None:
            with T.If(has_norm), T.Then():
                mean = _total(thread, unit_sums, squares, subgroups) / T.Cast("float32", symbols.integer("columns"))
                factor.set(T.rsqrt(mean + symbols.number("norm_eps")))

        output_index = bind(thread.index % ROWS)
        of_team = bind(remainder(thread.index // ROWS, teams))
        token = bind(quotient(thread.index // ROWS, teams))
        output = bind((thread.block_x * teams + of_team) * outputs_per_team + output_index)
        computes = T.And(T.And(token < tokens, output_index < outputs_per_team), linear.exists(output))
        if tokens > 1:
            computes = T.And(computes, first_token + token < symbols.n)
        with T.If(computes), T.Then():
            token = bind(first_token + token) if tokens > 1 else 0
            total = Register("float32x4", splat(f32(0)))
            # Of a constant number of turns, so that compilers unroll it.
            with T.serial(GATHERED) as entry, T.If(entry < entries), T.Then():
                total.add(held[(token - first_token) * THREADS + of_team * lanes + entry])
            y = Register(initial=component(total.get(), linear.by_gate(output_index * 2, output_index)))
            up = Register(initial=component(total.get(), output_index * 2 + 1))
            y.scale(factor.get())
            up.scale(factor.get())
            linear.store_output(buffers, token, output, y, up)

    grid = (ceil_div(OUTPUTS, block_outputs), 1 if tokens == 1 else ceil_div("n", tokens))
    return function(name, linear.arguments(gain=tokens == 1), grid, THREADS, body)


def _gather(
    thread: Thread, held: Expr, sums: list[Register], lanes: Expr, lane_index: Expr, team: Expr, subgroups: bool
) -> Expr:
    """Leaves in ``held``, from the start of each team on, the values that its sums are the sums of: how many there are
    is the result. A value of four rows for each subgroup, or GATHERED where subgroups do not help.
    """

    def add_up() -> None:
        with T.If(lanes > GATHERED), T.Then():
            barrier()
            with T.If(lane_index < GATHERED), T.Then():
                for token in range(len(sums)):
                    total = Register("float32x4", splat(f32(0)))
                    with T.serial(quotient(lanes, GATHERED)) as i:
                        total.add(held[token * THREADS + thread.index + i * GATHERED])
                    store(held, total.get(), token * THREADS + thread.index)

    def keep() -> None:
        for token, register in enumerate(sums):
            store(held, register.get(), token * THREADS + thread.index)

    if not subgroups:
        keep()
        add_up()
        barrier()
        return GATHERED
    size = bind(subgroup_size())
    narrow = bind(T.And(size <= lanes, size >= GATHERED))
    with T.If(narrow):
        with T.Then():
            for register in sums:
                register.set(subgroup_add(register.get(), "float32x4"))
            with T.If(remainder(lane_index, size) == 0), T.Then():
                for token, register in enumerate(sums):
                    store(held, register.get(), token * THREADS + team * lanes + quotient(lane_index, size))
        with T.Else():
            keep()
            add_up()
    barrier()
    return bind(T.Select(narrow, quotient(lanes, size), GATHERED))


def _total(thread: Thread, shared: Expr, value: Register, subgroups: bool) -> Expr:
    """The sum of ``value`` over the workgroup. ``shared``: at least THREADS float32."""
    total = Register(initial=f32(0))
    if subgroups:
        size = bind(subgroup_size())
        value.set(subgroup_add(value.get()))
        with T.If(remainder(thread.index, size) == 0), T.Then():
            store(shared, value.get(), quotient(thread.index, size))
        barrier()
        with T.serial(quotient(size + (THREADS - 1), size)) as i:
            total.add(shared[i])
        return total.get()
    store(shared, value.get(), thread.index)
    barrier()
    with T.If(thread.index < GATHERED), T.Then():
        with T.serial(THREADS // GATHERED - 1) as i:
            value.add(shared[thread.index + (i + 1) * GATHERED])
        store(shared, value.get(), thread.index)
    barrier()
    with T.serial(GATHERED) as i:
        total.add(shared[i])
    return total.get()
