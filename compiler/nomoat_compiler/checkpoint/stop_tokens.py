"""Which token ids end an answer, from all that a checkpoint says about it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import NomoatError, NomoatWarning

# Tokens with these texts end a turn or a message, whatever the files name as eos: those of llama.cpp
# (llama-vocab.cpp, special_eog_ids) but for the ones that only mark a tool's answer.
STOP_TEXTS = (
    "<|eot_id|>", "<|im_end|>", "<|end|>", "<|eom_id|>", "<end_of_turn>", "<turn|>", "<|endoftext|>", "<|end_of_text|>",
    "</s>", "<eos>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<｜end▁of▁sentence｜>", "<end_of_utterance>",
    "<|END_OF_TURN_TOKEN|>", "<|end_of_turn|>", "<|return|>", "<|call|>", "[e~[",
)  # fmt: skip


def stop_ids_of_texts(added: Mapping[str, int]) -> list[int]:
    """Ids of the added tokens that end a turn by their text."""
    return [added[text] for text in STOP_TEXTS if text in added]


def stop_ids_of_files(
    generation: Mapping[str, Any],
    config: Mapping[str, Any],
    eos_id: int | None,
    added: Mapping[str, int],
    vocab_size: int | None,
) -> list[int]:
    """Every id that a file names, without repetition, the first of generation_config.json first.

    config.json is often copied from another model: where generation_config.json names ids too, those of config.json
    count only if they are added tokens, which no ordinary text gives. ``eos_id`` is the tokenizer's.
    """
    asked = _ids(generation, "generation_config.json", vocab_size)
    also = _ids(config, "config.json", vocab_size)
    if asked:
        also = [i for i in also if i in set(added.values())]
    ids: Iterable[int] = [*asked, *also, *([] if eos_id is None else [eos_id]), *stop_ids_of_texts(added)]
    return list(dict.fromkeys(ids))


def _ids(source: Mapping[str, Any], name: str, vocab_size: int | None) -> list[int]:
    value = source.get("eos_token_id")
    values = [] if value is None else value if isinstance(value, list) else [value]
    if not all(isinstance(i, int) and not isinstance(i, bool) for i in values):
        raise NomoatError(
            "invalid_checkpoint", f"eos_token_id in {name} is {value!r}; a token id or a list of them is needed."
        )
    usable = [i for i in values if i >= 0 and (vocab_size is None or i < vocab_size)]
    if len(usable) < len(values) and values != [-1]:  # -1 is how some say "none".
        warnings.warn(
            f"eos_token_id in {name} is {value!r}; ids that the model does not have are left out.",
            NomoatWarning,
            stacklevel=2,
        )
    return usable
