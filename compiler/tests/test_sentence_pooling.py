"""Pooling of sentence-transformers models is read from their files, and other modules are refused. Needs nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from nomoat_compiler.checkpoint.huggingface import ConfigCheckpoint
from nomoat_compiler.errors import NomoatError

TRANSFORMER = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}
POOLING = {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}
NORMALIZE = {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}
DENSE = {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"}
IDENTITY = {"in_features": 384, "out_features": 768, "activation_function": "torch.nn.modules.linear.Identity"}
MEAN = {"word_embedding_dimension": 384, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
CLS = {"word_embedding_dimension": 384, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}


def read(folder: Path, modules: Any, pooling: Any, dense: Any = IDENTITY) -> Any:
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "config.json").write_text(json.dumps(dense))
    (folder / "config.json").write_text("{}")
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return ConfigCheckpoint(folder / "config.json", "m").config["pooling"]


@pytest.mark.parametrize(
    ("modules", "pooling", "expected"),
    [
        ([TRANSFORMER, POOLING, NORMALIZE], MEAN, {"mode": "mean", "normalize": True, "cuts": True}),
        ([TRANSFORMER, POOLING], CLS, {"mode": "cls", "normalize": False, "cuts": True}),
        (
            [TRANSFORMER, POOLING],
            {"pooling_mode_lasttoken": True},
            {"mode": "lasttoken", "normalize": False, "cuts": True},
        ),
        (
            [TRANSFORMER, POOLING, DENSE, NORMALIZE],
            MEAN,
            {
                "mode": "mean",
                "normalize": True,
                "cuts": True,
                "dense": [{"path": "2_Dense", "rows": 768, "columns": 384, "bias": True}],
            },
        ),
        ([TRANSFORMER, POOLING], {"pooling_mode": "cls"}, {"mode": "cls", "normalize": False, "cuts": True}),
    ],
)
def test_modules_say_how_a_text_becomes_a_vector(tmp_path: Path, modules: Any, pooling: Any, expected: Any) -> None:
    assert read(tmp_path, modules, pooling) == expected


@pytest.mark.parametrize(
    ("own", "tokenizer", "expected"),
    [(256, 512, 256), (None, 512, 512), (None, 10**30, None), (None, None, None), (256, None, 256)],
)
def test_where_texts_are_cut(own: int | None, tokenizer: int | None, expected: int | None, tmp_path: Path) -> None:
    """The rule of sentence_transformers.models.Transformer."""
    for name, key, value in (
        ("sentence_bert_config.json", "max_seq_length", own),
        ("tokenizer_config.json", "model_max_length", tokenizer),
    ):
        (tmp_path / name).write_text(json.dumps({key: value, "do_lower_case": False}))
    pooling = read(tmp_path, [TRANSFORMER, POOLING], MEAN)
    assert pooling["cuts"] is True
    assert pooling.get("max_seq_length") == expected


def test_other_models_say_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert "pooling" not in ConfigCheckpoint(tmp_path / "config.json", "m").config


@pytest.mark.parametrize(
    ("modules", "pooling", "code"),
    [
        ([TRANSFORMER, POOLING, {"type": "sentence_transformers.models.LSTM"}], MEAN, "unsupported"),
        ([TRANSFORMER, POOLING, {"type": "sentence_transformers.models.Dense"}], MEAN, "invalid_checkpoint"),
        ([TRANSFORMER, POOLING, NORMALIZE, DENSE], MEAN, "unsupported"),
        ([TRANSFORMER, DENSE, POOLING], MEAN, "unsupported"),
        ([TRANSFORMER, POOLING], MEAN | CLS | {"pooling_mode_mean_tokens": True}, "unsupported"),
        ([TRANSFORMER, POOLING], {}, "unsupported"),
        ([TRANSFORMER, POOLING | {"path": "../x"}], MEAN, "invalid_checkpoint"),
        ([TRANSFORMER, POOLING | {"path": 3}], MEAN, "invalid_checkpoint"),
        ([TRANSFORMER, POOLING | {"path": "9_Pooling"}], MEAN, "invalid_checkpoint"),
        ([TRANSFORMER, 7], MEAN, "invalid_checkpoint"),
        ({"a": 1}, MEAN, "invalid_checkpoint"),
        ([TRANSFORMER, POOLING], [], "invalid_checkpoint"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, modules: Any, pooling: Any, code: str) -> None:
    with pytest.raises(NomoatError) as caught:
        read(tmp_path, modules, pooling)
    assert caught.value.code == code


def test_an_activation_behind_a_linear_layer_is_refused(tmp_path: Path) -> None:
    tanh = IDENTITY | {"activation_function": "torch.nn.modules.activation.Tanh"}
    with pytest.raises(NomoatError, match="2_Dense is followed by Tanh"):
        read(tmp_path, [TRANSFORMER, POOLING, DENSE], MEAN, tanh)
