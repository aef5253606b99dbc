"""Published folders that differ from the documents are read as transformers reads them. Needs transformers.

Each case damages or renames what a plain folder has; either every tensor and the tie of the head are what they were, or
a typed error names the file or tensor.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from nomoat_compiler.checkpoint.open import open_checkpoint
from nomoat_compiler.checkpoint.tensor_names import canonical_names
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.models.registry import read_model
from nomoat_compiler.quantize.sources import StoredIn
from safetensors.torch import load_file, save_file
from tiny_checkpoints import config, weights, write_huggingface
from transformers import AutoModelForCausalLM

INDEX = "model.safetensors.index.json"
FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"
Change = Callable[[Path], Any]


def index(weight_map: dict[str, str]) -> Change:
    return lambda folder: (folder / INDEX).write_text(json.dumps({"weight_map": weight_map}))


def edit_index(edit: Callable[[dict[str, str]], Any]) -> Change:
    def change(folder: Path) -> None:
        value = json.loads((folder / INDEX).read_text())
        edit(value["weight_map"])
        (folder / INDEX).write_text(json.dumps(value))

    return change


def tensors(edit: Callable[[dict[str, torch.Tensor]], Any], file: str = "model.safetensors") -> Change:
    def change(folder: Path) -> None:
        value = load_file(folder / file)
        edit(value)
        save_file(value, folder / file)

    return change


def renamed(rename: Callable[[str], str], file: str = "model.safetensors") -> Change:
    def edit(value: dict[str, torch.Tensor]) -> None:
        for name in list(value):
            value[rename(name)] = value.pop(name)

    return tensors(edit, file)


def also_in_second(change_value: Callable[[torch.Tensor], torch.Tensor]) -> Change:
    """The first tensor of the first shard is in the second shard too."""

    def change(folder: Path) -> None:
        name, value = sorted(load_file(folder / FIRST).items())[0]
        tensors(lambda second: second.update({name: change_value(value)}), SECOND)(folder)

    return change


def single_beside_shards(names: slice, cut_bytes: int = 0) -> Change:
    """A model.safetensors with some of the tensors, all 0, beside complete shards."""

    def change(folder: Path) -> None:
        value = load_file(folder / FIRST) | load_file(folder / SECOND)
        save_file({name: torch.zeros_like(value[name]) for name in sorted(value)[names]}, folder / "model.safetensors")
        if cut_bytes:
            data = (folder / "model.safetensors").read_bytes()
            (folder / "model.safetensors").write_bytes(data[:-cut_bytes])

    return change


def removed(file: str) -> Change:
    return lambda folder: (folder / file).unlink()


def every(*changes: Change) -> Change:
    return lambda folder: [change(folder) for change in changes]


def two_heads(value: dict[str, torch.Tensor]) -> None:
    """Without ``model.``, and with a head in two places."""
    for name in list(value):
        value[name.removeprefix("model.")] = value.pop(name)
    value["model.lm_head.weight"] = value[HEAD].clone()


def nothing(folder: Path) -> None:
    pass


# (shards, change): the folder means what it meant before.
SAME: dict[str, tuple[int, Change]] = {
    "index of an earlier upload": (1, index({EMBEDDING: FIRST, "model.norm.weight": SECOND})),
    "index of no tensors": (1, index({})),
    "index of other shards and tensors": (1, index({"transformer.wte.weight": "model-00001-of-00009.safetensors"})),
    "index names the wrong shard": (2, edit_index(lambda m: m.update(dict.fromkeys(m, FIRST), **{HEAD: SECOND}))),
    "index names a tensor that is nowhere": (2, edit_index(lambda m: m.update({"model.rotary_emb.inv_freq": FIRST}))),
    "index lacks a tensor": (2, edit_index(lambda m: m.pop(EMBEDDING))),
    "shards without an index": (2, removed(INDEX)),
    "half a model.safetensors beside shards": (2, single_beside_shards(slice(0, 5))),
    "a broken model.safetensors beside shards": (2, single_beside_shards(slice(None), cut_bytes=9)),
    "one tensor in both shards": (2, also_in_second(lambda value: value)),
    "saved from the base model": (1, renamed(lambda name: name.removeprefix("model."))),
    "saved from the base model, in shards": (
        2, every(*(renamed(lambda n: n.removeprefix("model."), file) for file in (FIRST, SECOND))),
    ),
    "one model. more": (1, renamed(lambda name: f"model.{name}")),
    "peft's base model": (1, renamed(lambda name: f"base_model.model.{name}")),
    "data parallel": (1, renamed(lambda name: f"module.{name}")),
    "a compiled module": (1, renamed(lambda name: f"_orig_mod.{name}")),
    "inside a vision model of transformers 4": (1, renamed(lambda name: f"language_model.{name}")),
    "inside a vision model of transformers 5": (
        1, renamed(lambda name: name.replace("model.", "model.language_model.", 1)),
    ),
    "more tensors than needed": (1, tensors(lambda t: t.update({"model.rotary_emb.inv_freq": torch.ones(8)}))),
    "a scalar and an integer beside": (
        1, tensors(lambda t: t.update({"model.masked_bias": torch.tensor(-1e4), "model.ids": torch.arange(4)})),
    ),
}  # fmt: skip
# (shards, change, what the message says): always invalid_checkpoint.
BROKEN: dict[str, tuple[int, Change, str]] = {
    "one tensor in both shards, another value": (2, also_in_second(lambda value: value + 1), "differ"),
    "one tensor in both shards, another shape": (2, also_in_second(lambda value: value[:1].clone()), "differ"),
    "one tensor in both shards, another dtype": (2, also_in_second(lambda value: value.half()), "differ"),
    "a shard is missing": (2, removed(SECOND), SECOND),
    "a shard is missing, and the index": (
        2, every(removed(SECOND), removed(INDEX)), SECOND,
    ),
    "a broken model.safetensors, and no shard": (
        2, every(single_beside_shards(slice(None), cut_bytes=9), removed(FIRST)), "model.safetensors",
    ),
    "two names that mean one": (1, tensors(two_heads), "one is meant"),
}  # fmt: skip


@pytest.mark.parametrize("case", SAME)
def test_folder_means_what_it_meant(tmp_path: Path, case: str) -> None:
    shards, change = SAME[case]
    expected = weights(config())
    folder = write_huggingface(tmp_path / "m", config(), expected, shards=shards)
    change(folder)
    checkpoint = open_checkpoint(folder)
    assert set(expected) <= set(checkpoint.names())
    for name, values in expected.items():
        np.testing.assert_array_equal(checkpoint.read(name), values, err_msg=name)
    checkpoint.close()


@pytest.mark.parametrize("case", BROKEN)
def test_folder_with_two_meanings(tmp_path: Path, case: str) -> None:
    shards, change, said = BROKEN[case]
    folder = write_huggingface(tmp_path / "m", config(), weights(config()), shards=shards)
    change(folder)
    with pytest.raises(NomoatError) as caught:
        open_checkpoint(folder)
    assert caught.value.code == "invalid_checkpoint"
    assert said in caught.value.message


def other_head(value: dict[str, torch.Tensor]) -> None:
    value[HEAD] = value[EMBEDDING] * 0.5


def head_one_value_off(value: dict[str, torch.Tensor]) -> None:
    value[HEAD] = value[EMBEDDING].clone()
    value[HEAD][-1, -1] += 1


TIES: dict[str, tuple[dict[str, Any], Change]] = {
    "tied, no head": ({"tie_word_embeddings": True}, tensors(lambda t: t.pop(HEAD))),
    "tied, the same head": (
        {"tie_word_embeddings": True}, tensors(lambda t: t.update({HEAD: t[EMBEDDING].clone()})),
    ),
    "tied, another head": ({"tie_word_embeddings": True}, tensors(other_head)),
    "tied, one value of the head is another": ({"tie_word_embeddings": True}, tensors(head_one_value_off)),
    "tied, the head only": ({"tie_word_embeddings": True}, tensors(lambda t: t.pop(EMBEDDING))),
    "tied, another head, saved from the base model": (
        {"tie_word_embeddings": True},
        every(tensors(other_head), renamed(lambda n: n.removeprefix("model."))),
    ),
    "not tied": ({"tie_word_embeddings": False}, nothing),
    "not tied, the same head": (
        {"tie_word_embeddings": False}, tensors(lambda t: t.update({HEAD: t[EMBEDDING].clone()})),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TIES)
def test_head_is_the_one_that_transformers_uses(tmp_path: Path, case: str) -> None:
    fields, change = TIES[case]
    model = config(**fields)
    folder = write_huggingface(tmp_path / "m", model, weights(config()))
    change(folder)
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    checkpoint = open_checkpoint(folder)
    ours_tied = read_model(checkpoint.config, StoredIn(checkpoint)).config["tie_word_embeddings"]
    embedding = checkpoint.read(EMBEDDING)
    head = embedding if ours_tied else checkpoint.read(HEAD)
    np.testing.assert_array_equal(embedding, theirs.get_input_embeddings().weight.detach().numpy())
    np.testing.assert_array_equal(head, theirs.get_output_embeddings().weight.detach().numpy())
    checkpoint.close()


@pytest.mark.parametrize(
    ("stored", "canonical"),
    [
        ("gpt_neox.embed_in.weight", "gpt_neox.embed_in.weight"),
        ("embed_in.weight", "gpt_neox.embed_in.weight"),
        ("bert.embeddings.word_embeddings.weight", "embeddings.word_embeddings.weight"),
        ("embeddings.word_embeddings.weight", "embeddings.word_embeddings.weight"),
        ("model.bert.encoder.layer.0.output.dense.weight", "encoder.layer.0.output.dense.weight"),
        ("layers.0.mlp.down_proj.weight", "model.layers.0.mlp.down_proj.weight"),
        ("bert.embeddings.LayerNorm.gamma", "bert.embeddings.LayerNorm.weight"),
        ("encoder.layer.0.output.LayerNorm.beta", "encoder.layer.0.output.LayerNorm.bias"),
        ("lm_head.weight", "lm_head.weight"),
        ("something.else", "something.else"),
    ],
)
def test_prefixes_of_other_families(stored: str, canonical: str) -> None:
    assert canonical_names([stored]) == {canonical: stored}


@pytest.mark.parametrize("prefix", ["gpt_neox.", ""])
@pytest.mark.parametrize("head", ["embed_out.weight", "lm_head.weight"])
def test_head_of_gpt_neox_has_the_published_name(prefix: str, head: str) -> None:
    """transformers 5 calls it lm_head."""
    names = canonical_names([f"{prefix}embed_in.weight", head])
    assert names == {"gpt_neox.embed_in.weight": f"{prefix}embed_in.weight", "embed_out.weight": head}
