"""Compares what an architecture needs with what a checkpoint has, before any weight is read."""

from __future__ import annotations

from collections.abc import Iterable

from ..checkpoint.checkpoint import Checkpoint
from ..errors import NomoatError
from ..program.tensor_spec import TensorSpec


def check_sources(specs: Iterable[TensorSpec], checkpoint: Checkpoint) -> None:
    """``invalid_checkpoint`` for a source tensor that is missing or has another shape than its specification."""
    for spec in specs:
        for source, rows in zip(spec.sources, spec.source_rows, strict=True):
            expected = (rows, *spec.shape[1:])
            found = checkpoint.stored(source).shape
            if found != expected:
                raise NomoatError(
                    "invalid_checkpoint",
                    f"{source} has the shape {list(found)}, but the configuration calls for {list(expected)}. Check "
                    "that config.json belongs to these weights.",
                    tensor=source,
                )
