"""Proves that the NumPy oracle equals transformers in float32. Needs torch and transformers, no browser.

Tolerance: both sum the same float32 products in different orders. The logits here have a magnitude of a few
units and depend on about 10^3 roundings of 6e-8, so 1e-4 is wide for rounding and narrow for any mistake;
positions up to 300 make an angle's own rounding (300 * 6e-8) smaller than that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from nomoat_compiler.reference.llama import LlamaReference
from nomoat_compiler.reference.rope import attention_scaling, inverse_frequencies, rope_parameters
from safetensors import safe_open

from tests.fixtures.transformers_oracle import TransformersOracle
from tests.fixtures.variants import TINY_LLAMA, VARIANTS, random_tensors, variant_config

TOLERANCE = 1e-4


def reference(config: Mapping[str, object], tensors: Mapping[str, np.ndarray]) -> LlamaReference:
    return LlamaReference(config, tensors.__getitem__)


@pytest.mark.parametrize("name", VARIANTS)
def test_logits_equal_transformers(name: str) -> None:
    config = variant_config(name)
    tensors = random_tensors(config, seed=3)
    ids = np.random.default_rng(4).integers(0, config["vocab_size"], 60).tolist()
    oracle = TransformersOracle(config, tensors)
    # In one go, transformers gives every token of a dynamic RoPE the frequencies of the last one.
    expected = oracle.logits_one_by_one(ids) if name == "rope_dynamic" else oracle.logits(ids)
    actual = reference(config, tensors).logits(ids)
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", ["base", "rope_dynamic", "rope_yarn", "mqa"])
def test_pieces_through_the_cache_equal_one_go(name: str) -> None:
    config = variant_config(name)
    tensors = random_tensors(config, seed=5)
    ids = np.random.default_rng(6).integers(0, config["vocab_size"], 40).tolist()
    whole = reference(config, tensors).logits(ids)
    model = reference(config, tensors)
    pieces = [model.logits(ids[a:b], a) for a, b in [(0, 17), (17, 18), (18, 40)]]
    np.testing.assert_allclose(np.concatenate(pieces), whole, rtol=0, atol=TOLERANCE)
    # Going back forgets what came after.
    np.testing.assert_allclose(model.logits(ids[10:20], 10), whole[10:20], rtol=0, atol=TOLERANCE)
    assert model.length == 20
    with pytest.raises(ValueError, match="first_position"):
        model.logits(ids[:1], 21)


def test_trained_model_over_long_context() -> None:
    config = json.loads((TINY_LLAMA / "config.json").read_text())
    tensors = stored_tensors(TINY_LLAMA / "model.safetensors")
    ids = np.random.default_rng(7).integers(0, config["vocab_size"], 300).tolist()
    expected = TransformersOracle.from_folder(TINY_LLAMA).logits(ids)
    actual = reference(config, tensors).logits(ids)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=10 * TOLERANCE)  # logits reach 30 here


def stored_tensors(path: Path) -> dict[str, np.ndarray]:
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name).float().numpy() for name in file.keys()}  # noqa: SIM118


@pytest.mark.parametrize("name", [name for name in VARIANTS if name.startswith("rope")])
def test_frequencies_equal_transformers(name: str) -> None:
    """inv_freq to 2 units in the last place: NumPy's and torch's pow may each be off by one."""
    config = variant_config(name)
    rotary = TransformersOracle(config, random_tensors(config, 0)).model.model.rotary_emb
    np.testing.assert_array_max_ulp(inverse_frequencies(config), rotary.inv_freq.numpy(), maxulp=2)
    assert attention_scaling(rope_parameters(config)) == pytest.approx(rotary.attention_scaling, rel=1e-12)
