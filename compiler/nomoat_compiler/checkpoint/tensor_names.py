"""Names of tensors as transformers' class for the model has them, whatever module the checkpoint was saved from.

A model saved without its head (``LlamaModel``) has names without ``model.``, one saved from inside another module has
more in front: ``model.model.``, ``base_model.model.model.`` (PEFT), ``module.`` (data parallel), or
``language_model.model.`` (the text part of a vision model). The table of embeddings shows what stands in front; layers
do where it is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..errors import NomoatError

# What the names of a body end with or contain, and what transformers has in front of it.
EMBEDDINGS = {
    "embed_tokens.weight": "model.",
    "embed_in.weight": "gpt_neox.",
    "embeddings.word_embeddings.weight": "",
}
LAYERS = re.compile(r"^(?P<prefix>(?:[A-Za-z_]+\.)*?)(?P<part>layers|encoder\.layer)\.0\.")
LAYERS_PREFIX = {"layers": "model.", "encoder.layer": ""}
# Modules beside the body, which transformers has at the top.
HEADS = re.compile(r"^(?:[A-Za-z_]+\.)*(?:lm_head|embed_out)\.(weight|bias|weight_scale|weight_scale_inv)$")
HEAD_OF_BODY = {"gpt_neox.": "embed_out"}
# What the first BERT called the two halves of a norm.
OLD_NORM_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}


def canonical_names(names: Iterable[str]) -> dict[str, str]:
    """Canonical name -> stored name, for all ``names``; those outside the body and its heads stay as they are.

    ``invalid_checkpoint`` where two tensors would have one name.
    """
    stored = sorted(names)
    prefix, canonical_prefix = _prefixes(stored)
    canonical: dict[str, str] = {}
    for name in stored:
        head = HEADS.match(name)
        if head and (prefix != canonical_prefix or name.startswith(("lm_head.", "embed_out."))):
            new = f"{HEAD_OF_BODY.get(canonical_prefix, 'lm_head')}.{head[1]}"
        elif name.startswith(prefix) and prefix != canonical_prefix:
            new = canonical_prefix + name.removeprefix(prefix)
        else:
            new = name
        for old, current in OLD_NORM_NAMES.items():
            new = new.removesuffix(old) + current if new.endswith(old) else new
        if new in canonical:
            raise NomoatError(
                "invalid_checkpoint",
                f"{name} and {canonical[new]} are both in the checkpoint; one is meant.",
                tensor=new,
            )
        canonical[new] = name
    return canonical


def _prefixes(names: list[str]) -> tuple[str, str]:
    """What stands in front of the body, and what should; equal where nothing is to be done."""
    candidates: list[tuple[str, str]] = []
    for ending, canonical in EMBEDDINGS.items():
        found = [name.removesuffix(ending) for name in names if name == ending or name.endswith("." + ending)]
        candidates += [(prefix, canonical) for prefix in found]
    if not candidates:
        matches = [match for name in names if (match := LAYERS.match(name))]
        candidates = [(match["prefix"], LAYERS_PREFIX[match["part"]]) for match in matches]
    right = [(prefix, canonical) for prefix, canonical in candidates if prefix == canonical]
    if not candidates or right:
        return right[0] if right else ("", "")
    return min(candidates, key=lambda candidate: (len(candidate[0]), candidate))
