"""MLC folders compile bit for bit, and broken ones fail with a typed error. Needs no network.

Oracle: tests/mlc_folders.py, which writes the format from its description in plain NumPy.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from mlc_folders import chat_config, quantized, records, stacks, write
from nomoat_compiler.checkpoint.checkpoint import Groups
from nomoat_compiler.checkpoint.mlc_folder import MlcCheckpoint, three_bit_values
from nomoat_compiler.checkpoint.open import open_checkpoint
from nomoat_compiler.errors import NomoatError, NomoatWarning
from nomoat_compiler.pipeline import compile_model
from nomoat_compiler.program.package import read_package
from nomoat_compiler.quantize.allocate import LOSS
from nomoat_compiler.quantize.groups import quantize_groups
from nomoat_compiler.reference.quantize import dequantize
from nomoat_compiler.scheme import Grouped
from tiny_checkpoints import config, weights

Q4 = ["q4f16_1", "q4f32_1", "q4f16_0"]
SMALL = config(vocab_size=64, hidden_size=80, intermediate_size=72, head_dim=20, num_hidden_layers=1)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlc")


def folder_of(folders: Path, quantization: str, model: dict[str, Any] = SMALL, qkv: str = "qkv_proj") -> Path:
    folder = folders / f"{quantization}-{model['model_type']}-{model['tie_word_embeddings']}-{qkv}"
    if not folder.exists():
        arrays = records(stacks(weights(model), qkv), quantization)
        write(folder, chat_config(model, quantization), arrays)
    return folder


def stored_arrays(package: Path) -> dict[str, bytes]:
    """Name -> bytes of every array of a package's index."""
    index = json.loads((package / "weights" / "tensor-cache.json").read_text())
    found = {}
    for shard in index["records"]:
        data = (package / "weights" / shard["dataPath"]).read_bytes()
        for record in shard["records"]:
            found[record["name"]] = data[record["byteOffset"] : record["byteOffset"] + record["nbytes"]]
    return found


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("quantization", ["q4f16_1", "q4f32_1", "q0f16", "q0f32", "q4f16_0"])
def test_package_has_the_bytes_of_the_folder(folders: Path, tmp_path: Path, quantization: str, tied: bool) -> None:
    """What is transposed in q4f16_0 is turned, and nothing else changes."""
    model = SMALL | {"tie_word_embeddings": tied}
    folder = folder_of(folders, quantization, model)
    report = compile_model(folder, tmp_path / "package")
    assert report.quantization == ("q4f16_1" if quantization == "q4f16_0" else quantization)
    expected = records(stacks(weights(model)), "q4f16_1" if quantization == "q4f16_0" else quantization)
    found = stored_arrays(tmp_path / "package")
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        stored = array.astype(ml_dtypes.bfloat16) if array.dtype == np.float32 else array
        assert found[name] == np.ascontiguousarray(stored).tobytes(), name
    package = read_package(tmp_path / "package")
    assert package.manifest["provenance"]["source_format"] == "mlc"


