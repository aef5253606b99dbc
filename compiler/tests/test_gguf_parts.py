"""Split GGUF files are read as one model, and parts that do not fit are typed errors. Needs transformers.

Oracle: the gguf package writes the same model in one file and in three.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest
from gguf_of_transformers import write
from nomoat_compiler.checkpoint.gguf_file import GgufCheckpoint
from nomoat_compiler.checkpoint.gguf_parts import first_parts
from nomoat_compiler.checkpoint.open import open_checkpoint
from nomoat_compiler.errors import NomoatError
from test_gguf_architectures import random_model

PARTS = [f"m-{i + 1:05d}-of-00003.gguf" for i in range(3)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``whole.gguf``, the same in three parts, and the three parts of another model in ``other``."""
    folder = tmp_path_factory.mktemp("split")
    model = random_model("llama", {})
    write(folder / "whole.gguf", "llama", model, "BF16")
    (folder / "parts").mkdir()
    write(folder / "parts" / "m.gguf", "llama", model, "BF16", parts=3)
    assert sorted(path.name for path in (folder / "parts").iterdir()) == PARTS
    (folder / "other").mkdir()
    write(folder / "other" / "m.gguf", "llama", random_model("llama", {"num_hidden_layers": 3}), "BF16", parts=3)
    return folder


@pytest.mark.parametrize("given", ["", *PARTS])
def test_any_part_opens_the_whole_model(folder: Path, given: str) -> None:
    whole, parts = GgufCheckpoint(folder / "whole.gguf"), open_checkpoint(folder / "parts" / given)
    assert (parts.config, parts.names(), parts.source) == (whole.config, whole.names(), "m.gguf")
    for name in whole.names():
        assert parts.stored(name) == whole.stored(name)
        np.testing.assert_array_equal(np.asarray(parts.read(name)), np.asarray(whole.read(name)))
    assert parts.tokenizer_files() == whole.tokenizer_files()
    assert parts.stored("model.embed_tokens.weight").kind == "bfloat16"
    whole.close()
    parts.close()


def renamed(folder: Path) -> None:
    (folder / PARTS[1]).rename(folder / "second.gguf")


def two_exchanged(folder: Path) -> None:
    (folder / PARTS[1]).rename(folder / "x")
    (folder / PARTS[2]).rename(folder / PARTS[1])
    (folder / "x").rename(folder / PARTS[2])


def one_of_another_model(folder: Path) -> None:
    shutil.copy(folder.parent / "other" / PARTS[2], folder / PARTS[2])


def first_twice(folder: Path) -> None:
    shutil.copy(folder / PARTS[0], folder / PARTS[1])


def truncated(folder: Path) -> None:
    data = (folder / PARTS[2]).read_bytes()
    (folder / PARTS[2]).write_bytes(data[:-100])


def without_numbers(folder: Path) -> None:
    for name in PARTS:
        (folder / name).rename(folder / re.sub(r"-of-\d+", "", name))


FAULTS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "one is missing": (lambda folder: (folder / PARTS[1]).unlink(), PARTS[0], PARTS[1]),
    "the first is missing": (lambda folder: (folder / PARTS[0]).unlink(), PARTS[1], PARTS[0]),
    "one has another name": (renamed, PARTS[0], PARTS[1]),
    "two have each other's names": (two_exchanged, PARTS[0], "part 3 of 3"),
    "one is of another model": (one_of_another_model, PARTS[0], "mixed"),
    "the first stands for the second": (first_twice, PARTS[0], "mixed"),
    "one is truncated": (truncated, PARTS[0], PARTS[2]),
    "names without numbers": (without_numbers, "m-00001.gguf", "NAME-00001-of-00003"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_parts_that_do_not_fit(folder: Path, tmp_path: Path, fault: str) -> None:
    damage, given, said = FAULTS[fault]
    shutil.copytree(folder / "parts", tmp_path / "parts")
    shutil.copytree(folder / "other", tmp_path / "other")
    damage(tmp_path / "parts")
    handles = len(os.listdir("/proc/self/fd"))
    with pytest.raises(NomoatError) as caught:
        GgufCheckpoint(tmp_path / "parts" / given)
    assert caught.value.code == "invalid_checkpoint"
    assert said in caught.value.message
    assert len(os.listdir("/proc/self/fd")) == handles


def test_models_in_a_folder() -> None:
    assert first_parts([*PARTS, "README.md"]) == PARTS[:1]
    assert first_parts(["a.gguf", "mmproj-a-f16.gguf"]) == ["a.gguf"]
    assert first_parts([*PARTS, "a.Q8_0.GGUF", "n-00001-of-00003.gguf"]) == [
        "a.Q8_0.GGUF",
        PARTS[0],
        "n-00001-of-00003.gguf",
    ]


def test_oracle_agrees_on_the_tensors(folder: Path) -> None:
    """What the gguf package finds in the parts together is what it finds in the whole file."""
    whole = {tensor.name for tensor in gguf.GGUFReader(folder / "whole.gguf").tensors}
    parts = [tensor.name for name in PARTS for tensor in gguf.GGUFReader(folder / "parts" / name).tensors]
    assert (len(parts), set(parts)) == (len(whole), whole)
