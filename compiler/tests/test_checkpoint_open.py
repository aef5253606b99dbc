"""open_checkpoint picks the right kind, and says what it looked for. The hub is never reached."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
from nomoat_compiler.checkpoint.gguf_file import GgufCheckpoint
from nomoat_compiler.checkpoint.huggingface import ConfigCheckpoint, HuggingFaceCheckpoint
from nomoat_compiler.checkpoint.open import open_checkpoint
from nomoat_compiler.errors import NomoatError
from tiny_checkpoints import config, weights, write_gguf, write_huggingface


def test_each_kind_of_input(tmp_path: Path) -> None:
    folder = write_huggingface(tmp_path / "Tiny-Llama", config(), weights(config()))
    gguf_folder = tmp_path / "gguf"
    gguf_folder.mkdir()
    write_gguf(gguf_folder / "tiny.Q8_0.gguf", config(), weights(config()), "Q8_0")
    for model, kind, source in (
        (folder, HuggingFaceCheckpoint, "Tiny-Llama"),
        (folder / "config.json", HuggingFaceCheckpoint, "Tiny-Llama"),
        (gguf_folder, GgufCheckpoint, "tiny.Q8_0.gguf"),
        (str(gguf_folder / "tiny.Q8_0.gguf"), GgufCheckpoint, "tiny.Q8_0.gguf"),
    ):
        checkpoint = open_checkpoint(model)
        assert (type(checkpoint), checkpoint.source) == (kind, source)
        checkpoint.close()


def test_config_alone_is_enough_without_weights(tmp_path: Path) -> None:
    folder = tmp_path / "only-config"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config()))
    for model in (folder, folder / "config.json"):
        checkpoint = open_checkpoint(model, with_weights=False)
        assert isinstance(checkpoint, ConfigCheckpoint)
        assert (checkpoint.names(), checkpoint.source_format) == ([], "config")
    _fails(folder, "model_not_found", "--program-only")


@pytest.mark.parametrize(
    ("files", "code", "said"),
    [
        ([], "model_not_found", "config.json"),
        (["pytorch_model.bin"], "unsupported", "save_pretrained"),
        (["config.json", "pytorch_model-00001-of-00002.bin"], "unsupported", "save_pretrained"),
        (["a.gguf", "b.gguf"], "invalid_request", "a.gguf, b.gguf"),
    ],
)
def test_folders_without_a_model(tmp_path: Path, files: list[str], code: str, said: str) -> None:
    for name in files:
        (tmp_path / name).write_text("{}")
    _fails(tmp_path, code, said)


@pytest.mark.parametrize(
    ("name", "code"),
    [("model.bin", "unsupported"), ("model.safetensors", "model_not_found"), ("model.onnx", "unsupported")],
)
def test_files_of_other_kinds(tmp_path: Path, name: str, code: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(NomoatError) as caught:
        open_checkpoint(tmp_path / name)
    assert caught.value.code == code


@pytest.mark.parametrize("model", ["nowhere", "no/such/path", "owner/", "/no/such/file.gguf", "a b/c"])
def test_nothing_there(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", None)
    with pytest.raises(NomoatError) as caught:
        open_checkpoint(model)
    assert caught.value.code == "model_not_found"


def test_hub_id_reads_the_snapshot_and_asks_for_no_more_than_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_huggingface(tmp_path / "snapshot", config(), weights(config()))
    calls: list[tuple[str, list[str]]] = []

    def download(hub_id: str, *, allow_patterns: list[str]) -> str:
        calls.append((hub_id, allow_patterns))
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    checkpoint = open_checkpoint("owner/Tiny")
    assert checkpoint.source == "owner/Tiny"
    np.testing.assert_array_equal(checkpoint.read("model.norm.weight"), weights(config())["model.norm.weight"])
    assert isinstance(open_checkpoint("owner/Tiny", with_weights=False), ConfigCheckpoint)
    assert [hub_id for hub_id, _ in calls] == ["owner/Tiny"] * 2
    assert any("safetensors" in pattern for pattern in calls[0][1])
    assert not any("safetensors" in pattern for pattern in calls[1][1])
    assert [pattern for pattern in calls[0][1] if pattern.endswith((".bin", ".pth"))] == ["params_shard_*.bin"]  # MLC's


def test_hub_failures_are_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(error: Exception) -> Callable[..., Any]:
        def download(*_: Any, **__: Any) -> str:
            raise error

        return download

    for error, code in (
        (GatedRepoError.__new__(GatedRepoError), "not_allowed"),
        (RepositoryNotFoundError.__new__(RepositoryNotFoundError), "model_not_found"),
        (ConnectionError("no route"), "network"),
        (RuntimeError("the HTTP library's own error"), "network"),
        (OSError(28, "No space left on device"), "storage_quota"),
    ):
        monkeypatch.setattr(huggingface_hub, "snapshot_download", failing(error))
        with pytest.raises(NomoatError) as caught:
            open_checkpoint("owner/Tiny")
        assert caught.value.code == code


def _fails(model: Path, code: str, said: str) -> None:
    with pytest.raises(NomoatError) as caught:
        open_checkpoint(model)
    assert caught.value.code == code
    assert said in caught.value.message
