"""The buffers that programs have without being told, by name: what the runtime writes, reads and samples with.

Generated from here: the table in docs/program-interface.md and runtime/src/device/operators.gen.ts.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..expression import Expression, ceil_div

TOKEN_RING = 64


@dataclass(frozen=True)
class FixedBuffer:
    """``length`` values of ``dtype``, over vocab_size, context_length, page_size and prefill_chunk."""

    name: str
    kind: str
    dtype: str
    length: Expression
    meaning: str
    of_decode: bool = False  # only programs with the function decode have it


FIXED_BUFFERS = (
    FixedBuffer(
        "state", "state", "int32", 8,
        "`[0]` token_id: the token that `decode` embeds. `[1]` position: its position in the sequence (0-based), or "
        "that of `prompt_ids[0]` for `prefill` and `encode`. `[2]` step: tokens sampled since the request began; the "
        "sampler's RNG counter and the index into `tokens`. `[3]` seed (uint32 bits). `[4]` slot: the sequence's row "
        "of every recurrent_state buffer. `[5]` reach: the length of the sequence for which frequencies of RoPE are "
        "chosen. "
        "`[6..7]` zero, reserved.",
    ),
    FixedBuffer(
        "prompt_ids", "input", "int32", "prefill_chunk", "the n token ids of this call of `prefill` or `encode`"
    ),
    FixedBuffer(
        "block_table", "input", "int32", ceil_div("context_length", "page_size"),
        "physical page of each logical page of the sequence",
    ),
    FixedBuffer(
        "sampling", "input", "float32", 8,
        "`[0]` temperature (> 0), `[1]` top_k (0: off), `[2]` top_p (1: off), `[3]` min_p (0: off), `[4]` "
        "repetition_penalty (1: off), `[5]` presence_penalty (0: off), `[6]` frequency_penalty (0: off), `[7]` "
        "reserved",
        of_decode=True,
    ),
    FixedBuffer(
        "token_counts", "state", "int32", "vocab_size",
        "how often each token occurs in prompt and answer so far; `sample` adds the token it draws",
        of_decode=True,
    ),
    FixedBuffer(
        "logits", "output", "float32", "vocab_size", "written by `decode`; `mask_logits` changes them", of_decode=True
    ),
    FixedBuffer(
        "token_mask", "input", "int32", ceil_div("vocab_size", 32),
        "bit i % 32 of word i // 32, the lowest first: the answer may go on with token i; read by `mask_logits`",
        of_decode=True,
    ),
    FixedBuffer(
        "tokens", "output", "int32", TOKEN_RING, "ring of sampled ids: a sample function writes `tokens[step % 64]`",
        of_decode=True,
    ),
)  # fmt: skip
