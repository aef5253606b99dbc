"""GGUF blocks keep their values bit for bit in every scheme that may hold them; the oracle is gguf.quants."""

from __future__ import annotations

import gguf
import numpy as np
import pytest
from nomoat_compiler.checkpoint.checkpoint import BlockKind, Blocks
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.quantize.choose import Q4_ASYMMETRIC, Q4_SYMMETRIC, Q8_ASYMMETRIC, Q8_SYMMETRIC
from nomoat_compiler.quantize.ggml_blocks import dequantize_blocks, import_blocks
from nomoat_compiler.reference.quantize import dequantize
from nomoat_compiler.scheme import Grouped

HOLDS: list[tuple[BlockKind, Grouped]] = [
    ("Q4_0", Q4_SYMMETRIC), ("Q4_0", Q4_ASYMMETRIC), ("Q4_0", Q8_SYMMETRIC), ("Q4_0", Q8_ASYMMETRIC),
    ("Q4_1", Q4_ASYMMETRIC), ("Q4_1", Q8_ASYMMETRIC),
    ("Q8_0", Q8_SYMMETRIC), ("Q8_0", Q8_ASYMMETRIC),
]  # fmt: skip


def random_blocks(kind: BlockKind, rows: int, blocks: int, scale_limit: float) -> Blocks:
    """Every byte random, so that every q occurs (-128 too); scales and minima random in sign and size, some zero."""
    rng = np.random.default_rng(rows * blocks)
    block_bytes = {"Q4_0": 18, "Q4_1": 20, "Q8_0": 34}[kind]
    data = rng.integers(0, 256, (rows, blocks, block_bytes), dtype=np.uint8)
    fields = 2 if kind == "Q4_1" else 1
    magnitudes = 2.0 ** rng.uniform(-26, np.log2(scale_limit), (rows, blocks, fields))
    signs = rng.choice([-1.0, 0.0, 1.0], magnitudes.shape, p=[0.45, 0.1, 0.45])
    data[..., : 2 * fields] = (magnitudes * signs).astype("<f2").view(np.uint8).reshape(rows, blocks, 2 * fields)
    return Blocks(kind, data.reshape(rows, -1))


def oracle(blocks: Blocks) -> np.ndarray:
    return gguf.quants.dequantize(blocks.data, gguf.GGMLQuantizationType[blocks.kind])


def read_back(blocks: Blocks, scheme: Grouped, columns: int) -> np.ndarray:
    words, scales = import_blocks(blocks, scheme, "w")
    role = "q_scale_min" if scheme.zero is None else "q_scale"
    return dequantize(scheme.to_json(), (len(blocks.data), columns), {"q_weight": words, role: scales})


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1", "Q8_0"])
def test_our_dequantizer_equals_the_gguf_package_in_every_bit(kind: BlockKind) -> None:
    blocks = random_blocks(kind, 9, 40, 60000)
    assert np.array_equal(dequantize_blocks(blocks).view(np.uint32), oracle(blocks).view(np.uint32))


@pytest.mark.parametrize(("kind", "scheme"), HOLDS)
def test_import_keeps_every_value(kind: BlockKind, scheme: Grouped) -> None:
    minimum_grows = scheme.zero is None and kind != "Q4_1"
    blocks = random_blocks(kind, 9, 40, 65504 / 128 if minimum_grows else 60000)
    read, expected = read_back(blocks, scheme, 40 * 32), oracle(blocks)
    assert np.array_equal(read, expected)
    if not minimum_grows:  # Not even the sign of a zero differs.
        assert np.array_equal(read.view(np.uint32), expected.view(np.uint32))


@pytest.mark.parametrize("kind", ["Q4_0", "Q8_0"])
def test_a_minimum_that_overflows_is_refused(kind: BlockKind) -> None:
    blocks = random_blocks(kind, 1, 1, 1)
    blocks.data[0, :2] = np.array([20000.0], "<f2").view(np.uint8)
    with pytest.raises(NomoatError) as caught:
        import_blocks(blocks, Q4_ASYMMETRIC if kind == "Q4_0" else Q8_ASYMMETRIC, "blk")
    assert (caught.value.code, caught.value.detail) == ("unsupported", {"tensor": "blk"})


@pytest.mark.parametrize(("kind", "at"), [("Q4_0", 0), ("Q4_1", 0), ("Q4_1", 2), ("Q8_0", 0)])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_scales_that_are_not_finite_are_refused(kind: BlockKind, at: int, value: float) -> None:
    blocks = random_blocks(kind, 2, 3, 1)
    blocks.data[1, at : at + 2] = np.array([value], "<f2").view(np.uint8)
    with pytest.raises(NomoatError) as caught:
        import_blocks(blocks, Q8_ASYMMETRIC, "blk")
    assert (caught.value.code, caught.value.detail) == ("invalid_checkpoint", {"tensor": "blk"})
