"""A tied checkpoint that stores the head only: the embedding is the head, as in transformers 5 (tie_weights).

Whether a head that is stored beside its embedding is one of its own is what a family decides (models/decoder.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

HEAD_OF_EMBEDDING = {"model.embed_tokens.weight": "lm_head.weight", "gpt_neox.embed_in.weight": "embed_out.weight"}


def stored_under_other_name(config: Mapping[str, Any], names: Collection[str]) -> dict[str, str]:
    """The embedding's name -> the head's. Where the file does not say whether the two are tied, the tensors do."""
    if config.get("tie_word_embeddings") is False:
        return {}
    return {
        embedding: head for embedding, head in HEAD_OF_EMBEDDING.items() if head in names and embedding not in names
    }
