"""How q4 shares its bits: the size is kept, every byte gains as much as it can, and nothing else is asked for."""

from __future__ import annotations

import itertools
import math

import pytest
from nomoat_compiler.assembly import tensor_specs
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.models.registry import read_model
from nomoat_compiler.program.tensor_spec import Source, TensorKind, TensorSpec
from nomoat_compiler.quantize.allocate import LOSS, allocate, default_bits, stored_bytes, weight
from nomoat_compiler.scheme import Grouped
from tiny_checkpoints import config

IQ4_XS, IQ4_NL, FIVE, SIX, EIGHT = LOSS
LLAMA_7B = config(
    hidden_size=4096, intermediate_size=11008, num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=32,
    head_dim=128, vocab_size=32000, max_position_embeddings=4096,
)  # fmt: skip
QWEN_05B = config(
    hidden_size=896, intermediate_size=4864, num_hidden_layers=24, num_attention_heads=14, num_key_value_heads=2,
    head_dim=64, vocab_size=151936,
)  # fmt: skip
SMOLLM2 = config(
    hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3,
    head_dim=64, vocab_size=49152, tie_word_embeddings=True,
)  # fmt: skip


def matrices(model: dict) -> list[TensorSpec]:
    return [spec for spec in tensor_specs(read_model(model)) if spec.kind not in ("norm", "bias")]


def matrix(name: str, rows: int, columns: int, kind: TensorKind = "linear") -> TensorSpec:
    return TensorSpec(name, kind, (rows, columns), (Source(name, rows),))


def size(specs: list[TensorSpec], schemes: dict[str, Grouped]) -> int:
    return sum(stored_bytes(spec, schemes[spec.name]) for spec in specs)


@pytest.mark.parametrize(
    ("model", "file_bytes"),
    # The matrices of Q4_K_M files: of Qwen's that is published, of the others by the same rules.
    [(LLAMA_7B, 4_079_198_208), (QWEN_05B, 485_166_080), (SMOLLM2, 103_527_936)],
    ids=["llama 2 7b", "qwen2.5 0.5b", "smollm2 135m"],
)
def test_the_default_size_is_that_of_q4_k_m(model: dict, file_bytes: int) -> None:
    specs = matrices(model)
    found = size(specs, allocate(specs, None))
    assert 0.96 * file_bytes < found <= file_bytes


@pytest.mark.parametrize("bits", [4.44, 4.6, 5.0, 5.7, 6.5, 8.4, 16.0])
def test_the_size_is_kept_and_used(bits: float) -> None:
    specs = matrices(QWEN_05B)
    schemes = allocate(specs, bits)
    budget = sum(math.prod(spec.shape) for spec in specs) * bits / 8
    largest = max(stored_bytes(spec, EIGHT) for spec in specs)
    assert budget - largest < size(specs, schemes) <= budget or set(schemes.values()) == {EIGHT}
    assert bits < 16 or set(schemes.values()) == {EIGHT}


def test_too_few_bits_say_how_many_are_needed() -> None:
    specs = [matrix("a", 8, 64), matrix("b", 8, 33)]
    with pytest.raises(NomoatError) as caught:
        allocate(specs, 4.4)
    least = caught.value.detail["least"]
    assert caught.value.code == "invalid_request" and isinstance(least, float)
    assert set(allocate(specs, least + 0.001).values()) == {IQ4_NL}


def test_no_other_choice_of_the_size_loses_less() -> None:
    """All choices for four matrices, at the sizes that greedy choices reach."""
    specs = [matrix("a", 16, 256), matrix("b", 64, 256), matrix("c", 48, 512), matrix("lm_head", 96, 256, "lm_head")]

    def loss(schemes: dict[str, Grouped]) -> float:
        return sum(weight(spec.shape, spec.kind) * LOSS[schemes[spec.name]] for spec in specs)

    choices = [dict(zip(["a", "b", "c", "lm_head"], c, strict=True)) for c in itertools.product(LOSS, repeat=4)]
    values = sum(math.prod(spec.shape) for spec in specs)
    for bits in (4.6, 5.0, 5.5, 6.0, 7.0, 8.5):
        greedy = allocate(specs, bits)
        within = size(specs, greedy)
        assert within <= values * bits / 8
        assert loss(greedy) <= min(loss(choice) for choice in choices if size(specs, choice) <= within) * 1.0001


def test_small_matrices_get_more_bits() -> None:
    schemes = allocate([matrix("small", 64, 512), matrix("large", 4096, 512)], 5.0)
    assert (schemes["small"], schemes["large"]) == (EIGHT, IQ4_XS)


def test_scales_that_rows_do_not_fill_are_left_out() -> None:
    """Integer scales stand in runs of 256 columns: a row of 32 has 20 bytes of them, more than what 8 bits need."""
    specs = [matrix("narrow", 64, 32)]
    assert stored_bytes(specs[0], SIX) > stored_bytes(specs[0], EIGHT)
    assert {allocate(specs, bits)["narrow"] for bits in (4.5, 5.0, 6.0, 7.0, 8.0, 9.0)} == {IQ4_NL, FIVE, EIGHT}


def test_the_order_of_the_matrices_decides_nothing_but_ties() -> None:
    specs = [matrix("a", 64, 256), matrix("b", 64, 512), matrix("c", 256, 256)]
    assert allocate(specs, 5.5) == allocate(specs[::-1], 5.5)
    assert (default_bits((256, 64), "linear"), default_bits((64, 256), "linear")) == (5.5 * 2**14, 5.53125 * 2**14)
