"""The values of a logical tensor, a block of rows at a time, from the checkpoint tensors that its sources name.

In memory at once is one block in float32; how large a tensor is does not matter.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checkpoint.checkpoint import Blocks, Checkpoint, Groups
from ..errors import NomoatError
from ..program.tensor_spec import Source, TensorSpec
from .ggml_blocks import dequantize_blocks

# Values of one block of rows: 16 MiB in float32.
BLOCK_VALUES = 4 << 20
# The part of a name that says which layer: model.layers.3.
WITHIN_LAYER = re.compile(r".*?\.\d+\.")
# Tables that old files carry along, which follow from the configuration.
NEVER_READ = (".rotary_emb.inv_freq", ".attention.bias", ".attention.masked_bias")
Values = npt.NDArray[Any] | Blocks | Groups


class StoredIn:
    """What a family may ask about the weights of a checkpoint: models.model.StoredTensors."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._names = frozenset(checkpoint.names())

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def equal(self, one: str, other: str) -> bool:
        """Whether two tensors have the same values, read a block of rows at a time."""
        stored, its_other = self._checkpoint.stored(one), self._checkpoint.stored(other)
        if stored.shape != its_other.shape:
            return False
        step = max(1, BLOCK_VALUES // math.prod(stored.shape[1:]))
        ranges = ((start, min(start + step, stored.shape[0])) for start in range(0, stored.shape[0], step))
        return all(np.array_equal(self._values(one, rows), self._values(other, rows)) for rows in ranges)

    def _values(self, name: str, rows: tuple[int, int]) -> npt.NDArray[np.float32]:
        return float_values(self._checkpoint.read(name, *rows))


def check_sources(specs: Iterable[TensorSpec], checkpoint: Checkpoint) -> None:
    """``invalid_checkpoint`` for a source tensor that is missing or has another shape than its specification;
    ``unsupported`` for a tensor of a layer that nothing reads, since the model then computes what the plan does not."""
    names = set(checkpoint.names())
    specs = list(specs)
    _check_all_read(specs, names)
    for spec in specs:
        for source in spec.sources:
            if source.optional and source.name not in names:
                continue
            columns = (source.columns,) if source.columns else spec.shape[1:]
            _check_shape(source.name, (source.stored_rows, *columns), checkpoint)
            if source.plus_row_of:
                rows = checkpoint.stored(source.plus_row_of).shape[0]
                _check_shape(source.plus_row_of, (rows, *spec.shape[1:]), checkpoint)


def row_blocks(spec: TensorSpec, checkpoint: Checkpoint) -> Iterator[tuple[str, Values]]:
    """(source, its next rows), as they are stored unless a rule computes them; at most BLOCK_VALUES at a time."""
    names = set(checkpoint.names())
    width = math.prod(spec.shape[1:])
    step = max(1, BLOCK_VALUES // width)
    for source in spec.sources:
        if source.optional and source.name not in names:
            for start in range(0, source.rows, step):
                yield source.name, np.zeros((min(step, source.rows - start), *spec.shape[1:]), np.float32)
            continue
        added = _added(source, checkpoint)
        for ranges in pieces(source, step):
            values = _joined([checkpoint.read(source.name, start, stop) for start, stop in ranges])
            if source.computes:
                values = float_values(values) + added
            yield source.name, float_values(values).reshape(-1) if source.columns else values


def read_tensor(spec: TensorSpec, checkpoint: Checkpoint) -> npt.NDArray[np.float32]:
    """The whole tensor in float32, as the checkpoint means it."""
    return np.concatenate([float_values(values) for _, values in row_blocks(spec, checkpoint)])


def float_values(values: Values) -> npt.NDArray[np.float32]:
    if isinstance(values, Groups):
        return values.dequantized()
    return dequantize_blocks(values) if isinstance(values, Blocks) else values.astype(np.float32, copy=False)


def _check_all_read(specs: Iterable[TensorSpec], names: set[str]) -> None:
    sources = {source.name for spec in specs for source in spec.sources}
    layers = {match[0] for name in sources if (match := WITHIN_LAYER.match(name))}
    for name in sorted(names - sources):
        match = WITHIN_LAYER.match(name)
        if match and match[0] in layers and not name.endswith(NEVER_READ):
            raise NomoatError(
                "unsupported",
                f"The checkpoint has {name[:120]}, which models of its architecture do not have: what it is for is not "
                "supported.",
                tensor=name[:120],
            )


def _check_shape(name: str, expected: tuple[int, ...], checkpoint: Checkpoint) -> None:
    found = checkpoint.stored(name).shape
    squeezed = (found[0], *(size for size in found[1:] if size > 1))  # Filters are (channels, 1, taps).
    if found != expected and (len(found) < 3 or squeezed != expected):
        raise NomoatError(
            "invalid_checkpoint",
            f"{name} has the shape {list(found)}, but the configuration calls for {list(expected)}. Check that "
            "config.json belongs to these weights.",
            tensor=name,
        )


def _added(source: Source, checkpoint: Checkpoint) -> npt.NDArray[np.float32]:
    """What is added to every row: a number or a row."""
    row = float_values(checkpoint.read(source.plus_row_of, 0, 1))[0] if source.plus_row_of else np.float32(0)
    return np.asarray(row + np.float32(source.plus), np.float32)


def pieces(source: Source, step: int) -> Iterator[list[tuple[int, int]]]:
    """Ranges of stored rows, in groups of at most ``step`` rows."""
    if not source.block:
        rows = source.stored_rows
        yield from ([(start, min(start + step, rows))] for start in range(0, rows, step))
        return
    ranges: list[tuple[int, int]] = []
    filled = 0
    for block in range(source.rows // source.block):
        start = source.first + block * source.stride
        for low in range(start, start + source.block, step):
            piece = (low, min(low + step, start + source.block))
            if ranges and filled + piece[1] - piece[0] > step:
                yield ranges
                ranges, filled = [], 0
            ranges.append(piece)
            filled += piece[1] - piece[0]
    if ranges:
        yield ranges


def _joined(values: list[Any]) -> Values:
    if len(values) == 1:
        first: Values = values[0]
        return first
    if isinstance(values[0], Blocks):
        return Blocks(values[0].kind, np.concatenate([piece.data for piece in values]))
    if isinstance(values[0], Groups):
        words, scales = (np.concatenate([getattr(piece, name) for piece in values]) for name in ("words", "scales"))
        return replace(values[0], words=words, scales=scales)
    return np.concatenate(values)
