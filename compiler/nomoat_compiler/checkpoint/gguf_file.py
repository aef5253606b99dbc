"""A GGUF file of a Llama: floats and ggml's blocks (``BlockKind``) under Hugging Face's names and row order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import ml_dtypes
import numpy as np
import numpy.typing as npt

from ..errors import NomoatError
from .byte_ranges import ByteRanges
from .checkpoint import BLOCK_SIZES, BlockKind, Blocks, FloatKind, SourceFormat, StoredTensor
from .gguf_config import ROPE_DIVISORS, huggingface_config, huggingface_name
from .gguf_header import GgufHeader, GgufTensor, read_gguf_header
from .gguf_tokenizer import tokenizer_files_from_gguf
from .gguf_values import integer, text
from .huggingface import missing_tensor

# get_args gives plain strings; that they are the literals of BlockKind is what mypy cannot see.
KINDS: dict[str, FloatKind | BlockKind] = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"} | {
    kind: kind for kind in get_args(BlockKind)
}  # type: ignore[assignment]
DTYPES: dict[str, npt.DTypeLike] = {
    "float32": np.dtype("<f4"), "float16": np.dtype("<f2"), "bfloat16": np.dtype(ml_dtypes.bfloat16),
}  # fmt: skip
HEADER_BUFFER_BYTES = 1 << 20


class GgufCheckpoint:
    """llama.cpp permutes the rows of q_proj and k_proj for its interleaved RoPE; ``read`` undoes it.

    A row is a whole number of blocks, so un-permuting moves packed rows and dequantizes nothing.
    """

    source_format: SourceFormat = "gguf"

    def __init__(self, path: Path) -> None:
        self.source = path.name
        self._file = ByteRanges(path)
        try:
            self._header = _read_header(path, self._file.nbytes)
            self._tensors = self._named_tensors()
            self.config: Mapping[str, Any] = huggingface_config(self._header, self._rope_divisors())
            self.license = (text(self._header.metadata, "general.license") or "")[:200] or None
        except BaseException:
            self.close()
            raise

    def names(self) -> list[str]:
        return sorted(self._tensors)

    def stored(self, name: str) -> StoredTensor:
        tensor = self._tensor(name)
        return StoredTensor(name, tensor.shape, KINDS[tensor.type_name])

    def read(self, name: str, start: int = 0, stop: int | None = None) -> npt.NDArray[Any] | Blocks:
        stored = self.stored(name)
        stop = stored.shape[0] if stop is None else stop
        if _is_permuted(name):
            data = self._read_unpermuted(name, stored, start, stop)
        else:
            data = self._read_rows(name, stored, start, stop)
        if stored.kind in BLOCK_SIZES:  # A lookup narrows no type, so mypy still sees float kinds here.
            return Blocks(stored.kind, data)  # type: ignore[arg-type]
        return data.view(DTYPES[stored.kind]).reshape(stop - start, *stored.shape[1:])

    def tokenizer_files(self) -> dict[str, bytes]:
        files = tokenizer_files_from_gguf(self._header.metadata)
        token_count = len(self._header.metadata["tokenizer.ggml.tokens"])
        if token_count > self.config["vocab_size"]:
            raise NomoatError(
                "invalid_checkpoint",
                f"The file has {token_count} tokens, but token_embd.weight has {self.config['vocab_size']} rows.",
                tensor="token_embd.weight",
            )
        return files

    def close(self) -> None:
        self._file.close()

    def _read_rows(self, name: str, stored: StoredTensor, start: int, stop: int) -> npt.NDArray[np.uint8]:
        offset = self._tensor(name).offset + start * stored.row_bytes
        return self._file.read(offset, (stop - start) * stored.row_bytes).reshape(stop - start, stored.row_bytes)

    def _read_unpermuted(self, name: str, stored: StoredTensor, start: int, stop: int) -> npt.NDArray[np.uint8]:
        """Whole heads around the rows asked for: row (half, i) of a head is row (i, half) in the file."""
        heads_key = "num_attention_heads" if ".q_proj." in name else "num_key_value_heads"
        head_dim, remainder = divmod(stored.shape[0], self.config[heads_key])
        if remainder or head_dim % 2:
            raise NomoatError(
                "invalid_checkpoint",
                f"{name} has {stored.shape[0]} rows, which {self.config[heads_key]} heads of even size cannot have.",
                tensor=name,
            )
        first, last = start // head_dim * head_dim, -(-stop // head_dim) * head_dim
        packed = self._read_rows(name, stored, first, last)
        heads = packed.reshape(-1, head_dim // 2, 2, stored.row_bytes).swapaxes(1, 2)
        return np.ascontiguousarray(heads.reshape(last - first, stored.row_bytes)[start - first : stop - first])

    def _tensor(self, name: str) -> GgufTensor:
        if name not in self._tensors:
            raise missing_tensor(name, self.source)
        return self._tensors[name]

    def _named_tensors(self) -> dict[str, GgufTensor]:
        if text(self._header.metadata, "general.architecture") != "llama":
            return {}  # huggingface_config says so with the right code.
        if integer(self._header.metadata, "split.count", 1, minimum=0) > 1:
            raise NomoatError(
                "unsupported", f"{self.source} is one part of a split GGUF; merge them with llama-gguf-split --merge."
            )
        named: dict[str, GgufTensor] = {}
        for tensor in self._header.tensors.values():
            if tensor.type_name not in KINDS:
                raise NomoatError(
                    "unsupported",
                    f"{tensor.name} is stored as {tensor.type_name}; {', '.join(KINDS)} are supported. "
                    "Use a file in one of these types, or compile from the original checkpoint.",
                    tensor=tensor.name,
                    type=tensor.type_name,
                )
            if tensor.name == ROPE_DIVISORS:
                continue
            name = huggingface_name(tensor.name)
            if name is None or len(tensor.shape) > 2:
                raise NomoatError(
                    "unsupported",
                    f"The tensor {tensor.name} {list(tensor.shape)} does not belong to the Llama architecture.",
                    tensor=tensor.name,
                )
            named[name] = tensor
        return named

    def _rope_divisors(self) -> npt.NDArray[np.float32] | None:
        tensor = self._header.tensors.get(ROPE_DIVISORS)
        if tensor is None:
            return None
        if tensor.type_name != "F32":
            raise NomoatError("unsupported", f"{ROPE_DIVISORS} is stored as {tensor.type_name}, not F32.")
        return self._file.read(tensor.offset, tensor.nbytes).view("<f4")


def _read_header(path: Path, file_bytes: int) -> GgufHeader:
    with open(path, "rb", buffering=HEADER_BUFFER_BYTES) as file:
        return read_gguf_header(file, path.name, file_bytes)


def _is_permuted(name: str) -> bool:
    return ".self_attn.q_proj." in name or ".self_attn.k_proj." in name
