"""Which scheme a tensor gets: by quantization, by kind, and by how a GGUF file stores its sources. Needs nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from nomoat_compiler.assembly import tensor_specs
from nomoat_compiler.checkpoint.gguf_file import GgufCheckpoint
from nomoat_compiler.checkpoint.huggingface import ConfigCheckpoint, HuggingFaceCheckpoint
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.models.registry import read_model
from nomoat_compiler.quantize.allocate import allocate
from nomoat_compiler.quantize.choose import (
    Q4_ASYMMETRIC,
    Q4_SYMMETRIC,
    Q8_ASYMMETRIC,
    Q8_SYMMETRIC,
    choose_schemes,
    searches_scales,
)
from nomoat_compiler.quantize.encode import encode_tensor
from nomoat_compiler.reference.quantize import dequantize
from nomoat_compiler.scheme import Grouped, Plain, Scheme
from tiny_checkpoints import config, weights, write_gguf, write_huggingface

MODEL = config(attention_bias=True)
SPECS = tensor_specs(read_model(MODEL))
QKV = "model.layers.0.self_attn.qkv_proj"


@pytest.mark.parametrize(
    ("quantization", "linear", "embedding", "small"),
    [
        ("q8", Q8_SYMMETRIC, Q8_SYMMETRIC, Plain("float32")),
        ("f16", Plain("float16"), Plain("float16"), Plain("float32")),
        ("f32", Plain("float32"), Plain("float32"), Plain("float32")),
        ("q4f16_1", Grouped(4, 32, 7, "float16"), Grouped(4, 32, 7, "float16"), Plain("float16")),
        ("q4f32_1", Grouped(4, 32, 7, "bfloat16"), Grouped(4, 32, 7, "bfloat16"), Plain("bfloat16")),
        ("q0f16", Plain("float16"), Plain("float16"), Plain("float16")),
        ("q0f32", Plain("bfloat16"), Plain("bfloat16"), Plain("bfloat16")),
    ],
)
def test_floats(tmp_path: Path, quantization: str | None, linear: Scheme, embedding: Scheme, small: Scheme) -> None:
    folder = write_huggingface(tmp_path / "m", MODEL, weights(MODEL))
    expected = {"linear": linear, "embedding": embedding, "lm_head": embedding, "norm": small, "bias": small}
    for checkpoint in (HuggingFaceCheckpoint(folder, "m"), ConfigCheckpoint(folder / "config.json", "m")):
        name, schemes = choose_schemes(SPECS, checkpoint, quantization)
        assert name == (quantization or "q4")
        assert schemes == {spec.name: expected[spec.kind] for spec in SPECS}
        checkpoint.close()


@pytest.mark.parametrize("bits", [None, 5.0, 8.0])
def test_q4_of_floats_is_allocated(tmp_path: Path, bits: float | None) -> None:
    """Alike for floats and for a configuration alone, whose program must fit the weights that come later."""
    folder = write_huggingface(tmp_path / "m", MODEL, weights(MODEL))
    matrices = [spec for spec in SPECS if spec.kind not in ("norm", "bias")]
    for checkpoint in (HuggingFaceCheckpoint(folder, "m"), ConfigCheckpoint(folder / "config.json", "m")):
        for quantization in (None, "q4"):
            name, schemes = choose_schemes(SPECS, checkpoint, quantization, bits)
            assert name == "q4"
            assert {spec.name: schemes[spec.name] for spec in matrices} == allocate(matrices, bits)
            assert all(schemes[spec.name] == Plain("float32") for spec in SPECS if spec not in matrices)
        checkpoint.close()


def test_bits_are_of_q4_from_floats_only(tmp_path: Path) -> None:
    checkpoint = HuggingFaceCheckpoint(write_huggingface(tmp_path / "m", MODEL, weights(MODEL)), "m")
    write_gguf(tmp_path / "m.gguf", MODEL, weights(MODEL), "Q4_1")
    for opened, quantization in ((checkpoint, "q8"), (checkpoint, "f16"), (GgufCheckpoint(tmp_path / "m.gguf"), "q4")):
        with pytest.raises(NomoatError) as caught:
            choose_schemes(SPECS, opened, quantization, 5.0)
        assert caught.value.code == "invalid_request"
        assert not searches_scales(SPECS, opened, quantization)
    assert searches_scales(SPECS, checkpoint, "q4")


@pytest.mark.parametrize("quantization", ["", "Q4", "q3", "int8"])
def test_unknown_names(tmp_path: Path, quantization: str) -> None:
    checkpoint = HuggingFaceCheckpoint(write_huggingface(tmp_path / "m", MODEL, weights(MODEL)), "m")
    with pytest.raises(NomoatError) as caught:
        choose_schemes(SPECS, checkpoint, quantization)
    assert caught.value.code == "invalid_request"


@pytest.mark.parametrize(
    ("types", "quantization", "scheme"),
    [
        ("Q4_0 Q4_0 Q4_0", None, Q4_SYMMETRIC),
        ("Q4_1 Q4_1 Q4_1", None, Q4_ASYMMETRIC),
        ("Q8_0 Q8_0 Q8_0", None, Q8_SYMMETRIC),
        ("Q4_0 Q4_1 Q4_0", None, Q4_ASYMMETRIC),
        ("Q4_0 Q4_0 Q8_0", None, Q8_SYMMETRIC),
        ("Q4_1 Q8_0 Q4_1", None, Q8_ASYMMETRIC),
        ("Q4_0 Q4_1 Q8_0", "q4", Q8_ASYMMETRIC),
        ("Q8_0 Q8_0 Q8_0", "q4", Q8_SYMMETRIC),
        ("Q8_0 Q8_0 Q8_0", "q8", Q8_SYMMETRIC),
        ("Q4_0 Q4_0 Q4_0", "q8", Q8_SYMMETRIC),
        ("Q4_1 Q4_0 Q4_0", "q8", Q8_ASYMMETRIC),
        ("F32 BF16 F16", "q8", Q8_SYMMETRIC),
        ("Q4_0 Q4_0 F16", "q4", Q4_ASYMMETRIC),
        ("Q8_0 Q8_0 F16", "q4", Q8_SYMMETRIC),
    ],
)
def test_blocks_are_kept_exactly(tmp_path: Path, types: str, quantization: str | None, scheme: Grouped) -> None:
    """The scheme of q, k and v together, and that what is stored under it has the values of the gguf package."""
    names = [f"model.layers.0.self_attn.{part}_proj.weight" for part in "qkv"]
    by_name = dict(zip(names, types.split(), strict=True))
    expected = write_gguf(tmp_path / "m.gguf", MODEL, weights(MODEL), by_name)
    checkpoint = GgufCheckpoint(tmp_path / "m.gguf")
    name, schemes = choose_schemes(SPECS, checkpoint, quantization)
    assert schemes[QKV] == scheme
    spec = next(spec for spec in SPECS if spec.name == QKV)
    arrays = {parameter.role: array for parameter, array in encode_tensor(spec, checkpoint, scheme, name)}
    values = dequantize(scheme.to_json(), spec.shape, arrays)
    start = 0
    for source, rows in ((source.name, source.rows) for source in spec.sources):
        if by_name[source].startswith("Q"):
            np.testing.assert_array_equal(values[start : start + rows], expected[source])
        else:
            np.testing.assert_allclose(values[start : start + rows], expected[source], atol=0.03)
        start += rows


def test_a_file_in_q8_throughout_is_called_q8(tmp_path: Path) -> None:
    for kind, name in (("Q8_0", "q8"), ("Q4_1", "q4"), ("F16", "q4")):
        write_gguf(tmp_path / "m.gguf", MODEL, weights(MODEL), kind)
        assert choose_schemes(SPECS, GgufCheckpoint(tmp_path / "m.gguf"), None)[0] == name


def test_embedding_in_four_bits_is_kept(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", MODEL, weights(MODEL), "Q4_0")
    assert choose_schemes(SPECS, GgufCheckpoint(tmp_path / "m.gguf"), "q4")[1]["model.embed_tokens"] == Q4_SYMMETRIC
