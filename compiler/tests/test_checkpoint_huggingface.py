"""Hugging Face folders are read exactly, and broken ones fail with a typed error. Needs no network."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from nomoat_compiler.assembly import tensor_specs
from nomoat_compiler.checkpoint.huggingface import HuggingFaceCheckpoint
from nomoat_compiler.checkpoint.open import open_checkpoint
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.models.registry import read_model
from nomoat_compiler.quantize.sources import check_sources
from tiny_checkpoints import config, weights, write_huggingface

NAME = "model.layers.0.self_attn.q_proj.weight"


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("shards", [1, 3])
def test_every_tensor_reads_back_exactly(tmp_path: Path, dtype: str, shards: int) -> None:
    model = config()
    tensors = weights(model)
    checkpoint = HuggingFaceCheckpoint(write_huggingface(tmp_path / "m", model, tensors, dtype, shards), "m")
    assert checkpoint.names() == sorted(tensors)
    for name, values in tensors.items():
        expected = values.astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
        assert checkpoint.stored(name).shape == values.shape
        assert checkpoint.stored(name).kind == dtype
        read = checkpoint.read(name)
        assert read.dtype == expected.dtype
        np.testing.assert_array_equal(read.astype(np.float32), expected.astype(np.float32))
    np.testing.assert_array_equal(
        checkpoint.read(NAME, 5, 9).astype(np.float32), checkpoint.read(NAME)[5:9].astype(np.float32)
    )
    checkpoint.close()


def test_close_gives_every_handle_back(tmp_path: Path) -> None:
    folder = write_huggingface(tmp_path / "m", config(), weights(config()), shards=3)
    before = len(os.listdir("/proc/self/fd"))
    checkpoint = HuggingFaceCheckpoint(folder, "m")
    assert len(os.listdir("/proc/self/fd")) == before + 3
    checkpoint.close()
    assert len(os.listdir("/proc/self/fd")) == before
    (folder / "model-00003-of-00003.safetensors").write_bytes(b"")
    with pytest.raises(NomoatError):
        HuggingFaceCheckpoint(folder, "m")
    assert len(os.listdir("/proc/self/fd")) == before


def test_license_comes_from_the_model_card(tmp_path: Path) -> None:
    folder = write_huggingface(tmp_path / "m", config(), weights(config()))
    (folder / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\n# Card\nlicense: mit\n")
    assert HuggingFaceCheckpoint(folder, "m").license == "apache-2.0"
    (folder / "README.md").write_text("# Card\nlicense: mit\n")
    assert HuggingFaceCheckpoint(folder, "m").license is None


def test_missing_shard(tmp_path: Path) -> None:
    folder = write_huggingface(tmp_path / "m", config(), weights(config()), shards=2)
    (folder / "model-00002-of-00002.safetensors").unlink()
    _fails(folder, "invalid_checkpoint", "model-00002-of-00002.safetensors")


@pytest.mark.parametrize("shard", ["../model.safetensors", "/etc/passwd", "sub/x.safetensors", "x.bin"])
def test_index_may_not_leave_the_folder(tmp_path: Path, shard: str) -> None:
    folder = write_huggingface(tmp_path / "m", config(), weights(config()), shards=2)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {NAME: shard}}))
    _fails(folder, "invalid_checkpoint", "same folder")


@pytest.mark.parametrize("keep", [0, 4, 8, 100, -1, -4096])
def test_truncated_file(tmp_path: Path, keep: int) -> None:
    folder = write_huggingface(tmp_path / "m", config(), weights(config()))
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    _fails(folder, "invalid_checkpoint", "model.safetensors")


def _header(**tensor: Any) -> dict[str, Any]:
    return {NAME: {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]} | tensor}


@pytest.mark.parametrize(
    "header",
    [
        _header(shape=[-1, 2]),
        _header(shape=[1 << 40, 1 << 40]),
        _header(shape=[2, 2.5]),
        _header(shape="2,2"),
        _header(shape=[2, 3]),
        _header(data_offsets=[0, 1 << 60]),
        _header(data_offsets=[-16, 0]),
        _header(data_offsets=[16, 0]),
        _header(data_offsets=[0]),
        _header(dtype="F17"),
        _header(dtype=3),
        {NAME: []},
        [],
        "{",
        "[" * 100_000,
        '{"a": NaN}',
    ],
    ids=lambda header: str(header)[:60],
)
def test_lying_header(tmp_path: Path, header: Any) -> None:
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    _write_raw(tmp_path / "m", struct.pack("<Q", len(text)) + text + bytes(16))
    _fails(tmp_path / "m", "invalid_checkpoint", "model.safetensors")


@pytest.mark.parametrize("length", [1 << 63, (1 << 64) - 1, 1 << 40])
def test_header_longer_than_the_file(tmp_path: Path, length: int) -> None:
    _write_raw(tmp_path / "m", struct.pack("<Q", length) + b"{}")
    _fails(tmp_path / "m", "invalid_checkpoint", "header")


def test_integer_weights_are_unsupported_when_they_are_needed(tmp_path: Path) -> None:
    text = json.dumps(_header(dtype="I8", data_offsets=[0, 4])).encode()
    _write_raw(tmp_path / "m", struct.pack("<Q", len(text)) + text + bytes(4))
    checkpoint = HuggingFaceCheckpoint(tmp_path / "m", "m")
    with pytest.raises(NomoatError, match="I8") as caught:
        checkpoint.stored(NAME)
    assert caught.value.code == "unsupported"


def test_missing_tensor_and_wrong_shape(tmp_path: Path) -> None:
    model = config()
    tensors = weights(model)
    specs = tensor_specs(read_model(model))
    without = {name: values for name, values in tensors.items() if name != NAME}
    checkpoint = HuggingFaceCheckpoint(write_huggingface(tmp_path / "a", model, without), "a")
    with pytest.raises(NomoatError, match=NAME) as caught:
        check_sources(specs, checkpoint)
    assert (caught.value.code, caught.value.detail["tensor"]) == ("invalid_checkpoint", NAME)
    checkpoint = HuggingFaceCheckpoint(
        write_huggingface(tmp_path / "b", model, tensors | {NAME: tensors[NAME].T[:3].copy()}), "b"
    )
    with pytest.raises(NomoatError, match="calls for") as caught:
        check_sources(specs, checkpoint)
    assert caught.value.code == "invalid_checkpoint"


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"a": Infinity}', "\xff"])
def test_broken_config(tmp_path: Path, text: str) -> None:
    folder = write_huggingface(tmp_path / "m", config(), weights(config()))
    (folder / "config.json").write_bytes(text.encode("latin-1"))
    _fails(folder, "invalid_checkpoint", "config.json")


def _write_raw(folder: Path, data: bytes) -> None:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config()))
    (folder / "model.safetensors").write_bytes(data)


def _fails(folder: Path, code: str, said: str) -> None:
    with pytest.raises(NomoatError) as caught:
        open_checkpoint(folder)
    assert caught.value.code == code
    assert said in caught.value.message
