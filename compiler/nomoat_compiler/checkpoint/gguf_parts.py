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
        count = split_count(header.metadata)
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
            check_part(part_path.name, header.metadata, number, count)
            tensor_count = integer(header.metadata, "split.tensors.count", tensor_count, minimum=0)
            if number == 0:
                parts.metadata = header.metadata
        check_tensor_count(path.name, tensor_count, len(parts.located))
    except BaseException:
        parts.close()
        raise
    return parts


def split_count(metadata: dict[str, Any]) -> int:
    count: int = integer(metadata, "split.count", 1, minimum=0)
    return count


def part_names(name: str, count: int) -> list[str]:
    """All parts of a model of which ``name`` is one."""
    match = PART_NAME.match(name)
    if match is None or int(match["count"]) != count or count > MAX_PARTS:
        raise NomoatError(
            "invalid_checkpoint",
            f"{name} is one of {count} parts of a model; parts are called NAME-00001-of-{count:05d}.gguf, and all "
            "must be in one folder. Rename them.",
            file=name,
        )
    return [f"{match['name']}-{i + 1:05d}-of-{match['count']}.gguf" for i in range(count)]


def missing_part(name: str, count: int, missing: str) -> NomoatError:
    return NomoatError(
        "invalid_checkpoint",
        f"{name} is one of {count} parts, but {missing} is not in its folder. Download it.",
        file=missing,
    )


def check_part(name: str, metadata: dict[str, Any], number: int, count: int) -> None:
    """``invalid_checkpoint`` unless a part says that it is this one, ``number`` from 0, of so many."""
    own_number = integer(metadata, "split.no", -1, minimum=0)
    own_count = integer(metadata, "split.count", -1, minimum=0)
    if own_number != number or own_count != count:
        raise mixed_parts(name, f"says that it is part {own_number + 1} of {own_count}")


def check_tensor_count(name: str, said: int, found: int) -> None:
    if said and said != found:
        raise mixed_parts(name, f"and the others have {found} tensors together, not {said}")


def _part_paths(path: Path, count: int) -> list[Path]:
    paths = [path.with_name(name) for name in part_names(path.name, count)]
    missing = next((part for part in paths if not part.is_file()), None)
    if missing is not None:
        raise missing_part(path.name, count, missing.name)
    return paths


def _add(parts: GgufParts, path: Path) -> GgufHeader:
    file = ByteRanges(path)
    parts.files.append(file)
    with open(path, "rb", buffering=HEADER_BUFFER_BYTES) as stream:
        header = read_gguf_header(stream, path.name, file.nbytes)
    for name, tensor in header.tensors.items():
        if name in parts.located:
            raise twice(path.name, name, parts.located[name][0].path.name)
        parts.located[name] = (file, tensor)
    return header


def twice(file: str, tensor: str, other: str) -> NomoatError:
    return mixed_parts(file, f"has the tensor {tensor}, which is in {other} too")


def mixed_parts(file: str, problem: str) -> NomoatError:
    return NomoatError(
        "invalid_checkpoint",
        f"{file} {problem}: parts of different models or versions are mixed. Download all of them again.",
        file=file,
    )
