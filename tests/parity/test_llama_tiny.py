"""Proves that the trained tiny Llama, in every quantization, computes in the browser what transformers does in float32.

Needs Chromium, torch and transformers. The reference has the package's own weights, dequantized by the reference
dequantizer, so that nothing but the execution is compared; what quantization costs is measured by ``nomoat verify``.

Tolerance: browser and torch sum the same float32 products in different orders. Logits here reach 15 and differ by 2e-5
at most on SwiftShader; 5e-4 leaves room for other adapters' exp and rsqrt (WGSL allows a few units in the last place)
and is a thousandth of the narrowest margin, so a wrong position, page or scale cannot hide in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from nomoat_compiler.errors import NomoatError
from tokenizers import Tokenizer

from tests.fixtures.corpus import documents, prose
from tests.fixtures.packages import PackageTensors
from tests.fixtures.transformers_oracle import TransformersOracle
from tests.parity.adapters import EVERY_KERNEL
from tests.parity.package_browser import GREEDY, OpenPackage, PackageBrowser

pytestmark = pytest.mark.browser

QUANTIZATIONS = ["f32", "f16", "q8", "q4", "q4f16_1", "q4f32_1", "q0f16", "q0f32"]
# What sequences, pages and prompts are does not depend on how weights are stored: the logits of all kinds are compared.
on_two = pytest.mark.parametrize("pair", QUANTIZATIONS if EVERY_KERNEL else ["f32", "q4"], indirect=True)
TOLERANCE = 5e-4
CONTEXT_LENGTH = 512
PROMPTS = [
    "The fox is",
    "A week that begins on Friday:",
    "<|im_start|>user\nCount to six.<|im_end|>\n<|im_start|>assistant\n",
    "<|im_start|>user\nSay something in Japanese.<|im_end|>\n<|im_start|>assistant\n",
]


@dataclass(frozen=True)
class Pair:
    """The package in the browser, and the same weights in transformers."""

    browser: OpenPackage
    oracle: TransformersOracle
    tokenizer: Tokenizer
    stop_ids: list[int]

    def ids(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text).ids)

    def expected(self, prompt_ids: list[int], most: int) -> list[int]:
        """transformers' greedy tokens up to and with the first stop token."""
        ids, margins = self.oracle.greedy(prompt_ids, most)
        end = next((i + 1 for i, token in enumerate(ids) if token in self.stop_ids), most)
        assert min(margins[:end]) > 100 * TOLERANCE, "the prompt is a coin toss; take another"
        return ids[:end]


@pytest.fixture(scope="module", params=QUANTIZATIONS)
def pair(
    request: pytest.FixtureRequest,
    package_browser: PackageBrowser,
    tiny_package: Callable[[str], Path],
    tiny_checkpoint: Path,
) -> Iterator[Pair]:
    package = tiny_package(request.param)
    config = json.loads((tiny_checkpoint / "config.json").read_text())
    stop_ids = json.loads((tiny_checkpoint / "generation_config.json").read_text())["eos_token_id"]
    tokenizer = Tokenizer.from_file(str(tiny_checkpoint / "tokenizer.json"))
    oracle = TransformersOracle(config, PackageTensors(package))
    with package_browser.open(package) as opened:
        yield Pair(opened, oracle, tokenizer, stop_ids)


def corpus_ids(pair: Pair, most: int) -> list[int]:
    return pair.ids("".join(documents()[3:] + documents()[:3]))[:most]


def test_logits(pair: Pair) -> None:
    """120 tokens through decode: seven pages and a half."""
    ids = corpus_ids(pair, 120)
    expected = pair.oracle.logits(ids)
    assert np.abs(expected).max() > 10
    np.testing.assert_allclose(pair.browser.logits(ids), expected, rtol=0, atol=TOLERANCE)


@on_two
def test_greedy_transcript(pair: Pair) -> None:
    for prompt in PROMPTS:
        answer = pair.browser.generate(prompt, **GREEDY, maxTokens=48)
        usage = answer["usage"]
        assert usage["promptIds"] == pair.ids(prompt)
        expected = pair.expected(usage["promptIds"], 48)
        assert len(expected) >= 5
        assert usage["generatedIds"] == expected
        assert answer["text"] == pair.tokenizer.decode(expected)  # without the stop token, which is special
        assert usage["finishReason"] == ("length" if len(expected) == 48 else "stop")