@pytest.mark.parametrize("quantization", [*Q4, "q3f16_1"])
def test_values_are_those_of_the_format(folders: Path, quantization: str) -> None:
    checkpoint = open_checkpoint(folder_of(folders, quantization))
    assert isinstance(checkpoint, MlcCheckpoint)
    originals = weights(SMALL)
    assert checkpoint.names() == sorted(originals)
    bits, size, per_word, zero = (3, 40, 10, 3) if quantization == "q3f16_1" else (4, 32, 8, 7)
    arrays = records(originals, quantization if quantization != "q4f16_0" else "q4f16_1")
    for name, original in originals.items():
        assert checkpoint.stored(name).shape == original.shape
        read = checkpoint.read(name)
        values = read.dequantized() if isinstance(read, Groups) else read.astype(np.float32)
        if original.ndim == 2:
            words, scales = (arrays[name.removesuffix("weight") + kind] for kind in ("q_weight", "q_scale"))
            stored_scales = scales.astype(ml_dtypes.bfloat16 if scales.dtype == np.float32 else np.float16)
            rows, columns = original.shape
            expected = np.zeros((rows, columns), np.float32)
            for column in range(columns):
                q = words[:, column // per_word] >> np.uint32(bits * (column % per_word)) & np.uint32(2**bits - 1)
                expected[:, column] = (q.astype(np.float32) - zero) * stored_scales[:, column // size].astype(
                    np.float32
                )
            np.testing.assert_array_equal(values, expected, err_msg=name)
            middle = checkpoint.read(name, 3, 7)
            middle = middle.dequantized() if isinstance(middle, Groups) else middle
            np.testing.assert_array_equal(middle, expected[3:7])
        else:
            dtype = ml_dtypes.bfloat16 if quantization == "q4f32_1" else np.float16
            np.testing.assert_array_equal(values, original.astype(dtype).astype(np.float32))
    checkpoint.close()


def test_another_quantization_starts_from_the_values(folders: Path, tmp_path: Path) -> None:
    report = compile_model(folder_of(folders, "q4f16_1"), tmp_path / "package", quantization="f32")
    assert report.quantization == "f32"
    checkpoint = open_checkpoint(folder_of(folders, "q4f16_1"))
    read = checkpoint.read("model.embed_tokens.weight")
    assert isinstance(read, Groups)
    assert stored_arrays(tmp_path / "package")["model.embed_tokens.weight"] == read.dequantized().tobytes()


def test_three_bits_become_another_scheme(folders: Path, tmp_path: Path) -> None:
    """Groups of 40 have no scheme here; q8 keeps their values within half a step of its own, q4 is the default."""
    with pytest.warns(NomoatWarning, match="q3f16_1 has groups of 40"):
        assert compile_model(folder_of(folders, "q3f16_1"), tmp_path / "q4").quantization == "q4"
    with pytest.warns(NomoatWarning, match="q8 by 0.5 %"):
        assert compile_model(folder_of(folders, "q3f16_1"), tmp_path / "q8", quantization="q8").quantization == "q8"


def test_what_storing_three_bits_again_costs() -> None:
    """The figures that the warning and decision 0132 give, on normal weights."""
    original = np.random.default_rng(0).standard_normal((64, 1280)).astype(np.float32)
    words, scales = quantized(original, "q3f16_1")
    values = three_bit_values(words, scales, 1280)

    def distance(one: np.ndarray, other: np.ndarray) -> float:
        return float(np.sqrt(np.mean((one - other) ** 2) / np.mean(other**2)))

    def again(scheme: Grouped) -> np.ndarray:
        stored_words, stored_scales = quantize_groups(values, scheme, "w")
        role = "q_scale_min" if scheme.minimum else "q_scale"
        return dequantize(scheme.to_json(), values.shape, {"q_weight": stored_words, role: stored_scales})

    stored = {(scheme.bits, scheme.scale_dtype): again(scheme) for scheme in LOSS}
    assert distance(values, original) == pytest.approx(0.235, abs=0.005)
    for (bits, _), matrix in stored.items():
        change, both = {4: (0.057, 0.241), 5: (0.016, 0.236), 6: (0.005, 0.235), 8: (0.005, 0.235)}[bits]
        assert distance(matrix, values) == pytest.approx(change, abs=0.001)
        assert distance(matrix, original) == pytest.approx(both, abs=0.005)


@pytest.mark.parametrize("qkv", ["qkv_proj", "c_attn"])
def test_qwen_with_both_names_of_its_stack(folders: Path, qkv: str) -> None:
    model = SMALL | {"model_type": "qwen2", "attention_bias": True}
    folder = folders / f"qwen2-{qkv}"
    tensors = {name: value for name, value in weights(model).items() if "o_proj.bias" not in name}
    write(folder, chat_config(model, "q4f16_1"), records(stacks(tensors, qkv), "q4f16_1"))
    checkpoint = open_checkpoint(folder)
    assert (checkpoint.config["architectures"], checkpoint.config["attention_bias"]) == (["Qwen2ForCausalLM"], True)
    assert checkpoint.names() == sorted(tensors)
    bias = checkpoint.read("model.layers.0.self_attn.v_proj.bias")
    assert isinstance(bias, np.ndarray)
    np.testing.assert_array_equal(bias, tensors["model.layers.0.self_attn.v_proj.bias"].astype(np.float16))


def test_older_index_and_configuration(folders: Path) -> None:
    checkpoint = open_checkpoint(
        write(
            folders / "old", chat_config(SMALL, "q0f16"), records(stacks(weights(SMALL)), "q0f16"), "ndarray-cache.json"
        )
    )
    expected = {
        "architectures": ["LlamaForCausalLM"], "hidden_size": 80, "rope_theta": 10000.0, "head_dim": 20,
        "max_position_embeddings": 256, "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2,
    }  # fmt: skip
    assert expected.items() <= checkpoint.config.items()


def edited_config(**changes: Any) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / "mlc-chat-config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return edit


def edited_index(change: Callable[[list[dict[str, Any]]], Any]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / "tensor-cache.json"
        value = json.loads(path.read_text())
        change(value["records"])
        path.write_text(json.dumps(value))

    return edit


def first_array(**fields: Any) -> Callable[[Path], None]:
    return edited_index(lambda shards: shards[0]["records"][0].update(fields))


def damaged(folder: Path) -> None:
    path = folder / "params_shard_0.bin"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(bytes(data))


def truncated(folder: Path) -> None:
    path = folder / "params_shard_1.bin"
    path.write_bytes(path.read_bytes()[:-1])


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "a model type of another type": (edited_config(model_type=["llama"]), "unknown_architecture"),
    "a quantization of another type": (edited_config(quantization=["q0f16"]), "unsupported"),
    "a shard twice": (edited_index(lambda shards: shards.append(shards[0])), "invalid_checkpoint"),
    "another model type": (edited_config(model_type="rwkv"), "unknown_architecture"),
    "another quantization": (edited_config(quantization="q4f16_awq"), "unsupported"),
    "no quantization": (edited_config(quantization=None), "unsupported"),
    "no model_config": (edited_config(model_config=3), "invalid_checkpoint"),
    "sizes beyond": (edited_config(model_config={"hidden_size": 1 << 40}), "invalid_checkpoint"),
    "another size": (edited_config(model_config=chat_config(SMALL | {"hidden_size": 96}, "")["model_config"]),
                     "invalid_checkpoint"),
    "a shard is missing": (lambda folder: (folder / "params_shard_1.bin").unlink(), "invalid_checkpoint"),
    "a shard is damaged": (damaged, "integrity"),
    "a shard is truncated": (truncated, "invalid_checkpoint"),
    "shards outside": (edited_index(lambda shards: shards[0].update(dataPath="../x.bin")), "invalid_checkpoint"),
    "no shards": (edited_index(list.clear), "invalid_checkpoint"),
    "a shard that is no object": (edited_index(lambda shards: shards.append(3)), "invalid_checkpoint"),
    "arrays that are no list": (edited_index(lambda shards: shards[0].update(records={})), "invalid_checkpoint"),
    "an array twice": (edited_index(lambda s: s[0]["records"].append(s[0]["records"][0])), "invalid_checkpoint"),
    "an offset beyond": (first_array(byteOffset=1 << 50), "invalid_checkpoint"),
    "an offset before": (first_array(byteOffset=-8), "invalid_checkpoint"),
    "a shape of nothing": (first_array(shape=[0, 4]), "invalid_checkpoint"),
    "a shape of text": (first_array(shape="x"), "invalid_checkpoint"),
    "a shape too large": (first_array(shape=[1 << 31, 1 << 31]), "invalid_checkpoint"),
    "another dtype": (first_array(dtype="int8"), "unsupported"),
    "another format": (first_array(format="lz4"), "unsupported"),
    "no name": (first_array(name=None), "invalid_checkpoint"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_broken_folders(tmp_path: Path, case: str) -> None:
    damage, code = BROKEN[case]
    folder = write(tmp_path / "m", chat_config(SMALL, "q0f16"), records(stacks(weights(SMALL)), "q0f16"))
    damage(folder)
    with pytest.raises(NomoatError) as caught:
        compile_model(folder, tmp_path / "package")
    assert caught.value.code == code
    assert not (tmp_path / "package").exists()


def test_words_without_scales_or_of_another_width(folders: Path, tmp_path: Path) -> None:
    for change in ("model.norm.q_scale", "words"):
        arrays = records(stacks(weights(SMALL)), "q4f16_1")
        if change == "words":
            arrays["lm_head.q_weight"] = arrays["lm_head.q_weight"][:, :-1]
        else:
            del arrays["lm_head.q_scale"]
        folder = write(tmp_path / change, chat_config(SMALL, "q4f16_1"), arrays)
        with pytest.raises(NomoatError) as caught:
            compile_model(folder, tmp_path / "package")
        assert caught.value.code == "invalid_checkpoint"
        assert "lm_head" in caught.value.message
