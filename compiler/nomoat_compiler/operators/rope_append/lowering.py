"""The CPU's launch plan of rope_append: cosines and sines once for all layers, then each layer's part."""

from __future__ import annotations

from ...expression import negation
from ..cpu.kv_lowering import OTHER_PAGES, QUERIES, ROUNDED
from ..cpu.lowering import call, choose, float32, int32, lowering, numbers, scratch, step, table, times
from .cpu import SCRATCH_BYTES

NORM = "has_qk_norm_eps"
HALF = ["//", "rotary_dim", 2]
_TABLE = (
    "state.address", "table.address", "n.address", "dynamic_numbers.address", HALF, "attention_scaling.float32",
    "long_from",
)  # fmt: skip

LOWERING = lowering(
    step(
        call("rope_table", "inv_freq.address", "inv_freq.address", *_TABLE, when=negation("long_from")),
        call("rope_table", "inv_freq.address", "long_inv_freq.address", *_TABLE, when="long_from"),
        when="rotary_dim",
        once="table",
    ),
    step(
        call(
            "qk_norm", "qkv.address", "q_gain.address", "k_gain.address", "normed.address", "n.address", "heads",
            "kv_heads", "head_dim", "qk_norm_whole", "qk_norm_eps.float32",
            when=NORM,
        ),
        *(
            call(
                kernel, choose(NORM, "normed.address", "qkv.address"), "table.address", "state.address",
                "k_pages.block_table", "kv.address", "head.address", "n.address", queries, "heads", "kv_heads",
                "head_dim", "rotary_dim", "k_pages.head_stride", "k_pages.offset", "v_pages.offset",
                when=when,
            )
            for kernel, queries, when in (
                ("rope_append", "queries.address", ROUNDED), ("rope_append_exact", "q.address", "exact_cache"),
            )
        ),
    ),
    memory=(
        scratch("head", SCRATCH_BYTES, per_thread=True),
        QUERIES,
        table(
            "table",
            (
                "inv_freq", "long_inv_freq", "long_from", "attention_scaling", "dynamic", "theta", "factor",
                "trained_length",
            ),
            times("rotary_dim", 4, "prefill_chunk"),
        ),
        scratch("normed", times(NORM, ["+", "heads", times(2, "kv_heads")], "head_dim", 4, "prefill_chunk")),
        numbers(
            "dynamic_numbers",
            float32(["log", "theta"]),
            float32(["/", "rotary_dim", ["-", "rotary_dim", 2]]),
            float32(["/", "factor", "trained_length"]),
            float32(["-", "factor", 1]),
            int32("trained_length"),
            float32(["/", -2, "rotary_dim"]),
            when="dynamic",
        ),
    ),
    refusals=(OTHER_PAGES,),
)  # fmt: skip