@on_two
@pytest.mark.parametrize("prefilled", [1, 15, 16, 17, 33, 119])
def test_prefill_equals_decode(pair: Pair, prefilled: int) -> None:
    """The same positions, whether the ones before came through prefill or through decode, at page borders too."""
    ids = corpus_ids(pair, 120)
    expected = pair.oracle.logits(ids)[prefilled:]
    np.testing.assert_allclose(pair.browser.logits(ids, prefilled), expected, rtol=0, atol=TOLERANCE)


partitions = count()


@on_two
def test_a_prompt_in_one_go_equals_the_same_text_generated(pair: Pair) -> None:
    """What decode generated, given back as a prompt (prefill, nothing reused), goes on as it went on before."""
    whole = pair.browser.generate("The camel is", **GREEDY, maxTokens=40, partition=f"p{next(partitions)}")["usage"]
    assert len(whole["generatedIds"]) == 40
    for cut in (1, 13, 14, 30):
        ids = whole["promptIds"] + whole["generatedIds"][:cut]
        text = pair.tokenizer.decode(ids)
        again = pair.browser.generate(text, **GREEDY, maxTokens=40 - cut, partition=f"p{next(partitions)}")["usage"]
        assert again["promptIds"] == ids
        assert again["cachedTokens"] == 0
        assert again["generatedIds"] == whole["generatedIds"][cut:]


@on_two
def test_a_reused_prefix_gives_the_same_tokens(pair: Pair) -> None:
    partition = f"p{next(partitions)}"
    text = prose()[0] + "<|endoftext|>"
    first = pair.browser.generate(text + "The fox is", **GREEDY, maxTokens=20, partition=partition)["usage"]
    again = pair.browser.generate(text + "The fox is", **GREEDY, maxTokens=20, partition=partition)["usage"]
    other = pair.browser.generate(text + "The owl is", **GREEDY, maxTokens=20, partition=partition)["usage"]
    fresh = pair.browser.generate(text + "The owl is", **GREEDY, maxTokens=20, partition=f"p{next(partitions)}")[
        "usage"
    ]
    assert first["cachedTokens"] == 0
    assert again["cachedTokens"] >= len(first["promptIds"]) - 16
    assert 0 < other["cachedTokens"] < len(other["promptIds"])
    assert fresh["cachedTokens"] == 0
    assert first["generatedIds"] == again["generatedIds"]
    assert other["generatedIds"] == fresh["generatedIds"] == pair.expected(other["promptIds"], 20)


@on_two
def test_long_context(pair: Pair) -> None:
    """All 512 positions of the context: the cache grows several times on the way."""
    ids = corpus_ids(pair, CONTEXT_LENGTH)
    expected = pair.oracle.logits(ids)
    np.testing.assert_allclose(pair.browser.logits(ids, 300), expected[300:], rtol=0, atol=TOLERANCE)
    text = pair.tokenizer.decode(ids[:500], skip_special_tokens=False)
    assert pair.ids(text) == ids[:500]
    usage = pair.browser.generate(text, **GREEDY)["usage"]
    greedy, _ = pair.oracle.greedy(ids[:500], CONTEXT_LENGTH - 500)
    compared = len(usage["generatedIds"])
    assert compared > 0
    assert usage["generatedIds"] == greedy[:compared]


@on_two
def test_too_long_a_prompt_is_refused(pair: Pair) -> None:
    text = pair.tokenizer.decode(corpus_ids(pair, 400), skip_special_tokens=False)
    with pytest.raises(NomoatError) as caught:
        pair.browser.generate(text * 2, **GREEDY)
    assert caught.value.code == "context_overflow"
    assert pair.browser.generate("The fox is", **GREEDY, maxTokens=3)["text"]


@on_two
def test_chat_template_and_defaults(pair: Pair) -> None:
    answer = pair.browser.generate([{"role": "user", "content": "What does the owl eat?"}], temperature=0)
    assert answer["usage"]["promptIds"] == pair.ids(
        "<|im_start|>user\nWhat does the owl eat?<|im_end|>\n<|im_start|>assistant\n"
    )
    assert answer["text"] == "The owl eats mice."
    assert answer["usage"]["finishReason"] == "stop"
