"""The kernels around the KV cache against their formulas in NumPy float64, in every variant that each adapter runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from nomoat_compiler.operators.catalog import OPERATORS

from tests.parity.adapters import SWIFTSHADER, SoftwareAdapter, each_adapter
from tests.parity.kernel_cases import POISON, run_everywhere

PAGE_SIZE = 16


def cache_layout(op: str, heads: int, kv_heads: int, head_dim: int) -> dict[str, Any]:
    layout = {"op": op, "heads": heads, "kv_heads": kv_heads, "head_dim": head_dim, "page_size": PAGE_SIZE}
    return OPERATORS[op].defaults() | layout


def state_at(position: int) -> np.ndarray:
    return np.array([0, position, 0, 0, 0, 0, 0, 0], dtype=np.int32)


def rotate(x: np.ndarray, angles: np.ndarray, scaling: float) -> np.ndarray:
    """x (..., head_dim) by angles (..., head_dim/2), half-split layout, float64."""
    half = x.shape[-1] // 2
    a, b = x[..., :half].astype(np.float64), x[..., half:].astype(np.float64)
    cosine, sine = np.cos(angles) * scaling, np.sin(angles) * scaling
    return np.concatenate([a * cosine - b * sine, b * cosine + a * sine], axis=-1)


@each_adapter
@pytest.mark.parametrize(
    ("heads", "kv_heads", "head_dim", "scaling"), [(9, 3, 64, 1.0), (4, 4, 16, 1.25), (3, 1, 10, 1.0), (2, 1, 2, 1.0)]
)
def test_rope_append(heads: int, kv_heads: int, head_dim: int, scaling: float, adapter: SoftwareAdapter) -> None:
    definition = cache_layout("rope_append", heads, kv_heads, head_dim) | {
        "rotary_dim": head_dim,
        "attention_scaling": scaling,
    }
    inv_freq = (10000.0 ** (-np.arange(0, head_dim, 2) / head_dim)).astype(np.float32)
    tokens = 7
    for position in (0, 5, 4090, 100_003):
        rng = np.random.default_rng(position)
        logical_pages = position // PAGE_SIZE + 2
        # Only the pages around the position exist; they are stored out of order.
        table = np.zeros(logical_pages, dtype=np.int32)
        table[position // PAGE_SIZE], table[position // PAGE_SIZE + 1] = 2, 0
        qkv = rng.normal(size=(tokens, (heads + 2 * kv_heads) * head_dim)).astype(np.float32)
        k_pages = rng.normal(size=(3, kv_heads, PAGE_SIZE, head_dim)).astype(np.float32)
        v_pages = rng.normal(size=(3, kv_heads, PAGE_SIZE, head_dim)).astype(np.float32)
        arrays = {
            "qkv": qkv,
            "inv_freq": inv_freq,
            "state": state_at(position),
            "block_table": table,
            "k_pages": k_pages,
            "v_pages": v_pages,
            "q": np.full((tokens, heads * head_dim), POISON),
        }
        split = qkv.reshape(tokens, heads + 2 * kv_heads, head_dim)
        positions = position + np.arange(tokens)
        # The angle is a float32 product, as in transformers; float64 from there on.
        angles = (positions.astype(np.float32)[:, None] * inv_freq).astype(np.float64)[:, None, :]
        expected_q = rotate(split[:, :heads], angles, scaling).reshape(tokens, -1)
        expected_k, expected_v = k_pages.astype(np.float64), v_pages.astype(np.float64)
        for t, p in enumerate(positions):
            page, slot = table[p // PAGE_SIZE], p % PAGE_SIZE
            expected_k[page, :, slot] = rotate(split[t, heads : heads + kv_heads], angles[t], scaling)
            expected_v[page, :, slot] = split[t, heads + kv_heads :]
        for outputs in run_everywhere(definition, arrays, prefill=True, n=tokens, adapter=adapter):
            # 4e-6: the polynomials are good to 2e-7, and each result is a sum of two products of values up to 4.
            np.testing.assert_allclose(outputs["q"], expected_q, atol=4e-6)
            np.testing.assert_allclose(outputs["k_pages"], expected_k, atol=4e-6)
            np.testing.assert_array_equal(outputs["v_pages"], expected_v.astype(np.float32))


@each_adapter
def test_rope_dynamic_follows_the_position(adapter: SoftwareAdapter) -> None:
    """Beyond the trained length the base of the frequencies grows with each token's own position."""
    rng = np.random.default_rng(3)
    head_dim, trained, factor, theta, position, tokens = 16, 32, 2.0, 10000.0, 29, 8
    definition = cache_layout("rope_append", 1, 1, head_dim) | {
        "rotary_dim": head_dim, "dynamic": True, "theta": theta, "factor": factor, "trained_length": trained,
    }  # fmt: skip
    exponent = np.arange(0, head_dim, 2) / head_dim
    qkv = rng.normal(size=(tokens, 3 * head_dim)).astype(np.float32)
    arrays = {
        "qkv": qkv,
        "inv_freq": (theta**-exponent).astype(np.float32),
        "state": state_at(position),
        "block_table": np.arange(4, dtype=np.int32),
        "k_pages": np.zeros((4, 1, PAGE_SIZE, head_dim), dtype=np.float32),
        "v_pages": np.zeros((4, 1, PAGE_SIZE, head_dim), dtype=np.float32),
        "q": np.full((tokens, head_dim), POISON),
    }
    positions = position + np.arange(tokens)
    length = np.maximum(positions + 1, trained)
    base = theta * (factor * length / trained - (factor - 1)) ** (head_dim / (head_dim - 2))
    angles = positions[:, None] * base[:, None] ** -exponent
    expected = rotate(qkv[:, :head_dim], angles, 1.0)
    for outputs in run_everywhere(definition, arrays, prefill=True, n=tokens, adapter=adapter):
        # WGSL's exp and log have a few units in the last place, times an exponent near 10.
        np.testing.assert_allclose(outputs["q"], expected, atol=1e-3)


