"""Proves that `nomoat compile` refuses a broken or lying checkpoint: one typed error, exit code 1, nothing written.

Needs neither a browser nor torch. Each case is a process of its own with a limit on its address space, so that a size
that a file only claims cannot be allocated, and a time limit against hangs.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.fixtures.gguf_checkpoint import write_gguf
from tests.fixtures.variants import random_tensors, variant_config, write_variant
from tests.hostile.broken_gguf import GGUF
from tests.hostile.compile_process import compile_in_process

CODES = {"invalid_checkpoint", "unknown_architecture", "unsupported", "model_not_found"}
Damage = Callable[[Path], None]


def refused(model: Path, output: Path) -> str:
    """The code of the error that compiling ends with."""
    exit_code, stdout = compile_in_process(model, output)
    assert exit_code == 1, stdout
    assert not output.exists()
    assert list(output.parent.glob(f".{output.name}*")) == [], "half a package was left behind"
    error = json.loads(stdout)["error"]
    assert len(error["message"]) > 10
    return str(error["code"])


def config(**fields: object) -> Damage:
    def damage(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | fields))

    return damage


def header(edit: Callable[[dict[str, Any]], None]) -> Damage:
    """Rewrites the safetensors header around the same data."""

    def damage(folder: Path) -> None:
        path = folder / "model.safetensors"
        data = path.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        value = json.loads(data[8 : 8 + length])
        edit(value)
        text = json.dumps(value).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])

    return damage


def embedding(**fields: object) -> Damage:
    return header(lambda value: value["model.embed_tokens.weight"].update(fields))


def raw(edit: Callable[[bytes], bytes], name: str = "model.safetensors") -> Damage:
    return lambda folder: (folder / name).write_bytes(edit((folder / name).read_bytes())) and None


def not_finite(folder: Path) -> None:
    tensors = random_tensors(variant_config("base"), 0)
    tensors["model.norm.weight"][3] = np.nan
    save_file(tensors, folder / "model.safetensors")


def index_outside(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder.parent / "outside.safetensors")
    names = random_tensors(variant_config("base"), 0)
    index = {"metadata": {}, "weight_map": dict.fromkeys(names, "../outside.safetensors")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


HUGGING_FACE: dict[str, Damage] = {
    "no_config": lambda folder: (folder / "config.json").unlink(),
    "config_not_json": raw(lambda _: b"{", "config.json"),
    "config_a_list": raw(lambda _: b"[]", "config.json"),
    "config_nested": raw(lambda _: b"[" * 200_000, "config.json"),
    "unknown_architecture": config(architectures=["MambaForCausalLM"], model_type="mamba"),
    "layers_beyond": config(num_hidden_layers=1 << 40),
    "layers_negative": config(num_hidden_layers=-2),
    "layers_one_more": config(num_hidden_layers=3),
    "hidden_zero": config(hidden_size=0),
    "hidden_huge": config(hidden_size=1 << 31),
    "hidden_text": config(hidden_size="64"),
    "heads_zero": config(num_attention_heads=0),
    "heads_not_divisible": config(num_key_value_heads=3),
    "head_dim_odd": config(head_dim=15),
    "vocabulary_other": config(vocab_size=1024),
    "eps_negative": config(rms_norm_eps=-1.0),
    "activation_unknown": config(hidden_act="quick_gelu"),
    "rope_unknown": config(rope_parameters={"rope_type": "longest", "rope_theta": 1e4}),
    "rope_factor_zero": config(rope_parameters={"rope_type": "linear", "rope_theta": 1e4, "factor": 0}),
    "weights_missing": lambda folder: (folder / "model.safetensors").unlink(),
    "weights_empty": raw(lambda _: b""),
    "weights_truncated": raw(lambda data: data[:-100]),
    "header_length_huge": raw(lambda data: struct.pack("<Q", 1 << 60) + data[8:]),
    "header_length_beyond": raw(lambda data: struct.pack("<Q", len(data)) + data[8:]),
    "header_not_json": raw(lambda data: data[:8] + b"#" * (len(data) - 8)),
    "offsets_beyond": embedding(data_offsets=[0, 1 << 50]),
    "offsets_negative": embedding(data_offsets=[-4, 131068]),
    "offsets_reversed": embedding(data_offsets=[131072, 0]),
    "offsets_text": embedding(data_offsets=["0", "4"]),
    "shape_huge": embedding(shape=[1 << 40, 1 << 40]),
    "shape_negative": embedding(shape=[-512, -64]),
    "shape_swapped": embedding(shape=[64, 512]),
    "dtype_unknown": embedding(dtype="F4"),
    "dtype_integer": embedding(dtype="I32"),
    "tensor_missing": header(lambda value: value.pop("model.norm.weight")),
    "not_finite": not_finite,
    "index_outside": index_outside,
}


@pytest.mark.parametrize("name", HUGGING_FACE)
def test_hugging_face_folder(name: str, tmp_path: Path) -> None:
    folder = write_variant(tmp_path / "model", "base")
    HUGGING_FACE[name](folder)
    assert refused(folder, tmp_path / "package") in CODES


@pytest.fixture(scope="module")
def good_gguf(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("gguf") / "tiny.Q4_0.gguf"
    write_gguf(path, variant_config("base"), random_tensors(variant_config("base"), 0), "Q4_0")
    return path.read_bytes()


@pytest.mark.parametrize("name", GGUF)
def test_gguf_file(name: str, good_gguf: bytes, tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    damaged = GGUF[name](good_gguf)
    assert damaged != good_gguf
    path.write_bytes(damaged)
    assert refused(path, tmp_path / "package") in CODES


def test_the_undamaged_ones_compile(good_gguf: bytes, tmp_path: Path) -> None:
    """Otherwise every test above would pass for a compiler that refuses everything."""
    path = tmp_path / "tiny.gguf"
    path.write_bytes(good_gguf)
    folder = write_variant(tmp_path / "model", "base")
    for model, output in ((path, tmp_path / "a"), (folder, tmp_path / "b")):
        exit_code, stdout = compile_in_process(model, output)
        assert exit_code == 0, stdout
        assert (output / "nomoat.json").exists()
