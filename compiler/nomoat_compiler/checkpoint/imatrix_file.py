"""llama.cpp's importance matrices: for each matrix the mean square of every input, in the order of its columns.

GGUF (general.type "imatrix"): float32 tensors ``NAME.in_sum2`` [matrices, columns] and ``NAME.counts`` [matrices, 1].
The older .dat, little-endian: int32 entries; of each int32 length, name, int32 calls, int32 values, float32 values
(calls times the mean); behind them what was run, which is not read. Source: tools/imatrix/imatrix.cpp and
common/imatrix-loader.cpp of llama.cpp. Every count is compared with the file's size before anything is allocated.
"""

from __future__ import annotations

import math
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import NomoatError
from .byte_ranges import ByteRanges
from .gguf_header import MAGIC, MAX_NAME_BYTES, GgufTensor, read_gguf_header

MAX_FILE_BYTES = 1 << 30  # One of a model with 400 billion weights has some hundred MB.
MAX_ENTRIES = 65_536
SUMS, COUNTS = ".in_sum2", ".counts"
Float32 = npt.NDArray[np.float32]


def read_imatrix(path: Path) -> dict[str, Float32]:
    """GGUF name of a weight -> mean squares [columns], finite and not negative.

    ``invalid_checkpoint`` for a file that is truncated, lies about its counts, or holds other numbers; ``unsupported``
    for one of a model with experts, whose entries have a row for each.
    """
    if not path.is_file():
        raise NomoatError("invalid_request", f"There is no file {path.name}: --imatrix takes llama.cpp's imatrix file.")
    with closing(ByteRanges(path)) as file:
        if file.nbytes > MAX_FILE_BYTES:
            raise _invalid(path, f"has {file.nbytes} bytes; at most {MAX_FILE_BYTES} are accepted")
        entries = _gguf_entries(file) if bytes(file.read(0, min(4, file.nbytes))) == MAGIC else _dat_entries(file)
    for name, values in entries.items():
        if not (np.isfinite(values).all() and (values >= 0).all()):
            raise _invalid(path, f"has a value for {name} that is no mean of squares (NaN, infinite or negative)")
    return entries


def _gguf_entries(file: ByteRanges) -> dict[str, Float32]:
    with file.path.open("rb") as header_file:
        header = read_gguf_header(header_file, file.path.name, file.nbytes)
    if header.metadata.get("general.type") != "imatrix":
        raise _invalid(file.path, "is a GGUF file of another type: its general.type is not imatrix")
    entries: dict[str, Float32] = {}
    for name in sorted(header.tensors):
        if not name.endswith(SUMS):
            continue
        weight = name.removesuffix(SUMS)
        sums = _floats(file, header.tensors[name])
        if weight + COUNTS not in header.tensors:
            raise _invalid(file.path, f"has {name} but no {weight + COUNTS}")
        counts = _floats(file, header.tensors[weight + COUNTS]).reshape(-1)
        _refuse_experts(file.path, weight, math.prod(sums.shape[:-1]), counts.size)
        # As llama.cpp does: without a count nothing is known, and every column matters alike.
        entries[weight] = sums.reshape(-1) / counts[0] if counts[0] > 0 else np.ones(sums.size, np.float32)
    if not entries:
        raise _invalid(file.path, f"has no tensor NAME{SUMS}")
    return entries


def _floats(file: ByteRanges, tensor: GgufTensor) -> Float32:
    if tensor.type_name != "F32":
        raise _invalid(file.path, f"stores {tensor.name} as {tensor.type_name}, not F32")
    return file.read(tensor.offset, tensor.nbytes).view("<f4").reshape(tensor.shape)


def _refuse_experts(path: Path, name: str, matrices: int, counts: int) -> None:
    if matrices != 1 or counts != 1:
        raise NomoatError(
            "unsupported",
            f"{path.name} has {max(matrices, counts)} matrices for {name}: models with experts are not supported.",
            tensor=name,
        )


def _dat_entries(file: ByteRanges) -> dict[str, Float32]:
    position = 0

    def take(nbytes: int, what: str) -> npt.NDArray[np.uint8]:
        nonlocal position
        if position + nbytes > file.nbytes:
            raise _invalid(file.path, f"ends inside {what} (byte {position} of {file.nbytes})")
        position += nbytes
        return file.read(position - nbytes, nbytes)

    def count(what: str, maximum: int) -> int:
        value = int(take(4, what).view("<i4")[0])
        if not 1 <= value <= maximum:
            raise _invalid(file.path, f"gives {value} as {what}; 1 to {maximum} are accepted")
        return value

    entries: dict[str, Float32] = {}
    for _ in range(count("the number of entries", MAX_ENTRIES)):
        try:
            name = bytes(take(count("the length of a name", MAX_NAME_BYTES), "a name")).decode()
        except UnicodeDecodeError:
            raise _invalid(file.path, "has a name that is not UTF-8") from None
        if name in entries:
            raise _invalid(file.path, f"has the entry {name} twice")
        calls = int(take(4, f"the calls of {name}").view("<i4")[0])
        values: Float32 = take(4 * count(f"the values of {name}", MAX_FILE_BYTES // 4), name).view("<f4")
        entries[name] = values / np.float32(max(calls, 1))
    return entries


def _invalid(path: Path, problem: str) -> NomoatError:
    return NomoatError(
        "invalid_checkpoint",
        f"{path.name} {problem}. --imatrix takes what llama.cpp's llama-imatrix writes.",
        file=path.name,
    )