def check_attention(
    heads: int, kv_heads: int, head_dim: int, length: int, tokens: int, adapter: SoftwareAdapter
) -> None:
    """``tokens`` queries at the end of a sequence of ``length``."""
    rng = np.random.default_rng(length + head_dim)
    position = length - tokens
    pages = -(-length // PAGE_SIZE)
    table = rng.permutation(pages).astype(np.int32)
    q = rng.normal(size=(tokens, heads, head_dim)).astype(np.float32) * 2
    k = rng.normal(size=(pages * PAGE_SIZE, kv_heads, head_dim)).astype(np.float32)
    v = rng.normal(size=(pages * PAGE_SIZE, kv_heads, head_dim)).astype(np.float32)
    # Slots past the sequence hold garbage that must not be read into the result.
    k[length:], v[length:] = 1e9, POISON

    def paged(x: np.ndarray) -> np.ndarray:
        stored = np.empty((pages, kv_heads, PAGE_SIZE, head_dim), dtype=np.float32)
        stored[table] = x.reshape(pages, PAGE_SIZE, kv_heads, head_dim).transpose(0, 2, 1, 3)
        return stored

    arrays = {
        "q": q.reshape(tokens, -1),
        "state": state_at(position),
        "block_table": table,
        "k_pages": paged(k),
        "v_pages": paged(v),
        "out": np.full((tokens, heads * head_dim), POISON),
    }
    expected = np.empty((tokens, heads, head_dim))
    for t in range(tokens):
        for h in range(heads):
            g = h // (heads // kv_heads)
            scores = k[: position + t + 1, g].astype(np.float64) @ q[t, h] / np.sqrt(head_dim)
            weights = np.exp(scores - scores.max())
            expected[t, h] = weights / weights.sum() @ v[: position + t + 1, g]
    definition = cache_layout("attention", heads, kv_heads, head_dim) | {"scale": head_dim**-0.5}
    for outputs in run_everywhere(definition, arrays, prefill=tokens > 1, n=tokens, adapter=adapter):
        np.testing.assert_allclose(
            outputs["out"], expected.reshape(tokens, -1), atol=2e-5, err_msg=f"{head_dim}, {length}, {tokens}"
        )


@each_adapter
@pytest.mark.parametrize(("heads", "kv_heads", "head_dim"), [(6, 2, 64), (2, 1, 128)])
def test_attention_lengths(heads: int, kv_heads: int, head_dim: int, adapter: SoftwareAdapter) -> None:
    for length in (1, 15, 16, 17, 64, 65, 255, 256, 257, 2047):
        check_attention(heads, kv_heads, head_dim, length, 1, adapter)
    for length in (5, 64, 68):
        check_attention(heads, kv_heads, head_dim, length, 5, adapter)


@pytest.mark.parametrize("head_dim", [2, 4, 10, 36, 66, 80, 96, 192, 256, 258, 512, 1024])
def test_attention_head_dims(head_dim: int) -> None:
    """One for each number of columns of an invocation, and sizes that no load of four values fits."""
    for length, tokens in ((1, 1), (17, 3), (130, 1)):
        check_attention(2, 1, head_dim, length, tokens, SWIFTSHADER)
