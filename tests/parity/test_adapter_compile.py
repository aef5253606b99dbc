"""Proves that a compiled or merged adapter holds what peft makes of the same folder. Needs torch and peft.

B · A of every module is compared with peft's get_delta_weight. In float32 they differ by roundings of single
products: 1e-6 of the largest value. In float16 A and B have eleven bits each: 2^-10 of the sum of |B| |A|. In q8 a
value of A is off by half a step of 1/127 of the largest of its 32, together by a hundredth in the root mean square.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from nomoat_compiler.adapter.compile import compile_adapter
from nomoat_compiler.pipeline import compile_model
from nomoat_compiler.program.adapter_package import check_base, read_adapter
from nomoat_compiler.program.adapters import lora_tensors
from nomoat_compiler.program.package import read_package
from nomoat_compiler.reference.quantize import dequantize, stored_array
from nomoat_compiler.scheme import stored_parameters
from peft import PeftModel

from tests.fixtures.gguf_checkpoint import write_gguf
from tests.fixtures.packages import PackageTensors, _records, compiled
from tests.fixtures.random_lora import CONFIGS, write_random_lora
from tests.fixtures.transformers_oracle import TransformersOracle
from tests.fixtures.variants import random_tensors, variant_config, write_variant

VARIANT = "three_heads_per_kv"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_variant(tmp_path_factory.mktemp("checkpoint") / "model", VARIANT)


def peft_adapter(folder: Path, config: dict[str, Any]) -> PeftModel:
    base = variant_config(VARIANT)
    return write_random_lora(folder, TransformersOracle(base, random_tensors(base, 0)).model, config)


def deltas(model: PeftModel) -> dict[str, torch.Tensor]:
    """scale · B · A (rows, columns) by the name of the weight."""
    with torch.no_grad():
        return {
            name.removeprefix("base_model.model.") + ".weight": module.get_delta_weight("default")
            for name, module in model.named_modules()
            if hasattr(module, "get_delta_weight")
        }


def package_deltas(adapter: Path, base: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(B · scale · A, |B| · scale · |A|) of every source of an adapted tensor, from the package's bytes alone."""
    binding = check_base(read_adapter(adapter, verify_hashes=True), read_package(base))
    tensors = read_package(base).instance.tensors_by_name
    records = dict(_records(adapter))
    found = {}
    for name, bound in binding.items():
        rank, arrays = bound["rank"], {}
        for lora, shape, scheme in lora_tensors(tensors[name], bound):
            stored = {}
            for parameter in stored_parameters(lora, shape, scheme):
                shard, offset, nbytes = records[parameter.name]
                data = shard.read_bytes()[offset : offset + nbytes]
                stored[parameter.role] = stored_array(data, parameter.dtype, parameter.shape)
            arrays[lora.rpartition("_")[2]] = dequantize(scheme.to_json(), shape, stored)
        pairs = arrays["b"].reshape(rank // 2, -1, 2)
        arrays["b"] = pairs.swapaxes(1, 2).reshape(rank, -1)
        start = 0
        for part, source in enumerate(tensors[name]["sources"]):
            own = slice(part * rank, (part + 1) * rank)
            a = arrays["scale"][own, None] * arrays["a"][own].astype(np.float32)
            b = arrays["b"][:, start : start + source["rows"]].T.astype(np.float32)
            found[source["name"]] = (b @ a, np.abs(b) @ np.abs(a))
            start += source["rows"]
    return found


@pytest.mark.parametrize("name", CONFIGS)
def test_compiled(name: str, checkpoint: Path, tmp_path: Path) -> None:
    expected = deltas(peft_adapter(tmp_path / "peft", CONFIGS[name]))
    base = compiled(checkpoint, "q4", name=VARIANT)
    for quantization, tolerance in (("f32", 1e-6), ("f16", 2**-10), ("q8", None)):
        compile_adapter(tmp_path / "peft", tmp_path / quantization, base=base, quantization=quantization)
        found = package_deltas(tmp_path / quantization, base)
        assert expected.keys() <= found.keys()
        for source, (delta, size) in found.items():
            wanted = expected[source].numpy() if source in expected else np.zeros_like(delta)
            error = np.abs(delta - wanted)
            if tolerance is not None:
                assert (error <= tolerance * (size + 1e-6)).all(), source
            else:
                assert np.sqrt(np.mean(error**2)) <= 0.01 * np.sqrt(np.mean(wanted**2)), source


@pytest.mark.parametrize("name", ["ranks", "pattern"])
@pytest.mark.parametrize("from_gguf", [False, True])
def test_merged(name: str, from_gguf: bool, checkpoint: Path, tmp_path: Path) -> None:
    """Also into quantized blocks, which become float where the adapter changes them."""
    expected = deltas(peft_adapter(tmp_path / "peft", CONFIGS[name]))
    config = variant_config(VARIANT)
    tensors: Mapping[str, np.ndarray] = random_tensors(config, 0)
    model = checkpoint
    if from_gguf:
        model = tmp_path / "model.Q4_1.gguf"
        tensors = write_gguf(model, config, tensors, "Q4_1")
    report = compile_model(model, tmp_path / "merged", quantization="f32", merge=tmp_path / "peft")
    assert report.id == "model.Q4_1-peft-f32" if from_gguf else report.id == "model-peft-f32"
    merged = PackageTensors(tmp_path / "merged")
    for source in merged:
        wanted = tensors[source] + (expected[source].numpy() if source in expected else 0)
        np.testing.assert_allclose(merged[source], wanted, rtol=0, atol=2e-6, err_msg=source)
    assert set(expected) <= set(merged)
