"""Whether the head of a model is its embedding, as transformers 5 decides it (PreTrainedModel.tie_weights).

``tie_word_embeddings`` is believed only as far as the checkpoint agrees: where both tensors are stored and differ, the
head is one of its own; where only the head is stored, the embedding is the head.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

HEAD_OF_EMBEDDING = {"model.embed_tokens.weight": "lm_head.weight", "gpt_neox.embed_in.weight": "embed_out.weight"}
COMPARED_ROWS = 1024


def stored_under_other_name(config: Mapping[str, Any], names: Collection[str]) -> dict[str, str]:
    """The embedding's name -> the head's, where a tied checkpoint stores the head only."""
    if not _is_tied(config):
        return {}
    return {
        embedding: head for embedding, head in HEAD_OF_EMBEDDING.items() if head in names and embedding not in names
    }


def config_with_true_ties(
    config: Mapping[str, Any],
    names: Collection[str],
    shape: Callable[[str], tuple[int, ...]],
    read: Callable[[str, int, int], npt.NDArray[Any]],
) -> Mapping[str, Any]:
    """``config``, untied where the stored head is another one. Reads a block of rows of each at a time."""
    for embedding, head in HEAD_OF_EMBEDDING.items():
        if _is_tied(config) and embedding in names and head in names and not _equal(embedding, head, shape, read):
            untied = {**config, "tie_word_embeddings": False}
            if isinstance(config.get("text_config"), dict):
                untied["text_config"] = {**config["text_config"], "tie_word_embeddings": False}
            return untied
    return config


def _is_tied(config: Mapping[str, Any]) -> bool:
    """Also where nothing is said: then it depends on the architecture, and the tensors say it for all of them."""
    return config.get("tie_word_embeddings") is not False


def _equal(
    one: str,
    other: str,
    shape: Callable[[str], tuple[int, ...]],
    read: Callable[[str, int, int], npt.NDArray[Any]],
) -> bool:
    if shape(one) != shape(other):
        return False
    rows = shape(one)[0]
    for start in range(0, rows, COMPARED_ROWS):
        stop = min(start + COMPARED_ROWS, rows)
        if not np.array_equal(read(one, start, stop).astype(np.float32), read(other, start, stop).astype(np.float32)):
            return False
    return True
