"""Which safetensors files of a folder hold the weights, and what lies in them.

As transformers: ``model.safetensors`` comes before an index, an index is a list of files, and which tensor lies where
is said by the files themselves. An index left behind by an earlier upload is no reason to refuse what is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import NomoatError
from .byte_ranges import ByteRanges
from .json_file import read_json_object
from .safetensors_header import SafetensorsEntry, read_safetensors_header

INDEX_NAME = "model.safetensors.index.json"
SINGLE_NAME = "model.safetensors"
SHARD_NAME = re.compile(r"^model-(\d{5})-of-(\d{5})\.safetensors$")
COMPARED_BYTES = 4 << 20


@dataclass
class WeightFiles:
    """Open files, and where each tensor lies."""

    files: list[ByteRanges] = field(default_factory=list)
    entries: dict[str, tuple[ByteRanges, SafetensorsEntry]] = field(default_factory=dict)

    def close(self) -> None:
        for file in self.files:
            file.close()

    def add(self, path: Path) -> None:
        """``invalid_checkpoint`` for a broken file, or one that holds another version of a tensor that is there."""
        file = ByteRanges(path)
        self.files.append(file)
        for name, entry in read_safetensors_header(file).items():
            if name in self.entries:
                _check_same_bytes(name, self.entries[name], (file, entry))
            else:
                self.entries[name] = (file, entry)


def has_weight_files(names: Iterable[str]) -> bool:
    """Whether a folder with files of these ``names`` has weights in safetensors."""
    return any(name in (SINGLE_NAME, INDEX_NAME) or SHARD_NAME.match(name) for name in names)


def open_weight_files(folder: Path) -> WeightFiles:
    """Close them when done. Errors: ``invalid_checkpoint``."""
    index_path, single = folder / INDEX_NAME, folder / SINGLE_NAME
    if not index_path.is_file():
        return _opened([single] if single.is_file() else _numbered_shards(folder))
    weight_map = _weight_map(index_path)
    shards = [folder / name for name in sorted(set(weight_map.values()))]
    absent = [shard for shard in shards if not shard.is_file()]
    if single.is_file():
        try:
            files = _opened([single])
        except NomoatError:
            if absent:
                raise
            return _opened(shards)
        if absent or weight_map.keys() <= files.entries.keys():
            return files
        files.close()  # Something else than the model that the index describes, which is there in full.
    elif absent:
        raise NomoatError(
            "invalid_checkpoint",
            f"{INDEX_NAME} names the shard {absent[0].name}, but the folder has no such file. Download it.",
            file=absent[0].name,
        )
    return _opened(shards)


def open_dense_files(folder: Path, dense: Iterable[Mapping[str, Any]]) -> list[WeightFiles]:
    """Of each linear layer behind a pooling, its tensors as ``dense.i.weight`` and ``dense.i.bias``."""
    opened: list[WeightFiles] = []
    try:
        for i, layer in enumerate(dense):
            path = folder / layer["path"] / SINGLE_NAME
            if not path.is_file():
                raise NomoatError(
                    "invalid_checkpoint",
                    f"The folder has no {layer['path']}/{SINGLE_NAME}, which modules.json calls for. Download it.",
                    file=f"{layer['path']}/{SINGLE_NAME}",
                )
            files = _opened([path])
            opened.append(files)
            files.entries = {name.replace("linear", f"dense.{i}", 1): entry for name, entry in files.entries.items()}
    except BaseException:
        for files in opened:
            files.close()
        raise
    return opened


def _opened(paths: list[Path]) -> WeightFiles:
    files = WeightFiles()
    try:
        for path in paths:
            files.add(path)
    except BaseException:
        files.close()
        raise
    return files


def _weight_map(index_path: Path) -> dict[str, str]:
    weight_map = read_json_object(index_path).get("weight_map")
    if not isinstance(weight_map, dict) or not all(isinstance(v, str) for v in weight_map.values()):
        raise NomoatError("invalid_checkpoint", f"{INDEX_NAME} has no weight_map of tensor names to file names.")
    for shard in weight_map.values():
        if Path(shard).name != shard or not shard.endswith(".safetensors"):
            raise NomoatError(
                "invalid_checkpoint",
                f"{INDEX_NAME} names the shard {shard!r}; a shard must be a .safetensors file in the same folder.",
            )
    return weight_map


def _numbered_shards(folder: Path) -> list[Path]:
    """Shards without an index: their names say how many there are."""
    shards = sorted(path for path in folder.iterdir() if SHARD_NAME.match(path.name))
    counts = {name[2] for path in shards if (name := SHARD_NAME.match(path.name))}
    expected = [f"model-{i + 1:05d}-of-{count}.safetensors" for count in counts for i in range(int(count))][:10_000]
    missing = sorted(set(expected) - {path.name for path in shards})
    if len(counts) != 1 or missing:
        raise NomoatError(
            "invalid_checkpoint",
            f"{folder.name} has no {INDEX_NAME}, and of its shards "
            f"{missing[0] + ' is missing' if missing else 'some belong to another checkpoint'}. Download it again.",
            file=missing[0] if missing else INDEX_NAME,
        )
    return shards


def _check_same_bytes(
    name: str, first: tuple[ByteRanges, SafetensorsEntry], second: tuple[ByteRanges, SafetensorsEntry]
) -> None:
    """A tensor may lie in two files, as some exports write it, but there may be no choice between them."""
    (one, a), (other, b) = first, second
    same = (a.dtype, a.shape) == (b.dtype, b.shape)
    start = 0
    while same and start < a.nbytes:
        count = min(COMPARED_BYTES, a.nbytes - start)
        same = bool((one.read(a.offset + start, count) == other.read(b.offset + start, count)).all())
        start += count
    if not same:
        raise NomoatError(
            "invalid_checkpoint",
            f"{name} is both in {one.path.name} and in {other.path.name}, and the two differ. Files of two versions of "
            "this checkpoint are mixed: download it again.",
            tensor=name,
        )
