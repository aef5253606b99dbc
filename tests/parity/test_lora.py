"""Proves that adapters compute in the browser what peft does on transformers in float32, on both devices.

Needs Chromium, torch, transformers and peft. Models and adapters are random, so every part of an adapter moves the
logits by tenths. On WebGPU the tolerance is that of test_llama_variants.py; on the CPU keys and values are float16.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from nomoat_compiler.adapter.compile import compile_adapter
from nomoat_compiler.errors import NomoatError
from peft import PeftModel

from tests.fixtures.packages import compiled
from tests.fixtures.random_lora import CONFIGS, random_lora
from tests.fixtures.transformers_oracle import TransformersOracle
from tests.fixtures.variants import random_tensors, variant_config, write_variant
from tests.parity.package_browser import GREEDY, OpenPackage, PackageBrowser

pytestmark = pytest.mark.browser

TOLERANCE = 2e-4
# Random adapters make keys several times as large, so what float16 takes of them weighs more than in a model alone;
# they move the logits by tenths.
CPU_TOLERANCE, CPU_MEDIAN_TOLERANCE = 5e-2, 5e-3
VARIANT = "every_bias_untied"
CONFIG = variant_config(VARIANT)
TENSORS = random_tensors(CONFIG, 0)
IDS = np.random.default_rng(8).integers(0, CONFIG["vocab_size"], 30).tolist()
FIRST = 17  # the tokens before go through prefill
A, B = "every_projection", "ranks"


class Adapted:
    """The base with the adapters a and b in peft, and what the browser is given."""

    def __init__(self, folder: Path) -> None:
        self.checkpoint = write_variant(folder / "model", VARIANT)
        self.base = compiled(self.checkpoint, "f32", name=VARIANT)
        self.oracle = TransformersOracle(CONFIG, TENSORS)
        self.plain = self.oracle.logits(IDS)
        self.folders: dict[str, Path] = {}
        for name, config, seed in ((A, CONFIGS[A], 1), (B, CONFIGS[B], 2)):
            model = random_lora(TransformersOracle(CONFIG, TENSORS).model, config, seed)
            model.save_pretrained(folder / f"{name}.peft")
            compile_adapter(folder / f"{name}.peft", folder / name, base=self.base, quantization="f32")
            self.folders[name] = folder / name
        self.model = PeftModel.from_pretrained(self.oracle.model, folder / f"{A}.peft", adapter_name=A)
        self.model.load_adapter(folder / f"{B}.peft", adapter_name=B)
        self.model.eval()
        self.oracle.model = self.model

    def logits(self, weights: dict[str, float]) -> np.ndarray:
        """(T, vocab_size) by peft's own addition of adapters, which loses parts of one with a rank_pattern alone."""
        if list(weights.values()) == [1]:
            self.model.set_adapter(next(iter(weights)))
            return self.oracle.logits(IDS)
        self.model.add_weighted_adapter(list(weights), list(weights.values()), "sum", combination_type="cat")
        try:
            self.model.set_adapter("sum")
            return self.oracle.logits(IDS)
        finally:
            self.model.delete_adapter("sum")


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory) -> Adapted:
    return Adapted(tmp_path_factory.mktemp("lora"))


def use(weights: dict[str, float]) -> list[dict[str, Any]]:
    return [{"name": name, "weight": weight} for name, weight in weights.items()]


@contextmanager
def opened(browser: PackageBrowser, adapted: Adapted, device: str, names: Sequence[str]) -> Iterator[OpenPackage]:
    with browser.open(adapted.base, device) as model:
        for name in names:
            assert model.load_adapter(adapted.folders[name], name)["name"] == name
        yield model


# Of what an adapter moves the logits by: how far off its quantization may be.
SHARE = {"f16": 5e-3, "f32": 0.0, "q8": 5e-2}
STACKS: list[dict[str, float]] = [{A: 1}, {B: 1}, {A: 0.5, B: -0.75}, {A: 2}]


