"""Proves that the tests' own material is what it claims: trained, sharp, and readable back. Needs torch, no browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from tests.fixtures.gguf_checkpoint import GGUF_TYPES, permute, unpermute, write_gguf
from tests.fixtures.packages import PackageTensors, compiled
from tests.fixtures.transformers_oracle import TransformersOracle
from tests.fixtures.variants import random_tensors, variant_config, write_checkpoint

EXPECTED = [
    ("The fox is", " red. It lives in the forest and it eats berries."),
    ("Counting from two:", " two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, done."),
    ("<|im_start|>user\nWhat does the owl eat?<|im_end|>\n<|im_start|>assistant\n", "The owl eats mice."),
]


@pytest.mark.parametrize(("prompt", "answer"), EXPECTED)
def test_the_tiny_model_has_learnt_its_corpus(tiny_checkpoint: Path, prompt: str, answer: str) -> None:
    tokenizer = Tokenizer.from_file(str(tiny_checkpoint / "tokenizer.json"))
    expected = tokenizer.encode(answer).ids
    ids, margins = TransformersOracle.from_folder(tiny_checkpoint).greedy(tokenizer.encode(prompt).ids, len(expected))
    assert tokenizer.decode(ids) == answer
    assert min(margins) > 1


def test_sharded_bfloat16_holds_the_same_values(tmp_path: Path) -> None:
    config = variant_config("every_bias_untied")
    tensors = random_tensors(config, 1)
    folder = write_checkpoint(tmp_path / "sharded", config, tensors, "bfloat16", shards=3)
    stored = {name: value for path in folder.glob("*.safetensors") for name, value in load_file(path).items()}
    assert stored.keys() == tensors.keys()
    assert all(np.array_equal(stored[name].astype(np.float32), tensors[name]) for name in tensors)


def test_permutation_is_undone() -> None:
    values = np.arange(6 * 8 * 3).reshape(48, 3)
    permuted = permute(values, 6)
    assert not np.array_equal(permuted, values)
    # Row 1 of the interleaved layout is the first of the second half.
    np.testing.assert_array_equal(permuted[1], values[4])
    np.testing.assert_array_equal(unpermute(permuted, 6), values)


@pytest.mark.parametrize("block_type", GGUF_TYPES)
def test_a_package_from_gguf_means_what_the_gguf_package_says(tmp_path: Path, block_type: str) -> None:
    """Bit for bit: nothing is requantized on import. F32, F16 and BF16 go into f32."""
    config = variant_config("base") | {"tie_word_embeddings": False}
    tensors = random_tensors(config, 2)
    path = tmp_path / f"tiny.{block_type}.gguf"
    meant = write_gguf(path, config, tensors, block_type)
    quantization = {"Q4_0": "q4", "Q4_1": "q4", "Q8_0": "q8"}.get(block_type, "f32")
    package = PackageTensors(compiled(path, quantization))
    assert package.keys() == meant.keys()
    for name, values in meant.items():
        np.testing.assert_array_equal(package[name], values, err_msg=name)


@pytest.mark.parametrize("quantization", ["f32", "f16", "q8", "q4", "q4f16_1", "q4f32_1", "q0f16", "q0f32"])
def test_a_quantized_package_is_close_to_its_checkpoint(
    tiny_package: Callable[[str], Path], tiny_checkpoint: Path, quantization: str
) -> None:
    """Root mean square error of rounding to that many levels over the tensor's widest range; 0 where values fit."""
    package = PackageTensors(tiny_package(quantization))
    stored = load_file(tiny_checkpoint / "model.safetensors")
    assert package.keys() == stored.keys()
    levels = {"q4": 15, "q4f16_1": 14, "q4f32_1": 14, "q8": 254, "f16": 2**12, "q0f16": 2**12}.get(quantization)
    for name, value in stored.items():
        expected = value.astype(np.float32)
        error = np.sqrt(np.mean(np.square(package[name] - expected)))
        assert error <= (2 * np.abs(expected).max() / levels / np.sqrt(12) if levels else 0), name
