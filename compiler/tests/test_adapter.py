"""PEFT adapters that ask for more than LoRA, lie, or do not fit are refused with a typed error that names why.

Needs nothing but NumPy and safetensors: the adapters are written by hand. What good ones become is compared with peft
in tests/parity/test_adapter_compile.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nomoat_compiler.adapter.compile import compile_adapter
from nomoat_compiler.adapter.peft_config import PeftConfig
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.pipeline import compile_model
from nomoat_compiler.program.adapter_package import check_base, read_adapter
from nomoat_compiler.program.package import read_package
from safetensors.numpy import save_file
from tiny_checkpoints import config, weights, write_gguf

GOOD: dict[str, Any] = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "down_proj"]}
Q, DOWN = "model.layers.{}.self_attn.q_proj", "model.layers.{}.mlp.down_proj"


def tensors(rank: int = 4) -> dict[str, np.ndarray]:
    """Of q_proj (64, 64) and down_proj (64, 96) in both layers."""
    rng = np.random.default_rng(3)
    found = {}
    for module, columns in ((Q, 64), (DOWN, 96)):
        for layer in range(2):
            name = f"base_model.model.{module.format(layer)}"
            found[f"{name}.lora_A.weight"] = rng.normal(size=(rank, columns)).astype(np.float32)
            found[f"{name}.lora_B.weight"] = rng.normal(size=(64, rank)).astype(np.float32)
    return found


def write_adapter(folder: Path, changes: dict[str, Any], arrays: dict[str, np.ndarray] | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps(GOOD | changes))
    save_file(tensors() if arrays is None else arrays, folder / "adapter_model.safetensors")
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    write_gguf(folder / "tiny.gguf", config(), weights(config()), "Q4_0")
    compile_model(folder / "tiny.gguf", folder / "out")
    return folder / "out"


def refused(folder: Path, base: Path, output: Path) -> NomoatError:
    with pytest.raises(NomoatError) as caught:
        compile_adapter(folder, output, base=base)
    assert not output.exists()
    return caught.value


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("peft_type", "ADALORA", "unsupported"),
        ("peft_type", None, "unsupported"),
        ("use_dora", True, "unsupported"),
        ("modules_to_save", ["lm_head"], "unsupported"),
        ("bias", "lora_only", "unsupported"),
        ("bias", "all", "unsupported"),
        ("lora_bias", True, "unsupported"),
        ("trainable_token_indices", [1], "unsupported"),
        ("target_parameters", ["mlp.experts"], "unsupported"),
        ("layer_replication", [[0, 2]], "unsupported"),
        ("use_qalora", True, "unsupported"),
        ("alora_invocation_tokens", [5], "unsupported"),
        ("init_lora_weights", "pissa", "unsupported"),
        ("init_lora_weights", "loftq", "unsupported"),
        ("something_new", {"on": 1}, "unsupported"),
        ("target_modules", "(?!x).*", "unsupported"),
        ("target_modules", ["q_proj", "down_proj", "lm_head"], "unsupported"),
        ("target_modules", ["q_proj", "down_proj", "embed_tokens"], "unsupported"),
        ("target_modules", "x" * 5000, "unsupported"),
        ("target_modules", None, "invalid_checkpoint"),
        ("target_modules", [], "invalid_checkpoint"),
        ("target_modules", 7, "invalid_checkpoint"),
        ("target_modules", ["q_proj"], "invalid_checkpoint"),
        ("target_modules", ["q_proj", "down_proj", "up_proj"], "invalid_checkpoint"),
        ("target_modules", ["c_attn"], "invalid_checkpoint"),
        ("layers_to_transform", [0], "invalid_checkpoint"),
        ("layers_to_transform", "all", "invalid_checkpoint"),
        ("r", 8, "invalid_checkpoint"),
        ("r", 0, "invalid_checkpoint"),
        ("r", "4", "invalid_checkpoint"),
        ("r", True, "invalid_checkpoint"),
        ("r", 10**9, "invalid_checkpoint"),
        ("lora_alpha", None, "invalid_checkpoint"),
        ("lora_alpha", 1e30, "invalid_checkpoint"),
        ("rank_pattern", [4], "invalid_checkpoint"),
        ("rank_pattern", {"q_proj": -1}, "invalid_checkpoint"),
        ("alpha_pattern", {"q_proj": "8"}, "invalid_checkpoint"),
        ("use_rslora", "yes", "invalid_checkpoint"),
    ],
)
def test_configuration_is_refused(field: str, value: Any, code: str, base: Path, tmp_path: Path) -> None:
    error = refused(write_adapter(tmp_path / "adapter", {field: value}), base, tmp_path / "out")
    assert error.code == code
    assert field in error.message, error.message


def test_patterns_take_no_time(base: Path, tmp_path: Path) -> None:
    """Python's engine would try 2^40 ways to match this one; a limit of the test run ends what hangs."""
    folder = write_adapter(tmp_path / "adapter", {"target_modules": r"([a-z0-9_.]+)+([a-z0-9_.]+)+!"})
    error = refused(folder, base, tmp_path / "out")
    assert error.code == "invalid_checkpoint"


