"""A folder that PEFT wrote: its configuration, and the matrices A and B of each adapted module."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..checkpoint.byte_ranges import ByteRanges
from ..checkpoint.checkpoint import StoredTensor
from ..checkpoint.huggingface import DTYPES
from ..checkpoint.safetensors_header import read_safetensors_header
from ..errors import NomoatError
from .peft_config import CONFIG_NAME, PeftConfig

WEIGHTS_NAME = "adapter_model.safetensors"
# base_model.model. is PEFT's own wrapping; older versions kept the adapter's name, "default".
TENSOR_NAME = re.compile(r"base_model\.model\.(.{1,300})\.lora_([AB])(?:\.default)?\.weight")


@dataclass(frozen=True)
class LoraPair:
    """A (r, columns) and B (rows, r) of one module, as they lie in the file."""

    a: tuple[StoredTensor, int]
    b: tuple[StoredTensor, int]


class PeftFolder:
    """An open adapter; close it when done. Errors: ``model_not_found``, ``invalid_checkpoint``, ``unsupported``."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.resolve().name
        if not (folder / CONFIG_NAME).is_file():
            raise NomoatError("model_not_found", f"{self.name} is no PEFT adapter: it has no {CONFIG_NAME}.")
        self.config = PeftConfig.read(folder)
        if not (folder / WEIGHTS_NAME).is_file():
            raise _without_weights(folder, self.name)
        self._file = ByteRanges(folder / WEIGHTS_NAME)
        try:
            self.pairs = self._read_pairs()
        except BaseException:
            self.close()
            raise

    def matrices(self, path: str) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """A (r, columns) and B (rows, r) of the module at ``path``; ``invalid_checkpoint`` for NaN and infinity."""
        pair = self.pairs[path]
        return self._read(*pair.a), self._read(*pair.b)

    def close(self) -> None:
        self._file.close()

    def _read_pairs(self) -> dict[str, LoraPair]:
        halves: dict[str, dict[str, tuple[StoredTensor, int]]] = {}
        for name, entry in read_safetensors_header(self._file).items():
            match = TENSOR_NAME.fullmatch(name)
            if match is None:
                raise NomoatError(
                    "unsupported",
                    f"{self.name} holds the tensor {name[:200]}. Only lora_A and lora_B of matrices are read: neither "
                    "embeddings, nor biases, nor modules saved whole.",
                    tensor=name[:200],
                )
            if entry.stored is None or len(entry.stored.shape) != 2:
                raise NomoatError(
                    "unsupported", f"{name} is stored as {entry.dtype}; it must be a matrix in F32, F16 or BF16.",
                    tensor=name,
                )  # fmt: skip
            if match[2] in halves.setdefault(match[1], {}):
                raise NomoatError("invalid_checkpoint", f"{WEIGHTS_NAME} has {name} twice.", tensor=name)
            halves[match[1]][match[2]] = (entry.stored, entry.offset)
        for path, half in halves.items():
            if len(half) < 2:
                missing = "A" if "B" in half else "B"
                raise NomoatError("invalid_checkpoint", f"{WEIGHTS_NAME} lacks lora_{missing} of {path}.", tensor=path)
        if not halves:
            raise NomoatError("invalid_checkpoint", f"{WEIGHTS_NAME} holds no tensor.")
        return {path: LoraPair(half["A"], half["B"]) for path, half in sorted(halves.items())}

    def _read(self, tensor: StoredTensor, offset: int) -> npt.NDArray[np.float32]:
        data = self._file.read(offset, tensor.nbytes).view(DTYPES[tensor.kind])
        values = data.reshape(tensor.shape).astype(np.float32)
        if not np.isfinite(values).all():
            raise NomoatError(
                "invalid_checkpoint", f"{tensor.name} holds a value that is NaN or infinite.", tensor=tensor.name
            )
        return values


def is_peft_folder(path: Path) -> bool:
    return (path / CONFIG_NAME).is_file()


def _without_weights(folder: Path, name: str) -> NomoatError:
    if (folder / "adapter_model.bin").is_file():
        return NomoatError(
            "unsupported",
            f"{name} has adapter_model.bin, a PyTorch pickle, which can run code when it is loaded. Save the adapter "
            "again with PEFT: model.save_pretrained(folder).",
        )
    return NomoatError("model_not_found", f"{name} has no {WEIGHTS_NAME}.")
