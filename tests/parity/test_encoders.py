"""Proves that encoders give the embeddings of transformers: random BERTs on both devices, MiniLM as it is published.

Needs Chromium, torch and transformers, and pip for MiniLM. WebGPU computes in float32: what another order of sums makes
of values of magnitude 1 is far below 1e-4. wasm rounds keys and values to float16 (decision 0130). Against a reference
with the same roundings it is held to 1e-3, since a value next to a tie may round the other way; against transformers by
direction: MiniLM shows 1 - 4e-8 with float32 weights, and 0.9994 with 8-bit ones, before which activations are rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from nomoat_compiler.errors import NomoatError

from tests.fixtures import families
from tests.fixtures.packages import PackageTensors, compiled
from tests.fixtures.real_models import MINILM, real_model
from tests.parity.package_browser import PackageBrowser

pytestmark = pytest.mark.browser

ENCODERS = [name for name, variant in families.VARIANTS.items() if variant.encodes]
FLOAT_TOLERANCE, ROUNDED_TOLERANCE = 1e-4, 1e-3
LEAST_COSINE = {"f32": 1 - 1e-6, "q8": 0.999}
TEXTS = (
    "Once upon a time there was a swan.",
    "a",
    "She said: \u00e9\u4f60\ud7a3 \U0001f642!",
    "to the sea and back " * 4,
)
# Of MiniLM: nothing but special tokens, what it lower-cases, strips and does not know, and more than it reads.
REAL_TEXTS = (
    "", "Hello world", "Ein KÄSE: 你好 \U0001f642 naïve\u200b — ½", "[MASK] of [SEP]", "The sea and the river. " * 100,
)  # fmt: skip


def hidden_states(model: Any, ids: Sequence[int]) -> torch.Tensor:
    """(n, hidden_size) by transformers"""
    with torch.no_grad():
        hidden: torch.Tensor = model(torch.tensor([ids])).last_hidden_state[0]
    return hidden


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(one.astype(np.float64), axis=-1) * np.linalg.norm(other.astype(np.float64), axis=-1)
    return np.asarray((one.astype(np.float64) * other).sum(axis=-1) / lengths)


@pytest.mark.parametrize("device", ["webgpu", "wasm"])
@pytest.mark.parametrize("name", ENCODERS)
def test_random_encoders(
    name: str, device: str, package_browser: PackageBrowser, family_package: Callable[[str, str], Path]
) -> None:
    package = family_package(name, "f32")
    model = families.random_model(name)
    with package_browser.open(package, device) as opened:
        ids = [opened.tokenize(text) for text in TEXTS]
        actual = opened.embed(TEXTS)
    expected = np.stack([families.pooled(name, hidden_states(model, each)).numpy() for each in ids])
    assert np.linalg.norm(expected, axis=1).min() > 0.9
    scale = max(1.0, float(np.abs(expected).max()))
    if device == "webgpu":
        np.testing.assert_allclose(actual, expected, rtol=0, atol=FLOAT_TOLERANCE * scale)
        return
    rounded = PackageTensors(package)
    same = np.stack([rounded.rounded().encode(each) for each in ids])
    np.testing.assert_allclose(actual, same, rtol=0, atol=ROUNDED_TOLERANCE * scale)
    assert cosines(actual, expected).min() > 0.999


def test_a_text_that_is_too_long(package_browser: PackageBrowser, family_package: Callable[[str, str], Path]) -> None:
    """Cut where sentence-transformers' files stand beside the model, refused where they do not."""
    text = "the river and the sea and " * 40
    with package_browser.open(family_package("bert", "f32"), "wasm") as opened:
        ids = opened.tokenize(text)
        assert len(ids) > 128
        (actual,) = opened.embed([text])
    expected = families.pooled("bert", hidden_states(families.random_model("bert"), ids[:128])).numpy()
    assert cosines(actual, expected) > 0.999
    with (
        package_browser.open(family_package("xlm_roberta", "f32"), "wasm") as opened,
        pytest.raises(NomoatError, match=f"has {len(ids)} tokens") as caught,
    ):
        opened.embed(["a", text])
    assert caught.value.code == "context_overflow"
    assert caught.value.detail["index"] == 1


@pytest.mark.parametrize("quantization", LEAST_COSINE)
def test_minilm(quantization: str, package_browser: PackageBrowser) -> None:
    folder = real_model(MINILM)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    ids = [tokenizer(text, truncation=True, max_length=256)["input_ids"] for text in REAL_TEXTS]
    assert [len(ids[0]), len(ids[-1])] == [2, 256]
    expected = np.stack(
        [families.pooled("bert", hidden_states(model, each)).numpy() for each in ids]
    )  # As MiniLM does.
    with package_browser.open(compiled(folder, quantization, name="minilm"), "wasm") as opened:
        actual = opened.embed(REAL_TEXTS)
    np.testing.assert_allclose(np.linalg.norm(actual, axis=1), 1, atol=1e-5)
    assert cosines(actual, expected).min() > LEAST_COSINE[quantization]
