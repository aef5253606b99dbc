"""8-bit floats with scales are read as float32, and other quantized checkpoints are refused by name.

Oracles: transformers' Fp8Dequantize for blocks, torch's own conversion and product for the rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from nomoat_compiler.checkpoint.huggingface import HuggingFaceCheckpoint
from nomoat_compiler.errors import NomoatError
from safetensors.torch import save_file
from tiny_checkpoints import config, weights, write_huggingface

NAME = "model.layers.0.mlp.down_proj"
FP8 = {"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [16, 32]}


def compressed(strategy: str, **fields: Any) -> dict[str, Any]:
    spec = {"num_bits": 8, "type": "float", "strategy": strategy, "symmetric": True}
    group = {"targets": ["Linear"], "weights": spec | fields}
    return {"quant_method": "compressed-tensors", "format": "float-quantized", "config_groups": {"group_0": group}}


def write(
    folder: Path, quantization: dict[str, Any] | None, tensors: dict[str, torch.Tensor], **fields: Any
) -> HuggingFaceCheckpoint:
    model = config(**({} if quantization is None else {"quantization_config": quantization}), **fields)
    write_huggingface(folder, model, weights(config()))
    others = {name: torch.from_numpy(v) for name, v in weights(config()).items() if name != f"{NAME}.weight"}
    save_file(others | tensors, folder / "model.safetensors")
    return HuggingFaceCheckpoint(folder, "m")


def random_fp8(rows: int, columns: int, dtype: torch.dtype = torch.float8_e4m3fn) -> torch.Tensor:
    """Every bit pattern but those of NaN and infinity, in random places."""
    octets = torch.randint(0, 256, (rows, columns), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    values = octets.view(dtype)
    return torch.where(values.float().isfinite(), values.float(), torch.zeros(())).to(dtype)


@pytest.mark.parametrize("scale_dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("rows", "columns"), [(64, 96), (33, 70), (1, 1)])
def test_blocks(tmp_path: Path, rows: int, columns: int, scale_dtype: torch.dtype) -> None:
    q = random_fp8(rows, columns)
    scale = (torch.rand(-(-rows // 16), -(-columns // 32)) + 0.1).to(scale_dtype)
    checkpoint = write(tmp_path, FP8, {f"{NAME}.weight": q, f"{NAME}.weight_scale_inv": scale})
    padded = scale.float().repeat_interleave(16, 0)[:rows].repeat_interleave(32, 1)[:, :columns]
    expected = (q.float() * padded).numpy()
    _check(checkpoint, expected)
    if rows % 16 == 0 and columns % 32 == 0:
        assert np.array_equal(_transformers_dequantized(q, scale.float()), expected)


def _transformers_dequantized(q: torch.Tensor, scale: torch.Tensor) -> np.ndarray:
    from transformers.integrations.finegrained_fp8 import Fp8Dequantize

    class Quantizer:
        class quantization_config:
            weight_block_size = (16, 32)

    return Fp8Dequantize(Quantizer())._dequantize_one(q, scale, torch.float32).numpy()


@pytest.mark.parametrize(
    ("quantization", "suffix", "shape"),
    [
        (FP8 | {"weight_block_size": None, "activation_scheme": "static"}, "weight_scale_inv", ()),
        (FP8 | {"weight_block_size": None, "activation_scheme": "static"}, "weight_scale_inv", (1,)),
        (compressed("tensor"), "weight_scale", (1,)),
        (compressed("channel"), "weight_scale", (64, 1)),
        (compressed("block", block_structure=[16, 32]), "weight_scale", (4, 3)),
        ({"quant_method": "fbgemm_fp8"}, "weight_scale", (64, 1)),
        ({"quant_method": "modelopt", "quant_algo": "FP8"}, "weight_scale", ()),
        (None, "weight_scale", (64,)),
    ],
    ids=str,
)
def test_one_scale_for_a_tensor_or_a_row(
    tmp_path: Path, quantization: dict[str, Any] | None, suffix: str, shape: tuple[int, ...]
) -> None:
    q = random_fp8(64, 96)
    scale = torch.rand(shape) + 0.1
    more = {f"{NAME}.input_scale": torch.ones(1), f"{NAME}.activation_scale": torch.ones(())}
    checkpoint = write(tmp_path, quantization, {f"{NAME}.weight": q, f"{NAME}.{suffix}": scale, **more})
    grid = scale
    if scale.ndim == 2 and shape != (64, 1):
        grid = scale.repeat_interleave(16, 0).repeat_interleave(32, 1)
    elif shape == (64,):
        grid = scale[:, None]
    _check(checkpoint, (q.float() * grid).numpy())
    assert checkpoint.names() == sorted(weights(config()))


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_plain_casts(tmp_path: Path, dtype: torch.dtype) -> None:
    q = random_fp8(64, 96, dtype)
    _check(write(tmp_path, None, {f"{NAME}.weight": q}), q.float().numpy())


def _check(checkpoint: HuggingFaceCheckpoint, expected: np.ndarray) -> None:
    """Exact: both sides multiply the same two float32 numbers."""
    name = f"{NAME}.weight"
    assert (checkpoint.stored(name).kind, checkpoint.stored(name).shape) == ("float32", expected.shape)
    np.testing.assert_array_equal(checkpoint.read(name), expected)
    middle = len(expected) // 3
    np.testing.assert_array_equal(checkpoint.read(name, middle, middle + 1), expected[middle : middle + 1])
    checkpoint.close()


@pytest.mark.parametrize(
    ("quantization", "scale"),
    [
        (FP8, torch.ones(4, 2)),
        (FP8, torch.ones(2)),
        (FP8, torch.ones(4, 3, dtype=torch.int32)),
        (FP8, None),
        (compressed("channel"), torch.ones(96, 1)),
        (compressed("channel"), torch.ones(4, 3)),
        (FP8 | {"weight_block_size": [0, 16]}, torch.ones(1)),
        (FP8 | {"weight_block_size": 128}, torch.ones(1)),
    ],
    ids=str,
)
def test_scales_that_do_not_fit(tmp_path: Path, quantization: dict[str, Any], scale: torch.Tensor | None) -> None:
    tensors = {f"{NAME}.weight": random_fp8(64, 96)} | ({} if scale is None else {f"{NAME}.weight_scale_inv": scale})
    with pytest.raises(NomoatError) as caught:
        write(tmp_path, quantization, tensors).stored(f"{NAME}.weight")
    assert caught.value.code == "invalid_checkpoint"


@pytest.mark.parametrize(
    ("quantization", "method"),
    [
        ({"quant_method": "gptq", "bits": 4}, "gptq 4"),
        ({"quant_method": "awq", "bits": 4}, "awq 4"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bitsandbytes"),
        ({"quant_method": "mxfp4"}, "mxfp4"),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, "modelopt NVFP4"),
        ({"quant_method": "hqq"}, "hqq"),
        (compressed("channel", type="int"), "compressed-tensors float-quantized"),
        (compressed("group", num_bits=4) | {"format": "pack-quantized"}, "compressed-tensors pack-quantized"),
        ({"quant_method": "compressed-tensors"}, "compressed-tensors None"),
        ({"bits": 4}, "no quant_method 4"),
        ("gptq", "gptq"),
    ],
    ids=str,
)
def test_other_methods_are_named_before_any_weight_is_read(tmp_path: Path, quantization: Any, method: str) -> None:
    folder = write_huggingface(tmp_path, config(quantization_config=quantization), weights(config()))
    (folder / "model.safetensors").write_bytes(b"not read")
    with pytest.raises(NomoatError, match="unquantized") as caught:
        HuggingFaceCheckpoint(folder, "m")
    assert (caught.value.code, caught.value.detail["method"]) == ("unsupported", method)
