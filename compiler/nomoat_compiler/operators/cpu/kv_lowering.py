"""What the lowerings of the operators on the KV cache share: how queries are kept, and which pages there can be."""

from __future__ import annotations

from ...expression import Expression, negation
from .kv_layout import LANES, PAGE_TOKENS, QUERY_HEADER_BYTES
from .lowering import form, plus, refusal, round_up, times

# head_dim rounded up to whole vectors, as kv_layout.padded does.
WIDTH: Expression = round_up("head_dim", LANES)

ROUNDED: Expression = negation("exact_cache")

# (prefill_chunk, heads): rope_append writes the queries as attention reads them. With exact caches those are as the
# program has them.
QUERIES = form(
    "queries",
    argument="q",
    nbytes=times(ROUNDED, "heads", plus(times(WIDTH, 2), QUERY_HEADER_BYTES), "prefill_chunk"),
)

OTHER_PAGES = refusal(
    negation(["==", "page_size", PAGE_TOKENS]), f"pages of {{page_size}} tokens; its kernels take {PAGE_TOKENS}"
)
