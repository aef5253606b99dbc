"""A checkpoint with an adapter folded into its weights: W + scale · B · A, made a block of rows at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checkpoint.checkpoint import Blocks, Checkpoint, Groups, SourceFormat, StoredTensor
from ..program.tensor_spec import TensorSpec
from ..quantize.sources import float_values
from .peft_folder import PeftFolder
from .targets import SUFFIX, find_targets

Matrices = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


class MergedCheckpoint:
    """``base`` with ``adapter`` in it; what the adapter changes is float32, whatever the base has there.

    ``specs``: the tensors of the base's plan. Errors: those of ``find_targets``. Closes both.
    """

    def __init__(self, base: Checkpoint, adapter: PeftFolder, specs: Sequence[TensorSpec]) -> None:
        self._base, self._adapter = base, adapter
        self._scales = {target.path + SUFFIX: target.scale for target in find_targets(adapter, specs)}
        # The blocks of one tensor are read one after the other.
        self._matrices = lru_cache(maxsize=1)(adapter.matrices)

    @property
    def config(self) -> Mapping[str, Any]:
        return self._base.config

    @property
    def source(self) -> str:
        name = self._base.source.rsplit("/", 1)[-1]
        return f"{name.removesuffix('.gguf')}+{self._adapter.name}"

    @property
    def source_format(self) -> SourceFormat:
        return self._base.source_format

    @property
    def license(self) -> str | None:
        return self._base.license

    @property
    def quantization(self) -> str | None:
        return self._base.quantization

    def names(self) -> list[str]:
        return self._base.names()

    def stored(self, name: str) -> StoredTensor:
        stored = self._base.stored(name)
        return StoredTensor(name, stored.shape, "float32") if name in self._scales else stored

    def read(self, name: str, start: int = 0, stop: int | None = None) -> npt.NDArray[Any] | Blocks | Groups:
        rows = self._base.read(name, start, stop)
        scale = self._scales.get(name)
        if scale is None:
            return rows
        values = float_values(rows)
        a, b = self._matrices(name.removesuffix(SUFFIX))  # (r, columns), (all rows, r)
        merged: npt.NDArray[np.float32] = values + np.float32(scale) * (b[start:stop] @ a)
        return merged

    def tokenizer_files(self) -> dict[str, bytes]:
        return self._base.tokenizer_files()

    def close(self) -> None:
        self._adapter.close()
        self._base.close()