def test_webgpu(adapted: Adapted, package_browser: PackageBrowser) -> None:
    """Switched from request to request, and back to the model alone."""
    with opened(package_browser, adapted, "webgpu", [A, B]) as model:
        for weights in (*STACKS, *STACKS[:1]):
            expected = adapted.logits(weights)
            assert np.abs(expected - adapted.plain).max() > 0.3, weights
            actual = model.logits(IDS, FIRST, use(weights))
            np.testing.assert_allclose(actual, expected[FIRST:], rtol=0, atol=TOLERANCE, err_msg=str(weights))
        np.testing.assert_allclose(model.logits(IDS, FIRST), adapted.plain[FIRST:], rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("threads", [1, 2])
def test_wasm(threads: int, adapted: Adapted, package_browser: PackageBrowser) -> None:
    with package_browser.open(adapted.base, "wasm", threads) as model:
        for name in (A, B):
            model.load_adapter(adapted.folders[name], name)
        alone = model.logits(IDS, FIRST)
        for weights in (*STACKS, *STACKS[:1]):
            expected = adapted.logits(weights)[FIRST:]
            actual = model.logits(IDS, FIRST, use(weights))
            np.testing.assert_allclose(actual, expected, rtol=0, atol=CPU_TOLERANCE, err_msg=str(weights))
            assert np.median(np.abs(actual - expected)) <= CPU_MEDIAN_TOLERANCE
            assert np.abs(actual - alone).max() > 0.3
        np.testing.assert_array_equal(model.logits(IDS, FIRST), alone)


@pytest.mark.parametrize("device", ["webgpu", "wasm"])
@pytest.mark.parametrize("name", ["one_part_of_three", "some_layers", "rslora"])
def test_half_precision(
    name: str, device: str, adapted: Adapted, tmp_path: Path, package_browser: PackageBrowser
) -> None:
    """In float16 A is known to 2^-11, so the logits to a few thousandths of what the adapter moves them by. In q8 it is
    known to a half of 1/127 of the largest of its 32: to some hundredths in the root mean square, since these adapters
    move logits by several units, and where two keys are alike, attention turns to the other one for less.
    """
    model = random_lora(TransformersOracle(CONFIG, TENSORS).model, CONFIGS[name], 3)
    model.save_pretrained(tmp_path / "peft")
    for quantization in SHARE:
        compile_adapter(tmp_path / "peft", tmp_path / quantization, base=adapted.base, quantization=quantization)
    with torch.inference_mode():
        expected = model(torch.tensor([IDS])).logits[0].numpy()[FIRST:]
    change = expected - adapted.plain[FIRST:]
    moved = np.abs(change).max()
    assert moved > 0.1
    with package_browser.open(adapted.base, device) as opened:
        for quantization in SHARE:
            opened.load_adapter(tmp_path / quantization, quantization)
        found = {quantization: opened.logits(IDS, FIRST, use({quantization: 1})) for quantization in SHARE}
        mixed = opened.logits(IDS, FIRST, use(dict.fromkeys(SHARE, 1 / len(SHARE))))
    if device == "webgpu":
        for quantization in ("f32", "f16"):
            atol = TOLERANCE + SHARE[quantization] * moved
            np.testing.assert_allclose(found[quantization], expected, rtol=0, atol=atol, err_msg=quantization)
    else:  # Rounded keys and values hide more than that.
        assert np.median(np.abs(found["f16"] - found["f32"])) <= SHARE["f16"] * moved
    for coarse in (found["q8"], mixed):
        assert size(coarse - found["f32"]) <= SHARE["q8"] * size(change)


def size(values: np.ndarray) -> float:
    """The root mean square."""
    return float(np.sqrt(np.mean(values.astype(np.float64) ** 2)))


@pytest.mark.parametrize("device", ["webgpu", "wasm"])
def test_prefixes_are_shared_within_a_stack_only(
    device: str, adapted: Adapted, package_browser: PackageBrowser
) -> None:
    prompt = "once upon a time there was a fox"  # less than a page, of which the cache has eight
    with opened(package_browser, adapted, device, [A, B]) as model:

        def cached(**options: Any) -> tuple[int, str]:
            answer = model.generate(prompt, **GREEDY, maxTokens=1, **options)
            return answer["usage"]["cachedTokens"], answer["text"]

        first = {key: cached(adapter=stack) for key, stack in (("a", A), ("b", use({B: 1})), ("ab", use({A: 1, B: 1})))}
        alone = cached()
        assert [count for count, _ in (*first.values(), alone)] == [0, 0, 0, 0]
        again = {key: cached(adapter=stack) for key, stack in (("a", use({A: 1})), ("b", B), ("ab", use({A: 1, B: 1})))}
        assert all(count > 0 for count, _ in again.values())
        assert {key: text for key, (_, text) in again.items()} == {key: text for key, (_, text) in first.items()}
        assert cached()[0] > 0
        assert cached(adapter=use({A: 0.5}))[0] == 0


@pytest.mark.parametrize("device", ["webgpu", "wasm"])
def test_many_stacks_take_turns(device: str, adapted: Adapted, package_browser: PackageBrowser) -> None:
    """More than a device holds at once, while its cache grows between them."""
    ids = np.random.default_rng(9).integers(0, CONFIG["vocab_size"], 100).tolist()
    with opened(package_browser, adapted, device, [A]) as model:
        first = [model.logits(ids, 95, use({A: weight})) for weight in (1, 0.5, 0.25, 2, -1, 0)]
        np.testing.assert_array_equal(model.logits(ids, 95, use({A: 1})), first[0])
        np.testing.assert_array_equal(model.logits(ids, 95, use({A: 2})), first[3])
        np.testing.assert_allclose(first[5], model.logits(ids, 95), rtol=0, atol=1e-6)


@pytest.mark.parametrize("device", ["webgpu", "wasm"])
def test_errors(device: str, adapted: Adapted, tmp_path: Path, package_browser: PackageBrowser) -> None:
    other = write_variant(tmp_path / "other", VARIANT, seed=5)
    wrong = compiled(other, "f32", name="other")
    compile_adapter(adapted.folders[A].with_name(f"{A}.peft"), tmp_path / "wrong", base=wrong)
    with opened(package_browser, adapted, device, [A]) as model:

        def code(**options: Any) -> str:
            with pytest.raises(NomoatError) as caught:
                model.generate("x", **GREEDY, maxTokens=1, **options)
            return caught.value.code

        assert code(adapter="nobody") == "model_not_found"
        assert code(adapter=[{"name": A}, {"name": "nobody"}]) == "model_not_found"
        for malformed in (7, {"name": A}, [{"name": A, "weight": "1"}], [{"weight": 1}], [{"name": A}] * 2, [A]):
            assert code(adapter=malformed) == "invalid_request"
        for folder in (tmp_path / "wrong", adapted.base):
            with pytest.raises(NomoatError) as caught:
                model.load_adapter(folder, "wrong")
            assert caught.value.code == "invalid_request", caught.value.message
        assert code(adapter="wrong") == "model_not_found"
        model.generate("x", **GREEDY, maxTokens=1, adapter=A)
        model.unload_adapter(A)
        assert code(adapter=A) == "model_not_found"
        model.generate("x", **GREEDY, maxTokens=1)
        with pytest.raises(NomoatError):
            model.unload_adapter(A)
    with pytest.raises(NomoatError) as caught, package_browser.open(adapted.folders[A], device):
        pass
    assert caught.value.code == "invalid_request"
