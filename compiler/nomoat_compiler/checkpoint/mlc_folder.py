"""An MLC folder (``*-MLC`` on the hub): weights of mlc-llm and WebLLM under Hugging Face's names.

4-bit groups are given as they lie (``Groups``), also those of q4f16_0, whose arrays are transposed. q3f16_1 has groups
of 40 columns, which no scheme of ours has: it is given as numbers, exactly (docs/decisions/0132).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import NomoatError, NomoatWarning
from .checkpoint import FloatKind, GroupKind, Groups, SourceFormat, StoredTensor
from .huggingface import missing_tensor, read_license
from .json_file import read_json_object
from .mlc_config import CONFIG_NAME, MODEL_TYPES, MlcTensor, config_from_mlc, mlc_tensors, quantization_of
from .mlc_index import MlcArray, MlcShard, read_mlc_index
from .mlc_tokenizer import tokenizer_files_of_mlc

MAX_CONFIG_BYTES = 4 << 20
GROUP_SIZES = {"q4f16_1": 32, "q4f32_1": 32, "q4f16_0": 32, "q3f16_1": 40}
WORD_VALUES = {"q4f16_1": 8, "q4f32_1": 8, "q4f16_0": 8, "q3f16_1": 10}
KINDS: dict[str, GroupKind] = {"q4f16_1": "q4f16_1", "q4f16_0": "q4f16_1", "q4f32_1": "q4f32_1"}
SCALE_DTYPES = {"q4f16_1": "float16", "q4f16_0": "float16", "q3f16_1": "float16", "q4f32_1": "bfloat16"}
FLOAT_KINDS: dict[str, FloatKind] = {"float16": "float16", "float32": "float32", "bfloat16": "bfloat16"}
Located = tuple[MlcShard, MlcArray]
# The figures are those of normal weights (docs/decisions/0132).
STORED_AGAIN = (
    "q3f16_1 has groups of 40 weights, which no kernel here has: the weights are read exactly and stored again. In q4 "
    "matrices of 4 bits change by 5.7 % (q3f16_1 itself is 23.5 % from what it was made of, both together 24.1 %), of "
    "5 bits by 1.6 %, with --quantization q8 by 0.5 %, with f32 not at all."
)


class MlcCheckpoint:
    """One open file per shard; of a transposed tensor, the array that was read last is kept."""

    source_format: SourceFormat = "mlc"

    def __init__(self, folder: Path, source: str) -> None:
        self.folder = folder
        self.source = source
        self.license = read_license(folder)
        self._mlc = read_json_object(folder / CONFIG_NAME, max_bytes=MAX_CONFIG_BYTES)
        self._scheme = quantization_of(self._mlc)
        if self._scheme == "q3f16_1":
            warnings.warn(STORED_AGAIN, NomoatWarning, stacklevel=2)
        self.quantization = {"q4f16_0": "q4f16_1", "q3f16_1": None}.get(self._scheme, self._scheme)
        self._index = read_mlc_index(folder)
        self._transposed: tuple[str, npt.NDArray[Any]] | None = None
        try:
            has_head = any(name.startswith("lm_head.") for name in self._index.arrays)
            self.config: Mapping[str, Any] = config_from_mlc(self._mlc, has_head=has_head)
            places = mlc_tensors(self.config)
            self._places = {name: stack for name, place in places.items() if (stack := self._stack(place))}
            self._tensors = {name: places[name] for name in self._places}
            if MODEL_TYPES[self.config["model_type"]][1] or self._has_bias():
                self.config = {**self.config, "attention_bias": self._has_bias()}
        except BaseException:
            self.close()
            raise

    def names(self) -> list[str]:
        return sorted(self._tensors)

    def stored(self, name: str) -> StoredTensor:
        tensor, stack = self._tensor(name)
        shape = (tensor.rows,) if tensor.columns is None else (tensor.rows, tensor.columns)
        plain = self._index.arrays.get(f"{stack}.{tensor.suffix}")
        if plain is None:
            self._quantized(name)
            return StoredTensor(name, shape, KINDS.get(self._scheme, "float32"))
        array = plain[1]
        if array.shape[1:] != shape[1:] or tensor.start + tensor.rows > array.shape[0] or array.dtype.kind == "u":
            raise self._wrong_shape(array, shape)
        return StoredTensor(name, shape, FLOAT_KINDS[array.dtype.name])

    def read(self, name: str, start: int = 0, stop: int | None = None) -> npt.NDArray[Any] | Groups:
        tensor, stack = self._tensor(name)
        kind = self.stored(name).kind
        stop = tensor.rows if stop is None else stop
        first, last = tensor.start + start, tensor.start + stop
        plain = self._index.arrays.get(f"{stack}.{tensor.suffix}")
        if plain is not None:
            return plain[0].read(plain[1], first, last)
        assert tensor.columns is not None
        words, scales, is_transposed = self._quantized(name)
        rows = self._columns if is_transposed else self._rows
        found_words, found_scales = rows(words, first, last), rows(scales, first, last)
        if kind in ("q4f16_1", "q4f32_1"):
            return Groups(kind, found_words, found_scales, tensor.columns)
        return three_bit_values(found_words, found_scales, tensor.columns)

    def tokenizer_files(self) -> dict[str, bytes]:
        return tokenizer_files_of_mlc(self.folder, self._mlc, self.config)

    def close(self) -> None:
        self._index.close()

    def _has_bias(self) -> bool:
        return any(name.endswith(".q_proj.bias") for name in self._tensors)

    def _stack(self, place: MlcTensor) -> str | None:
        """The name of the stack under which the folder has the tensor."""
        endings = (place.suffix, "q_weight") if place.suffix == "weight" else (place.suffix,)
        return next((s for s in place.stacks if any(f"{s}.{e}" in self._index.arrays for e in endings)), None)

    def _tensor(self, name: str) -> tuple[MlcTensor, str]:
        if name not in self._tensors:
            raise missing_tensor(name, self.source)
        return self._tensors[name], self._places[name]

    def _quantized(self, name: str) -> tuple[Located, Located, bool]:
        """(words, scales, whether they are transposed) of the stack of ``name``, with checked shapes."""
        tensor, stack = self._tensor(name)
        arrays = self._index.arrays
        if self._scheme not in GROUP_SIZES or f"{stack}.q_scale" not in arrays or tensor.columns is None:
            raise NomoatError(
                "invalid_checkpoint",
                f"{stack} has {stack}.q_weight, which a folder in {self._scheme} cannot have without its scales.",
                tensor=name,
            )
        words, scales = arrays[f"{stack}.q_weight"], arrays[f"{stack}.q_scale"]
        groups = -(-tensor.columns // GROUP_SIZES[self._scheme])
        word_count = groups * GROUP_SIZES[self._scheme] // WORD_VALUES[self._scheme]
        rows = self._stack_rows(stack)
        # Only linear layers of q4f16_0 are transposed; its embedding is not.
        is_transposed = self._scheme == "q4f16_0" and stack != "model.embed_tokens"
        for (_, array), width in ((words, word_count), (scales, groups)):
            if array.shape != ((width, rows) if is_transposed else (rows, width)):
                raise self._wrong_shape(array, (rows, width))
        if words[1].dtype != np.uint32 or scales[1].dtype.name != SCALE_DTYPES[self._scheme]:
            raise NomoatError(
                "unsupported",
                f"{stack} has words of {words[1].dtype.name} and scales of {scales[1].dtype.name}; {self._scheme} has "
                f"uint32 and {SCALE_DTYPES[self._scheme]}.",
                tensor=name,
            )
        return words, scales, is_transposed

    def _stack_rows(self, stack: str) -> int:
        return max(t.start + t.rows for n, t in self._tensors.items() if self._places[n] == stack and t.columns)

    def _rows(self, located: Located, start: int, stop: int) -> npt.NDArray[Any]:
        return located[0].read(located[1], start, stop)

    def _columns(self, located: Located, start: int, stop: int) -> npt.NDArray[Any]:
        shard, array = located
        if array.name.endswith(".q_scale"):  # A 32nd of the words.
            return np.ascontiguousarray(shard.read(array, 0, array.shape[0])[:, start:stop].T)
        if self._transposed is None or self._transposed[0] != array.name:
            self._transposed = (array.name, shard.read(array, 0, array.shape[0]))
        return np.ascontiguousarray(self._transposed[1][:, start:stop].T)

    def _wrong_shape(self, array: MlcArray, shape: tuple[int, ...]) -> NomoatError:
        return NomoatError(
            "invalid_checkpoint",
            f"{array.name} has the shape {list(array.shape)}, but {CONFIG_NAME} calls for {list(shape)}. Check that "
            "both belong to one model.",
            tensor=array.name,
        )


def three_bit_values(words: npt.NDArray[np.uint32], scales: npt.NDArray[Any], columns: int) -> npt.NDArray[np.float32]:
    """q3f16_1: ten values of 3 bits a word, four words a group: w = (q - 3) * scale. float32 [rows, columns]."""
    shifts = np.arange(10, dtype=np.uint32) * np.uint32(3)
    q = (words[..., None] >> shifts) & np.uint32(7)
    groups = q.reshape(*scales.shape, 40).astype(np.float32) - np.float32(3)
    return (groups * scales.astype(np.float32)[..., None]).reshape(len(words), -1)[:, :columns]
