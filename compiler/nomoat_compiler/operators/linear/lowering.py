"""The CPU's launch plan of linear.

Plain matrices are multiplied as they are, grouped ones by quantized activations: int8 for weights of 2 to 6 bits, 12
bits for those of 8. In prefill the threads share the quantizing, and a barrier follows; for one token each thread
norms (and quantizes) all of it for itself, which costs less than a barrier. What follows the product stands in the same
step: a thread does it for the rows that it computed.
"""

from __future__ import annotations

from ...expression import Expression, ceil_div, conjunction, negation
from ..cpu import activations, fine_activations
from ..cpu.blocks import COLUMNS, ROWS
from ..cpu.lowering import Json, call, choose, lowering, plus, refusal, scratch, step, times
from .declaration import WIDTH

GROUPED, PLAIN = "scheme.grouped", negation("scheme.grouped")
FINE = ["==", "scheme.bits", 8]
COARSE = ["<", "scheme.bits", 8]
PREFILL, ALONE = "prefill", negation("prefill")
NORM = "has_norm_eps"

K_BLOCKS = ceil_div("columns", COLUMNS)
ROW_BLOCKS = ceil_div(WIDTH, ROWS)
# One token of quantized activations, of either kind.
TOKEN_BYTES: Expression = [
    "max",
    times(K_BLOCKS, choose("relaxed", activations.BLOCK_BYTES[True], activations.BLOCK_BYTES[False])),
    ["+", fine_activations.HEAD_BYTES, times(K_BLOCKS, fine_activations.BLOCK_BYTES)],
]


def norm(kernel: str, *target: Expression, when: Expression = 1) -> Json:
    return call(kernel, "x.address", "gain.address", *target, "columns", "norm_eps.float32", when=when)


def product(y: str, first: Expression, when: Expression) -> list[Json]:
    """Rows from group ``first`` of four rows on, into ``y``; with what is added to them."""
    rows = plus("w.address", times(first, "w.block_row_bytes") if first else 0)
    sums = plus("w.sums", times(first, 4 * ROWS) if first else 0)
    sizes = (K_BLOCKS, ROW_BLOCKS, "scheme.zero")
    plain_x, plain_stride = choose(NORM, "own_normed.address", "x.address"), choose(NORM, "own_normed.stride", 0)
    many, one = conjunction(when, PREFILL), conjunction(when, ALONE)
    gemm, gemv, own = "gemm_{w.format}", "gemv_{w.format}", "own_blocks.address"

    def added(name: str, token_bytes: Expression) -> Json:
        start = plus(f"{name}.address", times(first, 4 * ROWS) if first else 0)
        return call("add_rows", y, start, "n.address", ROW_BLOCKS, token_bytes, when=conjunction(when, name))

    return [
        call(
            "matmul_{w.format}", plain_x, rows, y, "n.address", plain_stride, "columns", ROW_BLOCKS,
            when=conjunction(when, PLAIN),
        ),
        call(gemm, "blocks.address", rows, y, "n.address", *sizes, when=conjunction(many, COARSE)),
        call(gemm, "blocks.address", rows, sums, y, "n.address", *sizes, when=conjunction(many, FINE)),
        call(gemv, own, rows, y, "own_blocks.stride", *sizes, when=conjunction(one, COARSE)),
        call(gemv, own, rows, sums, y, "own_blocks.stride", *sizes, when=conjunction(one, FINE)),
        added("bias", 0),
        added("delta", times("rows", 4)),
    ]  # fmt: skip


# The bits of 1.0: expressions compute with integers only.
ONE = 0x3F800000

LOWERING = lowering(
    step(
        call("quantize", "x.address", "blocks.address", "n.address", "columns", K_BLOCKS, when=COARSE),
        call("quantize_fine", "x.address", "blocks.address", "n.address", "columns", K_BLOCKS, when=FINE),
        when=conjunction(GROUPED, PREFILL),
    ),
    step(
        norm("rms_norm_own", "own_normed.address", "own_normed.stride", when=conjunction(ALONE, NORM)),
        *(
            call(
                kernel, choose(NORM, "own_normed.address", "x.address"), "own_blocks.address",
                choose(NORM, "own_normed.stride", 0), "own_blocks.stride", "columns", K_BLOCKS,
                when=conjunction(ALONE, kind),
            )
            for kernel, kind in (("quantize_own", COARSE), ("quantize_fine_own", FINE))
        ),
        *product("out.address", 0, negation("gated")),
        *product("gate.address", 0, "gated"),
        *product("up.address", ROW_BLOCKS, "gated"),
        call("gate_{activation}", "gate.address", "up.address", "out.address", "n.address", ROW_BLOCKS, when="gated"),
        call(
            "activate_{activation}", "out.address", "n.address", ROW_BLOCKS,
            when=conjunction(negation("gated"), ["<", 0, "activation"]),
        ),
        call(
            "scale_cap", "out.address", "n.address", ROW_BLOCKS, "scale.float32", "softcap.float32",
            when=["max", "has_softcap", negation(["==", "scale.float32", ONE])],
        ),
        call("add", "out.address", "residual.address", "n.address", ROW_BLOCKS, when="residual"),
    ),
    memory=(
        scratch("own_blocks", TOKEN_BYTES, per_thread=True),
        scratch("blocks", times(TOKEN_BYTES, "prefill_chunk")),
        scratch("own_normed", times("columns", 4), per_thread=True),
        scratch("gate", times(WIDTH, "prefill_chunk", 4, "gated")),
        scratch("up", times(WIDTH, "prefill_chunk", 4, "gated")),
    ),
    refusals=(
        # A prefill's rows follow each other without a gap; one token's may end in the middle of a block.
        refusal(
            times(["max", "prefill", "gated"], ["<", 0, ["%", WIDTH, ROWS]]),
            "a matrix product with {rows} rows, whose results are no multiple of 4",
        ),
        # ``own_normed`` has room for one token. A rule of the operator says so too.
        refusal(times("prefill", NORM), "a norm folded into prefill"),
    ),
)  # fmt: skip
