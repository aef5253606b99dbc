"""Importance matrices of llama.cpp: both file formats, whose they are, and that they weigh the error. Needs nothing."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from pathlib import Path

import gguf
import numpy as np
import pytest
from nomoat_compiler.assembly import tensor_specs
from nomoat_compiler.checkpoint import imatrix_file
from nomoat_compiler.checkpoint.imatrix_file import read_imatrix
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.models.registry import read_model
from nomoat_compiler.pipeline import compile_model
from nomoat_compiler.program.package import Package, read_package
from nomoat_compiler.quantize.importance import LEAST, importance_by_source
from test_pipeline import tensor_values
from tiny_checkpoints import config, gguf_name, weights, write_gguf, write_huggingface

MODEL = config()
SPECS = tensor_specs(read_model(MODEL))
LINEAR = {source.name: spec.shape[1] for spec in SPECS if spec.kind == "linear" for source in spec.sources}
DOWN = "model.layers.1.mlp.down_proj.weight"
Entries = dict[str, np.ndarray]
CALLS = 3


def entries(seed: int = 0) -> Entries:
    """Mean squares of every matrix of the layers, which differ by factors of hundreds."""
    rng = np.random.default_rng(seed)
    return {gguf_name(name): np.exp(rng.standard_normal(k) * 2).astype(np.float32) for name, k in LINEAR.items()}


def dat_bytes(means: Mapping[str, np.ndarray], calls: int = CALLS) -> bytes:
    """As IMatrixCollector::save_imatrix_legacy writes it, with what was run behind the entries."""
    data = struct.pack("<i", len(means))
    for name, values in means.items():
        data += struct.pack("<i", len(name)) + name.encode() + struct.pack("<ii", calls, values.size)
        data += (values * max(calls, 1)).astype("<f4").tobytes()
    return data + struct.pack("<ii", calls, 4) + b"wiki"


def write_gguf_imatrix(path: Path, means: Mapping[str, np.ndarray], kind: str = "imatrix", count: float = 64) -> Path:
    """As IMatrixCollector::save_imatrix writes it."""
    writer = gguf.GGUFWriter(path, "")
    writer.add_type(kind)
    writer.add_array("imatrix.datasets", ["wiki.txt"])
    writer.add_uint32("imatrix.chunk_count", 2)
    writer.add_uint32("imatrix.chunk_size", 512)
    for name, values in means.items():
        writer.add_tensor(f"{name}.in_sum2", (values * max(count, 1)).astype(np.float32).reshape(1, -1))
        writer.add_tensor(f"{name}.counts", np.full((1, 1), count, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_dat(path: Path, means: Mapping[str, np.ndarray]) -> Path:
    path.write_bytes(dat_bytes(means))
    return path


@pytest.mark.parametrize("write", [write_dat, write_gguf_imatrix])
def test_both_formats_give_the_mean_squares(tmp_path: Path, write: Callable[[Path, Entries], Path]) -> None:
    expected = entries()
    found = read_imatrix(write(tmp_path / "imatrix", expected))
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-6)


def test_without_a_count_every_column_matters_alike(tmp_path: Path) -> None:
    [values] = read_imatrix(write_gguf_imatrix(tmp_path / "i", {"blk.0.attn_q.weight": np.arange(4)}, count=0)).values()
    np.testing.assert_array_equal(values, 1)
    (tmp_path / "dat").write_bytes(dat_bytes({"blk.0.attn_q.weight": np.arange(4)}, calls=0))
    [values] = read_imatrix(tmp_path / "dat").values()
    np.testing.assert_array_equal(values, np.arange(4))


@pytest.mark.parametrize("position", range(0, 120, 7))
def test_a_truncated_dat_is_refused(tmp_path: Path, position: int) -> None:
    data = dat_bytes({"blk.0.attn_q.weight": np.ones(8), "blk.0.attn_k.weight": np.ones(8)})
    (tmp_path / "i.dat").write_bytes(data[: min(position, len(data) - 13)])
    assert failure(lambda: read_imatrix(tmp_path / "i.dat")) == "invalid_checkpoint"


@pytest.mark.parametrize(
    ("at", "value"),
    # The number of entries, the length of the first name, the number of its values.
    [
        (0, -1),
        (0, 0),
        (0, 3),
        (0, 2**31 - 1),
        (4, -5),
        (4, 0),
        (4, 2**30),
        (31, 0),
        (31, -1),
        (31, 2**28),
        (31, 2**31 - 1),
    ],
)
def test_lying_counts_are_refused_before_anything_is_allocated(tmp_path: Path, at: int, value: int) -> None:
    data = bytearray(dat_bytes({"blk.0.attn_q.weight": np.ones(8), "blk.0.attn_k.weight": np.ones(8)})[:-12])
    data[at : at + 4] = struct.pack("<i", value)
    (tmp_path / "i.dat").write_bytes(data)
    assert failure(lambda: read_imatrix(tmp_path / "i.dat")) == "invalid_checkpoint"


def test_entries_that_cannot_be_are_refused(tmp_path: Path) -> None:
    name = "blk.0.attn_q.weight"
    for number in (np.nan, np.inf, -1.0):
        for write in (write_dat, write_gguf_imatrix):
            file = write(tmp_path / "bad", {name: np.array([1.0, number])})
            assert failure(lambda file=file: read_imatrix(file)) == "invalid_checkpoint"
    one = dat_bytes({name: np.ones(2)})[4:-12]
    (tmp_path / "twice").write_bytes(struct.pack("<i", 2) + one + one)
    (tmp_path / "utf8").write_bytes(dat_bytes({name: np.ones(2)}).replace(b"blk", b"\xff\xfe\xfd"))
    (tmp_path / "empty").write_bytes(b"")
    for file in ("twice", "utf8", "empty"):
        assert failure(lambda file=file: read_imatrix(tmp_path / file)) == "invalid_checkpoint"
    assert failure(lambda: read_imatrix(tmp_path / "missing")) == "invalid_request"


def test_gguf_files_that_are_no_imatrix_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "blk.0.attn_q.weight"
    whole = write_gguf_imatrix(tmp_path / "whole", {name: np.ones(64)})
    (tmp_path / "cut").write_bytes(whole.read_bytes()[:-40])
    (tmp_path / "no counts").write_bytes(whole.read_bytes().replace(b".counts", b".kounts"))
    write_gguf(tmp_path / "model.gguf", MODEL, weights(MODEL), "F32")
    write_gguf_imatrix(tmp_path / "another", {name: np.ones(64)}, kind="adapter")
    write_gguf_imatrix(tmp_path / "nothing", {})
    for file in ("cut", "no counts", "model.gguf", "another", "nothing"):
        assert failure(lambda file=file: read_imatrix(tmp_path / file)) == "invalid_checkpoint", file
    monkeypatch.setattr(imatrix_file, "MAX_FILE_BYTES", 100)
    assert failure(lambda: read_imatrix(whole)) == "invalid_checkpoint"


def test_experts_are_unsupported(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "i.gguf", "")
    writer.add_type("imatrix")
    writer.add_tensor("blk.0.ffn_gate_exps.weight.in_sum2", np.ones((4, 64), np.float32))
    writer.add_tensor("blk.0.ffn_gate_exps.weight.counts", np.ones((4, 1), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert failure(lambda: read_imatrix(tmp_path / "i.gguf")) == "unsupported"


def test_each_source_gets_its_columns_with_a_mean_of_one() -> None:
    means = entries() | {"output.weight": np.ones(64, np.float32)}
    means[gguf_name(DOWN)] = np.array([0.0] * 48 + [2.0] * 48, np.float32)
    found = importance_by_source(means, SPECS)
    assert found.keys() == {*LINEAR, "lm_head.weight"}
    assert all(found[name].size == columns for name, columns in LINEAR.items())
    np.testing.assert_allclose(found[DOWN], [LEAST] * 48 + [2.0] * 48)
    means[gguf_name(DOWN)][:] = 0
    np.testing.assert_array_equal(importance_by_source(means, SPECS)[DOWN], 1)


def without(name: str) -> Entries:
    return {entry: values for entry, values in entries().items() if entry != name}


@pytest.mark.parametrize(
    ("means", "named"),
    [
        (without(gguf_name(DOWN)), DOWN),
        ({}, "model.layers.0.self_attn.q_proj.weight"),
        ({name.replace("attn_q", "attn_qkv"): v for name, v in entries().items()}, "q_proj"),
        (entries() | {"blk.2.attn_q.weight": np.ones(64, np.float32)}, "blk.2.attn_q.weight"),
        (entries() | {"what.weight": np.ones(64, np.float32)}, "what.weight"),
        (entries() | {gguf_name(DOWN): np.ones(95, np.float32)}, DOWN),
        (entries() | {"output.weight": np.ones(32, np.float32)}, "lm_head.weight"),
    ],
    ids=["one missing", "none", "another architecture", "more layers", "a stranger", "columns", "columns of the head"],
)
def test_another_models_matrix_is_refused_by_name(means: Entries, named: str) -> None:
    with pytest.raises(NomoatError, match="made for another model") as caught:
        importance_by_source(means, SPECS)
    assert caught.value.code == "invalid_request"
    assert named in caught.value.message


@pytest.mark.parametrize("write", [write_dat, write_gguf_imatrix])
def test_a_package_weighs_its_errors(tmp_path: Path, write: Callable[[Path, Entries], Path]) -> None:
    """The weighted error of each matrix is smaller; the same schemes, and what has no entry is the same."""
    folder = write_huggingface(tmp_path / "model", MODEL, weights(MODEL))
    file = write(tmp_path / "imatrix", entries())
    compile_model(folder, tmp_path / "even", bits_per_weight=4.9)
    compile_model(folder, tmp_path / "weighed", bits_per_weight=4.9, imatrix=file)
    even, weighed = (read_package(tmp_path / name, verify_hashes=True) for name in ("even", "weighed"))
    assert even.instance.tensors == weighed.instance.tensors
    importance = importance_by_source(entries(), SPECS)

    def error(package: Package, name: str) -> float:
        spec = next(spec for spec in SPECS if spec.name == name)
        expected = np.concatenate([weights(MODEL)[source.name] for source in spec.sources])
        weighing = np.concatenate([np.tile(importance[s.name], (s.rows, 1)) for s in spec.sources])
        return float((np.square(tensor_values(package, name) - expected) * weighing).sum())

    for spec in SPECS:
        if spec.kind == "linear":
            bits = next(t for t in even.instance.tensors if t["name"] == spec.name)["scheme"]["bits"]
            assert error(weighed, spec.name) < error(even, spec.name) * (0.95 if bits < 6 else 1.0001)
        elif spec.kind != "norm":
            np.testing.assert_array_equal(tensor_values(even, spec.name), tensor_values(weighed, spec.name))


@pytest.mark.parametrize("quantization", ["q8", "f16", "q4f16_1"])
def test_nothing_else_is_weighed(tmp_path: Path, quantization: str) -> None:
    folder = write_huggingface(tmp_path / "model", MODEL, weights(MODEL))
    file = write_dat(tmp_path / "imatrix", entries())
    write_gguf(tmp_path / "m.gguf", MODEL, weights(MODEL), "Q4_1")
    for source, name in ((folder, quantization), (tmp_path / "m.gguf", "q4")):
        assert failure(lambda s=source, q=name: compile_model(s, tmp_path / "o", quantization=q, imatrix=file)) == (
            "invalid_request"
        )
    assert failure(lambda: compile_model(folder, tmp_path / "o", program_only=True, imatrix=file)) == "invalid_request"


def failure(call: Callable[[], object]) -> str:
    with pytest.raises(NomoatError) as caught:
        call()
    return caught.value.code
