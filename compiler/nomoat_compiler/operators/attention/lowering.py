"""The CPU's launch plan of attention: a call for each few query heads of a group; in decode parts, which are joined.

Queries that rope_append did not write, since the layer has no rotation, are brought into its form first. Exact caches
have kernels of their own, which take queries as they are.
"""

from __future__ import annotations

from ...expression import negation
from ..cpu.kv_layout import PAGE_TOKENS
from ..cpu.kv_lowering import OTHER_PAGES, QUERIES, ROUNDED, WIDTH
from ..cpu.lowering import call, choose, groups, lowering, plus, refusal, round_up, scratch, step, times
from .cpu import HEADS_AT_ONCE, MOST_HEAD_DIM, PART_HEADER_BYTES, PARTS
from .cpu_page import bytes_per_dimension, scratch_bytes

MOST = max(HEADS_AT_ONCE)
CACHES = (("", "queries.address", ROUNDED), ("exact_", "q.address", "exact_cache"))
INPUTS = ("kv.address", "k_pages.block_table", "state.address", "own.address")
SHAPE = (
    "heads", "kv_heads", "head_dim", "scale.float32", "softcap.float32", "window", "k_pages.head_stride",
    "k_pages.offset", "v_pages.offset", "first", "own.stride",
)  # fmt: skip
OWN_BYTES = plus(scratch_bytes(MOST, exact=False), times(WIDTH, MOST * bytes_per_dimension(exact=False)))
EXACT_OWN_BYTES = plus(scratch_bytes(MOST, exact=True), times(WIDTH, MOST * bytes_per_dimension(exact=True)))
SCORES_BYTES = times(round_up("context_length", PAGE_TOKENS), 4 * MOST)
GROUP = groups(["//", "heads", "kv_heads"], MOST)

LOWERING = lowering(
    step(
        call("attention_queries", "q.address", "queries.address", "n.address", "heads", "head_dim"),
        when=times(ROUNDED, negation("queries.written")),
    ),
    step(
        *(
            call(
                f"attention_prefill_{suffix}{{count}}", queries, *INPUTS, "out.address", "n.address", *SHAPE,
                "bidirectional", groups=GROUP, when=when,
            )
            for suffix, queries, when in CACHES
        ),
        when="prefill",
    ),
    step(
        *(
            call(
                f"attention_decode_{suffix}{{count}}", queries, *INPUTS, "parts.address", *SHAPE, groups=GROUP,
                when=when,
            )
            for suffix, queries, when in CACHES
        ),
        when=negation("prefill"),
    ),
    step(
        call("attention_combine", "parts.address", "out.address", "heads", "head_dim"),
        when=negation("prefill"),
    ),
    memory=(
        QUERIES,
        scratch(
            "own", plus(choose("exact_cache", EXACT_OWN_BYTES, OWN_BYTES), SCORES_BYTES), per_thread=True,
        ),
        scratch("parts", times("heads", plus(times(WIDTH, 4), PART_HEADER_BYTES), PARTS)),
    ),
    refusals=(
        OTHER_PAGES,
        refusal(["<", MOST_HEAD_DIM, "head_dim"], f"heads of {{head_dim}} values; its kernels take {MOST_HEAD_DIM}"),
    ),
)  # fmt: skip
