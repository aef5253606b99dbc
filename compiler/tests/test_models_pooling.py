"""Proves that what sentence-transformers' files beside an encoder say reaches its plan (how they are read:
test_sentence_pooling.py). Needs nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from nomoat_compiler.checkpoint.huggingface import read_config
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.models.registry import read_model

CONFIG = {"architectures": ["BertModel"], "vocab_size": 100, "hidden_size": 64, "num_attention_heads": 4}
MEAN, CLS = {"pooling_mode_mean_tokens": True}, {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
POOLING_SYMBOLS = ("pools_mean", "normalizes", "cuts_texts")


def module(kind: str, path: str = "") -> dict[str, Any]:
    return {"idx": 0, "name": "0", "path": path, "type": f"sentence_transformers.models.{kind}"}


def folder(path: Path, modules: Any, pooling: Any = None, sentence_bert: Any = None) -> Path:
    (path / "config.json").write_text(json.dumps(CONFIG))
    (path / "modules.json").write_text(json.dumps(modules))
    if pooling is not None:
        (path / "1_Pooling").mkdir()
        (path / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    if sentence_bert is not None:
        (path / "sentence_bert_config.json").write_text(json.dumps(sentence_bert))
    return path / "config.json"


TRANSFORMER, POOLING, NORMALIZE = (
    module("Transformer"),
    module("Pooling", "1_Pooling"),
    module("Normalize", "2_Normalize"),
)


@pytest.mark.parametrize(
    ("modules", "pooling", "expected"),
    [
        ([TRANSFORMER, POOLING, NORMALIZE], MEAN, (True, True, True)),
        ([TRANSFORMER, POOLING], CLS, (False, False, True)),
        ([TRANSFORMER], None, (True, False, True)),
    ],
)
def test_what_becomes_of_the_hidden_states(
    modules: Any, pooling: Any, expected: tuple[bool, bool], tmp_path: Path
) -> None:
    described = read_model(read_config(folder(tmp_path, modules, pooling)))
    assert tuple(described.config[name] for name in POOLING_SYMBOLS) == expected


def test_without_files_it_is_the_mean(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    described = read_model(read_config(tmp_path / "config.json"))
    assert [described.config[name] for name in POOLING_SYMBOLS] == [True, False, False]
    assert (described.trained_length, described.supported_length) == (512, 512)


def test_texts_are_cut_where_the_model_cuts_them(tmp_path: Path) -> None:
    described = read_model(read_config(folder(tmp_path, [TRANSFORMER, POOLING], MEAN, {"max_seq_length": 256})))
    assert (described.trained_length, described.supported_length) == (256, 512)


def test_another_pooling_is_named(tmp_path: Path) -> None:
    config = read_config(folder(tmp_path, [TRANSFORMER, POOLING], {"pooling_mode_max_tokens": True}))
    with pytest.raises(NomoatError, match="max") as caught:
        read_model(config)
    assert caught.value.code == "unsupported"


def test_a_length_that_is_none(tmp_path: Path) -> None:
    config = read_config(folder(tmp_path, [TRANSFORMER], None, {"max_seq_length": "long"}))
    with pytest.raises(NomoatError, match="max_seq_length"):
        read_model(config)
