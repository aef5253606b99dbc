"""The CPU's launch plan of attention: a call for each few query heads of a group; in decode parts, which are joined.

Queries that rope_append did not write, since the layer has no rotation, are brought into its form first.
"""

from __future__ import annotations

from ...expression import negation
from ..cpu.kv_layout import PAGE_TOKENS
from ..cpu.kv_lowering import OTHER_PAGES, QUERIES, WIDTH
from ..cpu.lowering import call, groups, lowering, plus, refusal, round_up, scratch, step, times
from .cpu import HEADS_AT_ONCE, MOST_HEAD_DIM, PART_HEADER_BYTES, PARTS
from .cpu_page import BYTES_PER_DIMENSION, scratch_bytes

MOST = max(HEADS_AT_ONCE)
INPUTS = ("queries.address", "kv.address", "k_pages.block_table", "state.address", "own.address")
SHAPE = (
    "heads", "kv_heads", "head_dim", "scale.float32", "softcap.float32", "window", "k_pages.head_stride",
    "k_pages.offset", "v_pages.offset", "first", "own.stride",
)  # fmt: skip
SCORES_BYTES = times(round_up("context_length", PAGE_TOKENS), 4 * MOST)
GROUP = groups(["//", "heads", "kv_heads"], MOST)

LOWERING = lowering(
    step(
        call("attention_queries", "q.address", "queries.address", "n.address", "heads", "head_dim"),
        when=negation("queries.written"),
    ),
    step(
        call(
            "attention_prefill_{count}", *INPUTS, "out.address", "n.address", *SHAPE, "bidirectional", groups=GROUP
        ),
        when="prefill",
    ),
    step(
        call("attention_decode_{count}", *INPUTS, "parts.address", *SHAPE, groups=GROUP),
        when=negation("prefill"),
    ),
    step(
        call("attention_combine", "parts.address", "out.address", "heads", "head_dim"),
        when=negation("prefill"),
    ),
    memory=(
        QUERIES,
        scratch(
            "own", plus(plus(scratch_bytes(MOST), times(WIDTH, MOST * BYTES_PER_DIMENSION)), SCORES_BYTES),
            per_thread=True,
        ),
        scratch("parts", times("heads", plus(times(WIDTH, 4), PART_HEADER_BYTES), PARTS)),
    ),
    refusals=(
        OTHER_PAGES,
        refusal(["<", MOST_HEAD_DIM, "head_dim"], f"heads of {{head_dim}} values; its kernels take {MOST_HEAD_DIM}"),
    ),
)  # fmt: skip
