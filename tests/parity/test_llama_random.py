"""Proves that one plan runs every size: twenty random configurations with random weights, logits against the reference.

Needs Chromium. The reference is the interpreter: transformers refuses head counts that do not divide the hidden size.
Each configuration gets a quantization of its own; the reference has the weights of the package. Every fourth runs on
WebGPU, where a load compiles for seconds on the software adapter, the others on the CPU; NOMOAT_EVERY_KERNEL=1 runs
all of them on both.

Tolerances, times the spread of the logits: on WebGPU that of test_llama_variants.py. On the CPU keys and values are
rounded to float16, which these networks of up to five layers without training carry on: up to 0.002 was seen, with a
median of 3e-4; a wrong frequency, bias or head moves all logits by tenths.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.fixtures.instances import RANDOM_SEEDS, random_config
from tests.fixtures.packages import PackageTensors, compiled
from tests.fixtures.variants import random_tensors, write_checkpoint
from tests.parity.adapters import EVERY_KERNEL
from tests.parity.package_browser import PackageBrowser

pytestmark = pytest.mark.browser

TOLERANCE = {"webgpu": 2e-4, "wasm": 6e-3}
MEDIAN_TOLERANCE = {"webgpu": 2e-4, "wasm": 8e-4}
# Quantized weights meet rounded activations on the CPU, so it is asked for plain ones.
QUANTIZATIONS = {"webgpu": ("f32", "q4", "q8", "f16", "q4f16_1"), "wasm": ("f32", "f16", "q0f32")}
RUNS = [
    (seed, device)
    for i, seed in enumerate(RANDOM_SEEDS)
    for device in ("webgpu", "wasm")
    if EVERY_KERNEL or (device == "webgpu") == (i % 4 == 0)
]


@pytest.mark.parametrize(("seed", "device"), RUNS)
def test_logits(seed: int, device: str, package_browser: PackageBrowser, tmp_path: Path) -> None:
    config = random_config(seed)
    quantizations = QUANTIZATIONS[device]
    checkpoint = write_checkpoint(tmp_path / f"random_{seed}", config, random_tensors(config, seed))
    package = compiled(checkpoint, quantizations[seed % len(quantizations)], name=f"random_{seed}")
    count = min(24, config["max_position_embeddings"])
    ids = np.random.default_rng(seed).integers(0, config["vocab_size"], count).tolist()
    expected = PackageTensors(package).interpreter().decode(ids)
    with package_browser.open(package, device) as opened:
        actual = opened.logits(ids, count // 2)
    spread = max(1.0, float(expected.std()))
    errors = np.abs(actual - expected[count // 2 :]) / spread
    assert np.median(errors) <= MEDIAN_TOLERANCE[device]
    assert errors.max() <= TOLERANCE[device]
