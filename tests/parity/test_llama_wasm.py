"""Proves that models compute on the CPU device what the NumPy reference with the same roundings does.

Needs Chromium. Every knob of the architecture in float32 weights, where only keys and values are rounded, to float16;
every kind of quantized weights; one thread and two. The reference is interpreter/rounding.py on the package's own
weights, which test_rounding_costs below holds against the interpreter without roundings.

Tolerance: with plain weights all logits within 2e-3 and half of them within 2e-4, that of WebGPU, since a key or value
that lies near the middle between two float16 may be rounded either way: of logits up to 11 the farthest was seen 1e-3
off, half of them at most 8e-5. A wrong frequency, bias or head moves them by tenths.

With quantized weights three of five tokens that stand alone must agree to 2e-4. Longer sequences cannot: the smallest
difference rounds some activation the other way, that changes all that follow by a part of a step, which rounds more of
them the other way, until device and reference are two draws of the same noise. So there the noise is compared: the
device must be as near to the exact model as the reference with roundings is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.fixtures import families
from tests.fixtures.gguf_checkpoint import PLACES_OF_SCALES, WIDE, write_gguf
from tests.fixtures.packages import PackageTensors, compiled
from tests.fixtures.variants import BROWSER_VARIANTS, VARIANTS, random_tensors, variant_config
from tests.parity.adapters import EVERY_KERNEL
from tests.parity.package_browser import PackageBrowser

pytestmark = pytest.mark.browser

PLAIN_TOLERANCE = 2e-3
PLAIN_MEDIAN_TOLERANCE = 2e-4
ALONE_TOLERANCE = 2e-4
# Two draws of one noise over 40 tokens and 512 logits differ by a few per cent in size.
NOISE_RATIO = 1.3
QUANTIZED = [
    (name, q)
    for name in ("base", "intermediate_172", "hidden_72", "every_bias_untied")
    for q in ("q4", "q8", "q4f16_1", "q4f32_1")
]
PLAIN = ("f16", "q0f16", "q0f32")


def check(browser: PackageBrowser, package: Path, *, quantized: bool, threads: int | None = None) -> None:
    """Logits of 40 random tokens, all through decode, and again with the first 20 through prefill."""
    tensors = PackageTensors(package)
    ids = np.random.default_rng(8).integers(0, tensors.instance.vocab_size, 40).tolist()
    expected = tensors.rounded().decode(ids)
    assert np.abs(expected).max() > 1
    with browser.open(package, "wasm", threads) as opened:
        decoded, prefilled = opened.logits(ids), opened.logits(ids, 20)
        alone = [opened.logits([token])[0] for token in ids[:5]]
    if not quantized:
        for actual, wanted in ((decoded, expected), (prefilled, expected[20:])):
            np.testing.assert_allclose(actual, wanted, rtol=0, atol=PLAIN_TOLERANCE)
            assert np.median(np.abs(actual - wanted)) <= PLAIN_MEDIAN_TOLERANCE
        return
    wanted_alone = [tensors.rounded().decode([token])[0] for token in ids[:5]]
    errors = [np.abs(actual - wanted).max() for actual, wanted in zip(alone, wanted_alone, strict=True)]
    assert np.median(errors) <= ALONE_TOLERANCE, errors
    exact = tensors.interpreter().decode(ids)
    noise = root_mean_square(expected - exact)
    assert root_mean_square(decoded - exact) <= NOISE_RATIO * noise
    assert root_mean_square(prefilled - exact[20:]) <= NOISE_RATIO * noise


def root_mean_square(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


@pytest.mark.parametrize("name", VARIANTS if EVERY_KERNEL else BROWSER_VARIANTS)
def test_float32(name: str, package_browser: PackageBrowser, variant_package: Callable[[str, str], Path]) -> None:
    check(package_browser, variant_package(name, "f32"), quantized=False)


@pytest.mark.parametrize("name", families.BROWSER_VARIANTS)
def test_families(name: str, package_browser: PackageBrowser, family_package: Callable[[str, str], Path]) -> None:
    check(package_browser, family_package(name, "f32"), quantized=False)


@pytest.mark.parametrize("quantization", PLAIN)
def test_plain_weights(
    quantization: str, package_browser: PackageBrowser, variant_package: Callable[[str, str], Path]
) -> None:
    check(package_browser, variant_package("every_bias_untied", quantization), quantized=False)


@pytest.mark.parametrize(("name", "quantization"), QUANTIZED)
def test_quantized(
    name: str, quantization: str, package_browser: PackageBrowser, variant_package: Callable[[str, str], Path]
) -> None:
    check(package_browser, variant_package(name, quantization), quantized=True)


@pytest.mark.parametrize("threads", [1, 2])
def test_thread_counts(
    threads: int, package_browser: PackageBrowser, variant_package: Callable[[str, str], Path]
) -> None:
    check(package_browser, variant_package("three_heads_per_kv", "q4"), quantized=True, threads=threads)


@pytest.mark.parametrize("block_type", ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", *PLACES_OF_SCALES])
def test_gguf(block_type: str, package_browser: PackageBrowser, tmp_path: Path) -> None:
    config = variant_config("three_heads_per_kv") | {"tie_word_embeddings": False}
    if block_type in PLACES_OF_SCALES:
        config = variant_config("base") | WIDE
    path = tmp_path / f"tiny.{block_type}.gguf"
    write_gguf(path, config, random_tensors(config, 9), block_type)
    check(package_browser, compiled(path, "q8" if block_type == "Q8_0" else "q4"), quantized=True)


def test_rounding_costs(variant_package: Callable[[str, str], Path]) -> None:
    """The roundings alone move the logits of a random network by a few hundredths of their size, never more."""
    tensors = PackageTensors(variant_package("base", "q4"))
    ids = np.random.default_rng(8).integers(0, tensors.instance.vocab_size, 40).tolist()
    exact, rounded = tensors.interpreter().decode(ids), tensors.rounded().decode(ids)
    error = np.abs(rounded - exact)
    assert 0 < np.median(error) < 0.02 * np.abs(exact).max()
    assert np.corrcoef(exact.ravel(), rounded.ravel())[0, 1] > 0.998
