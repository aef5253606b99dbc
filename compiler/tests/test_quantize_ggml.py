"""GGUF blocks keep their values bit for bit in every scheme that may hold them; the oracle is gguf.quants."""

from __future__ import annotations

import gguf
import numpy as np
import pytest
from nomoat_compiler.checkpoint.checkpoint import BLOCK_SIZES, BlockKind, Blocks
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.quantize.choose import Q4_ASYMMETRIC, Q8_ASYMMETRIC, Q8_SYMMETRIC
from nomoat_compiler.quantize.ggml_blocks import MIXED, NATIVE, dequantize_blocks, import_blocks
from nomoat_compiler.reference.quantize import dequantize
from nomoat_compiler.scheme import Grouped, stored_parameters

HOLDS: list[tuple[BlockKind, Grouped]] = [
    *((kind, scheme) for kind, scheme in NATIVE.items()),
    ("Q4_0", Q4_ASYMMETRIC), ("Q4_0", Q8_SYMMETRIC), ("Q4_0", Q8_ASYMMETRIC),
    ("Q4_1", Q8_ASYMMETRIC), ("Q8_0", Q8_ASYMMETRIC),
    ("Q5_0", Q8_SYMMETRIC), ("Q5_0", Grouped(5, 32, None, "float16")), ("Q5_1", Q8_ASYMMETRIC),
    ("Q2_K", MIXED), ("Q4_K", MIXED), ("Q5_K", MIXED),
]  # fmt: skip
# Where the float16 scales (and minimums) of a block are.
HALVES: dict[str, tuple[int, ...]] = {
    "Q4_0": (0,), "Q4_1": (0, 2), "Q5_0": (0,), "Q5_1": (0, 2), "Q8_0": (0,), "Q2_K": (80, 82), "Q3_K": (108,),
    "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,), "IQ4_NL": (0,), "IQ4_XS": (0,), "MXFP4": (),
}  # fmt: skip
KINDS = pytest.mark.parametrize("kind", HALVES)
WITH_SCALES = [(kind, at) for kind, places in HALVES.items() for at in places]


def random_blocks(kind: BlockKind, rows: int, blocks: int, scale_limit: float) -> Blocks:
    """Every byte random, so that every q and every integer scale occurs; float16 scales and minimums random in sign
    and size, some subnormal, some zero."""
    rng = np.random.default_rng(rows * blocks)
    data = rng.integers(0, 256, (rows, blocks, BLOCK_SIZES[kind][1]), dtype=np.uint8)
    for at in HALVES[kind]:
        magnitudes = 2.0 ** rng.uniform(-26, np.log2(scale_limit), (rows, blocks, 1))
        signs = rng.choice([-1.0, 0.0, 1.0], magnitudes.shape, p=[0.45, 0.1, 0.45])
        data[..., at : at + 2] = (magnitudes * signs).astype("<f2").view(np.uint8)
    return Blocks(kind, data.reshape(rows, -1))


def oracle(blocks: Blocks) -> np.ndarray:
    return gguf.quants.dequantize(blocks.data, gguf.GGMLQuantizationType[blocks.kind])


def read_back(blocks: Blocks, scheme: Grouped, columns: int) -> np.ndarray:
    shape = (len(blocks.data), columns)
    parameters = stored_parameters("w", shape, scheme)
    arrays = import_blocks(blocks, scheme, "w")
    assert [parameter.shape for parameter in parameters] == [array.shape for array in arrays]
    return dequantize(scheme.to_json(), shape, {p.role: array for p, array in zip(parameters, arrays, strict=True)})


@KINDS
def test_our_dequantizer_equals_the_gguf_package_in_every_bit(kind: BlockKind) -> None:
    blocks = random_blocks(kind, 9, 5, 60000)
    assert np.array_equal(dequantize_blocks(blocks).view(np.uint32), oracle(blocks).view(np.uint32))


@pytest.mark.parametrize(("kind", "scheme"), HOLDS)
def test_import_keeps_every_value(kind: BlockKind, scheme: Grouped) -> None:
    minimum_grows = scheme.minimum and NATIVE[kind].zero is not None
    blocks = random_blocks(kind, 9, 5, 65504 / 128 if minimum_grows else 60000)
    read, expected = read_back(blocks, scheme, 5 * BLOCK_SIZES[kind][0]), oracle(blocks)
    assert np.array_equal(read, expected)
    if not minimum_grows:  # Not even the sign of a zero differs.
        assert np.array_equal(read.view(np.uint32), expected.view(np.uint32))


@pytest.mark.parametrize("kind", ["Q3_K", "Q6_K"])
def test_a_zero_that_becomes_a_minimum_costs_a_rounding(kind: BlockKind) -> None:
    blocks = random_blocks(kind, 9, 5, 60000)
    read, expected = read_back(blocks, MIXED, 5 * 256), oracle(blocks)
    largest = np.abs(expected).reshape(-1, 16).max(axis=1)
    error = np.abs(read.astype(np.float64) - expected).reshape(-1, 16).max(axis=1)
    assert (error <= 2.0**-23 * largest).all()


@KINDS
def test_stored_bytes_are_at_most_a_tenth_more_than_the_files(kind: BlockKind) -> None:
    blocks = random_blocks(kind, 2, 5, 1)
    stored = sum(array.nbytes for array in import_blocks(blocks, NATIVE[kind], "w"))
    assert stored <= 1.10 * blocks.data.nbytes


@pytest.mark.parametrize("kind", ["Q4_0", "Q5_0", "Q8_0"])
def test_a_minimum_that_overflows_is_refused(kind: BlockKind) -> None:
    blocks = random_blocks(kind, 1, 1, 1)
    blocks.data[0, :2] = np.array([20000.0], "<f2").view(np.uint8)
    with pytest.raises(NomoatError) as caught:
        import_blocks(blocks, Grouped(NATIVE[kind].bits, 32, None, "float16"), "blk")
    assert (caught.value.code, caught.value.detail) == ("unsupported", {"tensor": "blk"})


@pytest.mark.parametrize(("kind", "at"), WITH_SCALES)
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_scales_that_are_not_finite_are_refused(kind: BlockKind, at: int, value: float) -> None:
    blocks = random_blocks(kind, 2, 3, 1)
    at += BLOCK_SIZES[kind][1]  # of the second block
    blocks.data[1, at : at + 2] = np.array([value], "<f2").view(np.uint8)
    with pytest.raises(NomoatError) as caught:
        import_blocks(blocks, NATIVE[kind], "blk")
    assert (caught.value.code, caught.value.detail) == ("invalid_checkpoint", {"tensor": "blk"})
