"""Proves that every knob of every architecture reaches the browser: random weights, logits against transformers.

Needs Chromium, torch and transformers. Logits have a magnitude of a few units here and the networks are two layers
deep, so 2e-4 is ten times what float32 sums in another order make of them, and a thousandth of what a wrong frequency,
bias or head makes of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.fixtures import families
from tests.fixtures.gguf_checkpoint import PLACES_OF_SCALES, WIDE, write_gguf
from tests.fixtures.packages import PackageTensors, compiled
from tests.fixtures.transformers_oracle import TransformersOracle
from tests.fixtures.variants import BROWSER_VARIANTS, VARIANTS, random_tensors, variant_config, write_variant
from tests.parity.adapters import EVERY_KERNEL
from tests.parity.package_browser import PackageBrowser

pytestmark = pytest.mark.browser

TOLERANCE = 2e-4
# Where a row of a quantized matrix does not end with a group or a 16-byte load.
QUANTIZED = [
    (name, q) for name in ("intermediate_172", "hidden_72", "every_bias_untied") for q in ("q4", "q8", "q4f16_1")
]


def check(browser: PackageBrowser, package: Path, config: dict[str, Any], tensors: Mapping[str, np.ndarray]) -> None:
    """Logits of 40 random tokens, the first 20 through prefill."""
    ids = np.random.default_rng(8).integers(0, config["vocab_size"], 40).tolist()
    oracle = TransformersOracle(config, tensors)
    dynamic = (config.get("rope_parameters") or {}).get("rope_type") == "dynamic"
    expected = oracle.logits_one_by_one(ids) if dynamic else oracle.logits(ids)
    assert np.abs(expected).max() > 1
    with browser.open(package) as opened:
        actual = opened.logits(ids, 20)
    np.testing.assert_allclose(actual, expected[20:], rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", VARIANTS if EVERY_KERNEL else BROWSER_VARIANTS)
def test_float32(name: str, package_browser: PackageBrowser, variant_package: Callable[[str, str], Path]) -> None:
    config = variant_config(name)
    check(package_browser, variant_package(name, "f32"), config, random_tensors(config, 0))


@pytest.mark.parametrize("name", families.BROWSER_VARIANTS)
def test_families(name: str, package_browser: PackageBrowser, family_package: Callable[[str, str], Path]) -> None:
    """Against transformers, of the files that it wrote."""
    ids = np.random.default_rng(8).integers(3, 512, families.VARIANTS[name].length).tolist()
    with torch.no_grad():
        expected = families.random_model(name)(torch.tensor([ids])).logits[0].numpy()
    with package_browser.open(family_package(name, "f32")) as opened:
        actual = opened.logits(ids, 20)
    np.testing.assert_allclose(actual, expected[20:], rtol=0, atol=TOLERANCE * max(1.0, float(expected.std())))


@pytest.mark.parametrize(("name", "quantization"), QUANTIZED)
def test_quantized(
    name: str, quantization: str, package_browser: PackageBrowser, variant_package: Callable[[str, str], Path]
) -> None:
    package = variant_package(name, quantization)
    check(package_browser, package, variant_config(name), PackageTensors(package))


@pytest.mark.parametrize(("dtype", "shards"), [("bfloat16", 3), ("float16", 1)])
def test_checkpoint_dtypes_and_shards(dtype: str, shards: int, package_browser: PackageBrowser, tmp_path: Path) -> None:
    """The random values are bfloat16's. float16 rounds the smallest of them, by less than 2^-25."""
    folder = write_variant(tmp_path / "sharded", "base", dtype=dtype, shards=shards)
    config = variant_config("base")
    check(package_browser, compiled(folder, "f32"), config, random_tensors(config, 0))


@pytest.mark.parametrize("block_type", ["Q4_0", "Q4_1", "Q5_0", "Q8_0", "F16", *PLACES_OF_SCALES])
def test_gguf(block_type: str, package_browser: PackageBrowser, tmp_path: Path) -> None:
    """Against what the gguf package says that the file means."""
    config = variant_config("three_heads_per_kv") | {"tie_word_embeddings": False}
    if block_type in PLACES_OF_SCALES:
        config = variant_config("base") | WIDE
    path = tmp_path / f"tiny.{block_type}.gguf"
    meant = write_gguf(path, config, random_tensors(config, 9), block_type)
    check(package_browser, compiled(path, {"F16": "f32", "Q8_0": "q8"}.get(block_type, "q4")), config, meant)
