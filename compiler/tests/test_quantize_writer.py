"""Shards and tensor-cache.json are what TVM's own writer makes of the same arrays, byte for byte."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from nomoat_compiler.assembly import tensor_specs
from nomoat_compiler.checkpoint.gguf_file import GgufCheckpoint
from nomoat_compiler.checkpoint.huggingface import HuggingFaceCheckpoint
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.models.registry import read_model
from nomoat_compiler.program.tensor_spec import Source, TensorSpec
from nomoat_compiler.quantize.choose import choose_schemes
from nomoat_compiler.quantize.encode import encode_tensor
from nomoat_compiler.quantize.mlc import quantize_mlc
from nomoat_compiler.quantize.writer import WeightsWriter, write_weights
from nomoat_compiler.reference.quantize import dequantize, stored_array
from nomoat_compiler.scheme import Grouped, Parameter, Plain
from tiny_checkpoints import config, weights, write_gguf, write_huggingface
from tvm.contrib import tvmjs

MIB = 1 << 20


def test_shards_and_index_equal_tvm_for_every_size(tmp_path: Path) -> None:
    """Sizes around the rules: several in a shard, exactly full, too large to share, larger than a shard."""
    rng = np.random.default_rng(0)
    sizes = [100, MIB // 4, MIB // 4, MIB // 3, MIB - 4, 4, MIB, 8, MIB // 2, MIB // 2, 3 * MIB, 12, MIB // 2 - 4, 40]
    arrays: dict[str, np.ndarray] = {}
    for i, nbytes in enumerate(sizes):
        if i % 3 == 0:
            arrays[f"p{i}"] = rng.integers(0, 2**32, (2, nbytes // 8), dtype=np.uint32)
        elif i % 3 == 1:
            arrays[f"p{i}"] = rng.standard_normal(nbytes // 2).astype(np.float16)
        else:  # bfloat16 on disk, which tvmjs makes from float32.
            arrays[f"p{i}"] = rng.standard_normal(nbytes // 2).astype(np.float32)
    theirs = tmp_path / "tvm"
    metadata = {"ParamSize": len(arrays), "ParamBytes": sum(a.nbytes for a in arrays.values())}
    metadata["BitsPerParam"] = metadata["ParamBytes"] * 8 / 1000
    tvmjs.dump_tensor_cache(arrays, str(theirs), meta_data=metadata, shard_cap_mb=1, show_progress=False)

    (tmp_path / "weights").mkdir()
    writer = WeightsWriter(tmp_path, "f32-to-bf16", shard_cap_bytes=MIB)
    for name, array in arrays.items():
        stored = array.astype(ml_dtypes.bfloat16) if array.dtype == np.float32 else array
        writer.append(Parameter("weight", name, array.shape, stored.dtype.name), stored)
    files = writer.finish(1000)

    ours = tmp_path / "weights"
    assert json.loads((ours / "tensor-cache.json").read_text()) == json.loads(
        (theirs / "tensor-cache.json").read_text()
    )
    assert {p.name for p in ours.iterdir()} == {p.name for p in theirs.iterdir()} - {"tensor-cache-b16.json"}
    for path in ours.glob("*.bin"):
        assert path.read_bytes() == (theirs / path.name).read_bytes()
    for file in files:
        data = (tmp_path / file.path).read_bytes()
        assert (file.nbytes, file.sha256) == (len(data), sha256(data).hexdigest())


def test_native_float32_is_raw(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    writer = WeightsWriter(tmp_path, "raw")
    values = np.array([1.0, 1 + 2.0**-20], np.float32)
    writer.append(Parameter("weight", "norm", (2,), "float32"), values)
    writer.finish(2)
    assert (tmp_path / "weights/params_shard_0.bin").read_bytes() == values.tobytes()
    index = json.loads((tmp_path / "weights/tensor-cache.json").read_text())
    record = index["records"][0]["records"][0]
    assert (record["dtype"], record["format"], record["nbytes"]) == ("float32", "raw", 8)


@pytest.mark.parametrize("quantization", ["q4", "q8", "f16", "f32", "q4f16_1", "q4f32_1", "q0f16", "q0f32"])
def test_every_stored_tensor_reads_back_near_its_source(tmp_path: Path, quantization: str) -> None:
    model = config(attention_bias=True, mlp_bias=True)
    tensors = weights(model)
    specs = tensor_specs(read_model(model))
    checkpoint = HuggingFaceCheckpoint(write_huggingface(tmp_path / "m", model, tensors, "bfloat16", shards=2), "m")
    name, schemes = choose_schemes(specs, checkpoint, quantization)
    steps: list[tuple[int, int]] = []
    write_weights(tmp_path, specs, checkpoint, schemes, name, lambda *step: steps.append(step))
    assert steps[-1][0] == steps[-1][1] == sum(values.size for values in tensors.values())
    assert steps == sorted(steps)
    stored = read_records(tmp_path / "weights")
    tolerance = {"q4": 0.03, "q8": 0.003, "f16": 1e-3, "q4f16_1": 0.05, "q4f32_1": 0.05, "q0f16": 1e-3}
    for spec in specs:
        arrays = stored_arrays(spec, schemes[spec.name], stored)
        values = dequantize(schemes[spec.name].to_json(), spec.shape, arrays)
        expected = np.concatenate([tensors[source.name] for source in spec.sources])
        # The sources are exact in bfloat16, so f32 and q0f32 lose nothing.
        np.testing.assert_allclose(values, expected, rtol=0, atol=tolerance.get(quantization, 0))


@pytest.mark.parametrize(("quantization", "dtype"), [("q4f16_1", "float16"), ("q4f32_1", "float32")])
def test_mlc_rows_do_not_depend_on_how_they_are_read(
    tmp_path: Path, quantization: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = config()
    tensors = weights(model)
    folder = write_huggingface(tmp_path / "m", model, tensors)
    spec = next(spec for spec in tensor_specs(read_model(model)) if spec.kind == "linear")
    checkpoint = HuggingFaceCheckpoint(folder, "m")
    scheme = choose_schemes([spec], checkpoint, quantization)[1][spec.name]
    assert isinstance(scheme, Grouped)
    monkeypatch.setattr("nomoat_compiler.quantize.sources.BLOCK_VALUES", 7 * 64)
    (_, words), (_, scales) = encode_tensor(spec, checkpoint, scheme, quantization)
    whole = np.concatenate([tensors[source.name] for source in spec.sources]).astype(dtype)
    expected_words, expected_scales = quantize_mlc(whole, scheme)
    np.testing.assert_array_equal(words, expected_words)
    stored_dtype = np.float16 if dtype == "float16" else ml_dtypes.bfloat16
    np.testing.assert_array_equal(scales, expected_scales.astype(stored_dtype))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("quantization", ["q4", "q8", "f16", "f32", "q4f16_1", "q0f32"])
def test_weights_that_are_not_finite_name_their_tensor(tmp_path: Path, quantization: str, value: float) -> None:
    tensors = weights(config())
    source = "model.layers.1.mlp.up_proj.weight"
    tensors[source][5, 7] = value
    assert write_fails(tmp_path, tensors, quantization) == ("invalid_checkpoint", {"tensor": source})


@pytest.mark.parametrize("quantization", ["q8", "q4f16_1", "q0f16", "f16"])
def test_float16_overflow_names_its_tensor(tmp_path: Path, quantization: str) -> None:
    tensors = weights(config())
    source = "model.layers.1.mlp.up_proj.weight"
    tensors[source][5, 7] = 1e8
    assert write_fails(tmp_path, tensors, quantization) == ("unsupported", {"tensor": source})


def test_blocks_under_mlc_and_float_schemes_are_dequantized(tmp_path: Path) -> None:
    model = config()
    expected = write_gguf(tmp_path / "m.gguf", model, weights(model), "Q4_1")
    checkpoint = GgufCheckpoint(tmp_path / "m.gguf")
    spec = TensorSpec("w", "linear", (64, 64), (Source("model.layers.0.self_attn.q_proj.weight", 64),))
    values = expected[spec.sources[0].name]
    [(_, plain)] = encode_tensor(spec, checkpoint, Plain("float32"), "f32")
    np.testing.assert_array_equal(plain, values)
    scheme = Grouped(4, 32, 7, "float16")
    (_, words), _ = encode_tensor(spec, checkpoint, scheme, "q4f16_1")
    np.testing.assert_array_equal(words, quantize_mlc(values.astype(np.float16), scheme)[0])


def write_fails(tmp_path: Path, tensors: dict[str, np.ndarray], quantization: str) -> tuple[str, dict]:
    specs = tensor_specs(read_model(config()))
    checkpoint = HuggingFaceCheckpoint(write_huggingface(tmp_path / "m", config(), tensors), "m")
    schemes = choose_schemes(specs, checkpoint, quantization)[1]
    with pytest.raises(NomoatError) as caught:
        write_weights(tmp_path, specs, checkpoint, schemes, quantization, lambda *_: None)
    return caught.value.code, caught.value.detail


def read_records(folder: Path) -> dict[str, tuple[list[int], str, bytes]]:
    """Parameter name -> (shape, dtype of the bytes, bytes), from the index alone."""
    found = {}
    for shard in json.loads((folder / "tensor-cache.json").read_text())["records"]:
        data = (folder / shard["dataPath"]).read_bytes()
        assert len(data) == shard["nbytes"]
        for record in shard["records"]:
            narrowed = record["dtype"] == "float32" and record["format"] == "f32-to-bf16"
            part = data[record["byteOffset"] : record["byteOffset"] + record["nbytes"]]
            found[record["name"]] = (record["shape"], "bfloat16" if narrowed else record["dtype"], part)
    return found


def stored_arrays(
    spec: TensorSpec, scheme: Grouped | Plain, stored: dict[str, tuple[list[int], str, bytes]]
) -> dict[str, np.ndarray]:
    arrays = {}
    for role in ("weight", "q_weight", "q_scale", "q_scale_min"):
        name = spec.name if spec.kind == "bias" and role == "weight" else f"{spec.name}.{role}"
        if name in stored:
            shape, dtype, data = stored[name]
            arrays[role] = stored_array(data, dtype, tuple(shape))
    return arrays
