"""A GGUF file, or the parts of a split one: name-00001-of-00003.gguf, each with a header of its own.

The first part has the metadata, every part says its number (``split.no``, from 0), how many there are (``split.count``)
and how many tensors they have together (``split.tensors.count``). Source: llama-gguf-split of llama.cpp.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import NomoatError
from .byte_ranges import ByteRanges
from .gguf_header import GgufHeader, GgufTensor, read_gguf_header
from .gguf_values import integer

PART_NAME = re.compile(r"^(?P<name>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf$", re.IGNORECASE)
HEADER_BUFFER_BYTES = 1 << 20
MAX_PARTS = 1_000


@dataclass
class GgufParts:
    """The open files, the metadata, and each tensor with the file that it lies in."""

    files: list[ByteRanges]
    metadata: dict[str, Any]
    located: dict[str, tuple[ByteRanges, GgufTensor]]

    @property
    def tensors(self) -> dict[str, GgufTensor]:
        return {name: tensor for name, (_, tensor) in self.located.items()}

    def close(self) -> None:
        for file in self.files:
            file.close()


def first_parts(names: Iterable[str]) -> list[str]:
    """The GGUF models among the files of a folder: parts of a model count once, projectors of vision models do not."""
    models: dict[str, str] = {}
    for name in sorted(names):
        if name.lower().endswith(".gguf") and not name.lower().startswith("mmproj"):
            match = PART_NAME.match(name)
            models.setdefault(match["name"] + match["count"] if match else name, name)
    return sorted(models.values())


def open_gguf(path: Path) -> GgufParts:
    """Opens ``path``, and with any part of a split model all others; ``invalid_checkpoint`` where they do not fit."""
    parts = GgufParts([], {}, {})
    try:
        header = _add(parts, path)
        count = integer(header.metadata, "split.count", 1, minimum=0)
        if count <= 1:
            parts.metadata = header.metadata
            return parts
        parts.close()
        return _open_split(path, count)
    except BaseException:
        parts.close()
        raise


def _open_split(path: Path, count: int) -> GgufParts:
    parts = GgufParts([], {}, {})
    try:
        tensor_count = 0
        for number, part_path in enumerate(_part_paths(path, count)):
            header = _add(parts, part_path)
            said = tuple(integer(header.metadata, f"split.{key}", -1, minimum=0) for key in ("no", "count"))
            if said != (number, count):
                raise _mixed(part_path.name, f"says that it is part {said[0] + 1} of {said[1]}")
            tensor_count = integer(header.metadata, "split.tensors.count", tensor_count, minimum=0)
            if number == 0:
                parts.metadata = header.metadata
        if tensor_count and tensor_count != len(parts.located):
            raise _mixed(path.name, f"and the others have {len(parts.located)} tensors together, not {tensor_count}")
    except BaseException:
        parts.close()
        raise
    return parts


def _part_paths(path: Path, count: int) -> list[Path]:
    match = PART_NAME.match(path.name)
    if match is None or int(match["count"]) != count or count > MAX_PARTS:
        raise NomoatError(
            "invalid_checkpoint",
            f"{path.name} is one of {count} parts of a model; parts are called NAME-00001-of-{count:05d}.gguf, and all "
            "must be in one folder. Rename them.",
            file=path.name,
        )
    paths = [path.with_name(f"{match['name']}-{i + 1:05d}-of-{match['count']}.gguf") for i in range(count)]
    missing = next((part for part in paths if not part.is_file()), None)
    if missing is not None:
        raise NomoatError(
            "invalid_checkpoint",
            f"{path.name} is one of {count} parts, but {missing.name} is not in its folder. Download it.",
            file=missing.name,
        )
    return paths


def _add(parts: GgufParts, path: Path) -> GgufHeader:
    file = ByteRanges(path)
    parts.files.append(file)
    with open(path, "rb", buffering=HEADER_BUFFER_BYTES) as stream:
        header = read_gguf_header(stream, path.name, file.nbytes)
    for name, tensor in header.tensors.items():
        if name in parts.located:
            raise _mixed(path.name, f"has the tensor {name}, which is in {parts.located[name][0].path.name} too")
        parts.located[name] = (file, tensor)
    return header


def _mixed(file: str, problem: str) -> NomoatError:
    return NomoatError(
        "invalid_checkpoint",
        f"{file} {problem}: parts of different models or versions are mixed. Download all of them again.",
        file=file,
    )