def altered(what: str) -> dict[str, np.ndarray]:
    arrays = tensors()
    a = f"base_model.model.{Q.format(0)}.lora_A.weight"
    match what:
        case "lacks B":
            del arrays[a.replace("lora_A", "lora_B")]
        case "empty":
            return {}
        case "NaN":
            arrays[a][1, 2] = np.nan
        case "float64":
            arrays[a] = arrays[a].astype(np.float64)
        case "one dimension":
            arrays[a] = arrays[a][0]
        case "too wide":
            arrays[a] = np.zeros((4, 96), np.float32)
        case "other model":
            arrays[a.replace("layers.0", "layers.9")] = arrays[a]
            arrays[a.replace("layers.0", "layers.9").replace("lora_A", "lora_B")] = np.zeros((64, 4), np.float32)
        case "twice":
            arrays[a.replace("lora_A", "lora_A.default")] = arrays[a]
        case name:
            arrays[name] = arrays[a]
    return arrays


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("lacks B", "invalid_checkpoint"),
        ("empty", "invalid_checkpoint"),
        ("NaN", "invalid_checkpoint"),
        ("float64", "unsupported"),
        ("one dimension", "unsupported"),
        ("too wide", "invalid_checkpoint"),
        ("other model", "invalid_checkpoint"),
        ("twice", "invalid_checkpoint"),
        ("base_model.model.model.embed_tokens.lora_embedding_A", "unsupported"),
        ("base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector", "unsupported"),
        ("base_model.model.lm_head.weight", "unsupported"),
        ("something", "unsupported"),
    ],
)
def test_weights_are_refused(what: str, code: str, base: Path, tmp_path: Path) -> None:
    assert refused(write_adapter(tmp_path / "adapter", {}, altered(what)), base, tmp_path / "out").code == code


@pytest.mark.parametrize(
    ("missing", "code"), [("adapter_config.json", "model_not_found"), ("adapter_model.safetensors", "model_not_found")]
)
def test_half_a_folder(missing: str, code: str, base: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "adapter", {})
    (folder / missing).unlink()
    assert refused(folder, base, tmp_path / "out").code == code
    if missing != "adapter_config.json":
        (folder / "adapter_model.bin").write_bytes(b"pickle")
        assert refused(folder, base, tmp_path / "out").code == "unsupported"


def test_truncated_file(base: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "adapter", {})
    path = folder / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    assert refused(folder, base, tmp_path / "out").code == "invalid_checkpoint"


def test_other_arguments(base: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "adapter", {})
    for arguments in ({"quantization": "q4"}, {"base": folder}):
        with pytest.raises(NomoatError) as caught:
            compile_adapter(folder, tmp_path / "out", **({"base": base} | arguments))  # type: ignore[arg-type]
        assert caught.value.code in ("invalid_request", "model_not_found")


def test_base_is_recognised(base: Path, tmp_path: Path) -> None:
    """By the hash of its weights, or as another quantization of the same source."""
    folder = write_adapter(tmp_path / "adapter", {})
    report = compile_adapter(folder, tmp_path / "out", base=base)
    assert (report.id, report.base, report.rank, report.modules) == ("adapter-lora", "tiny-q4", 4, 4)
    adapter = read_adapter(tmp_path / "out", verify_hashes=True)
    binding = check_base(adapter, read_package(base))
    assert binding["model.layers.1.self_attn.qkv_proj"] == {"rank": 4, "quantization": "q8"}
    compile_model(base.parent / "tiny.gguf", tmp_path / "f32", quantization="f32")
    assert check_base(adapter, read_package(tmp_path / "f32")) == binding
    (tmp_path / "b").mkdir()
    write_gguf(tmp_path / "b" / "tiny.gguf", config(), weights(config(), seed=5), "Q4_0")
    write_gguf(tmp_path / "b" / "other.gguf", config(), weights(config()), "Q4_0")
    compile_model(tmp_path / "b" / "tiny.gguf", tmp_path / "other_weights")
    compile_model(tmp_path / "b" / "other.gguf", tmp_path / "other_name", quantization="f32")
    for wrong in ("other_weights", "other_name"):
        with pytest.raises(NomoatError) as caught:
            check_base(adapter, read_package(tmp_path / wrong))
        assert caught.value.code == "invalid_request"
        assert "tiny-q4" in caught.value.message
    with pytest.raises(NomoatError) as caught:
        read_package(tmp_path / "out")
    assert (caught.value.code, caught.value.detail["base"]) == ("invalid_request", "tiny-q4")
    with pytest.raises(NomoatError) as caught:
        read_adapter(base)
    assert caught.value.code == "invalid_request"


def test_layers() -> None:
    """The first number in the path is the layer, unless a name is to stand before it."""
    fields = {"target_modules": ["up_proj"], "layers_to_transform": [1]}
    first = PeftConfig.from_json(GOOD | fields)
    named = PeftConfig.from_json(GOOD | fields | {"layers_pattern": "experts"})
    path = "model.layers.1.mlp.experts.0.up_proj"
    assert first.targets(path, is_output=False)
    assert not named.targets(path, is_output=False)
    assert named.targets(path.replace("experts.0", "experts.1"), is_output=False)
