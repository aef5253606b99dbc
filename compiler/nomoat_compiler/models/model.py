"""What a family says about one model: everything that the compiler needs to know of an architecture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..program.plan import Plan


@dataclass(frozen=True)
class Model:
    """``config`` and ``layers`` are ``model`` and ``layers`` of program.json: the symbols of ``plan``."""

    config: dict[str, Any]  # Hugging Face's names, defaults filled in; what is derived stands beside them
    layers: dict[str, Any]
    plan: Plan
    constants: dict[str, np.ndarray]
    trained_length: int  # max_position_embeddings: the context length that is taken unless asked for another
    supported_length: int  # the longest that can be asked for
    whole_texts: bool = False  # an encoder: a text must fit into one call

    @property
    def architecture(self) -> str:
        name: str = self.config["architecture"]
        return name


def compact(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of layers, those with one value for all as that value."""
    return {
        name: values[0] if isinstance(values, Sequence) and len(set(values)) == 1 else values
        for name, values in attributes.items()
    }
