"""What every checkpoint offers: a Hugging Face configuration, and tensors that are read a block of rows at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

FloatKind = Literal["float32", "float16", "bfloat16"]
BlockKind = Literal[
    "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "MXFP4"
]
GroupKind = Literal["q4f16_1", "q4f32_1"]
SourceFormat = Literal["safetensors", "gguf", "mlc", "config"]
FLOAT_KIND_BYTES: dict[str, int] = {"float32": 4, "float16": 2, "bfloat16": 2}
# Values and bytes of one ggml block.
BLOCK_SIZES: dict[str, tuple[int, int]] = {
    "Q4_0": (32, 18), "Q4_1": (32, 20), "Q5_0": (32, 22), "Q5_1": (32, 24), "Q8_0": (32, 34),
    "Q2_K": (256, 84), "Q3_K": (256, 110), "Q4_K": (256, 144), "Q5_K": (256, 176), "Q6_K": (256, 210),
    "IQ4_NL": (32, 18), "IQ4_XS": (256, 136), "MXFP4": (32, 17),
}  # fmt: skip


@dataclass(frozen=True)
class StoredTensor:
    """One tensor as it lies in the file, without its data. ``shape`` is (rows, columns) or (rows,)."""

    name: str
    shape: tuple[int, ...]
    kind: FloatKind | BlockKind | GroupKind

    @property
    def row_bytes(self) -> int:
        columns = math.prod(self.shape[1:])
        if self.kind in BLOCK_SIZES:
            values, nbytes = BLOCK_SIZES[self.kind]
            return columns // values * nbytes
        return columns * FLOAT_KIND_BYTES[self.kind]

    @property
    def nbytes(self) -> int:
        return self.row_bytes * self.shape[0]


# Of MLC's group quantization with 4 bits: columns of a group, values of a word, what stands for zero.
GROUP_COLUMNS, WORD_VALUES, GROUP_ZERO = 32, 8, 7


@dataclass(frozen=True)
class Groups:
    """Rows of MLC's groups as they lie in the file: w = (q - 7) * scale, value r of a word at bit 4 r.

    ``words`` is uint32 [rows, 4 * groups], ``scales`` float16 (q4f16_1) or bfloat16 (q4f32_1) [rows, groups].
    """

    kind: GroupKind
    words: npt.NDArray[np.uint32]
    scales: npt.NDArray[Any]
    columns: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.words.shape[0], self.columns

    def dequantized(self) -> npt.NDArray[np.float32]:
        """float32 [rows, columns]."""
        shifts = np.arange(WORD_VALUES, dtype=np.uint32) * np.uint32(4)
        q = (self.words[..., None] >> shifts) & np.uint32(15)  # [rows, words, 8]
        groups = q.reshape(*self.scales.shape, GROUP_COLUMNS).astype(np.float32) - np.float32(GROUP_ZERO)
        values = groups * self.scales.astype(np.float32)[..., None]
        return values.reshape(self.words.shape[0], -1)[:, : self.columns]


@dataclass(frozen=True)
class Blocks:
    """Rows of ggml blocks as they lie in the file: ``data`` is uint8 [rows, row_bytes]."""

    kind: BlockKind
    data: npt.NDArray[np.uint8]


class Checkpoint(Protocol):
    """An open checkpoint. ``read`` takes only the rows asked for, so memory follows the caller's block size."""

    @property
    def config(self) -> Mapping[str, Any]:
        """config.json with Hugging Face's names."""
        ...

    @property
    def source(self) -> str:
        """Base name or hub id: what provenance may say, never a path."""
        ...

    @property
    def source_format(self) -> SourceFormat: ...

    @property
    def license(self) -> str | None: ...

    @property
    def quantization(self) -> str | None:
        """What keeps the weights as they are, where that has a name: MLC's."""
        ...

    def names(self) -> list[str]:
        """Hugging Face tensor names, sorted."""
        ...

    def stored(self, name: str) -> StoredTensor:
        """The tensor's shape and kind; ``invalid_checkpoint`` where there is none of this name."""
        ...

    def read(self, name: str, start: int = 0, stop: int | None = None) -> npt.NDArray[Any] | Blocks | Groups:
        """Rows ``start`` to ``stop`` (all by default) in Hugging Face's order."""
        ...

    def tokenizer_files(self) -> dict[str, bytes]:
        """tokenizer.json, tokenizer_config.json, chat_template.jinja and generation_config.json, as far as there."""
        ...

    def close(self) -> None: ...
