"""The CPU's launch plan of rope_append: cosines and sines once for all layers, then each layer's part."""

from __future__ import annotations

from ..cpu.kv_lowering import OTHER_PAGES, QUERIES
from ..cpu.lowering import call, float32, int32, lowering, numbers, scratch, step, table, times
from .cpu import SCRATCH_BYTES

LOWERING = lowering(
    step(
        call(
            "rope_table", "inv_freq.address", "state.address", "table.address", "n.address", "dynamic_numbers.address",
            ["//", "head_dim", 2], "attention_scaling.float32",
        ),
        once="table",
    ),
    step(
        call(
            "rope_append", "qkv.address", "table.address", "state.address", "k_pages.block_table", "kv.address",
            "head.address", "n.address", "queries.address", "heads", "kv_heads", "head_dim", "k_pages.head_stride",
            "k_pages.offset", "v_pages.offset",
        )
    ),
    memory=(
        scratch("head", SCRATCH_BYTES, per_thread=True),
        QUERIES,
        table(
            "table", ("inv_freq", "attention_scaling", "dynamic", "theta", "factor", "trained_length"),
            times("head_dim", 4, "prefill_chunk"),
        ),
        numbers(
            "dynamic_numbers",
            float32(["log", "theta"]),
            float32(["/", "head_dim", ["-", "head_dim", 2]]),
            float32(["/", "factor", "trained_length"]),
            float32(["-", "factor", 1]),
            int32("trained_length"),
            float32(["/", -2, "head_dim"]),
            when="dynamic",
        ),
    ),
    refusals=(OTHER_PAGES,),
)  # fmt: skip
