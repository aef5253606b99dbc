"""The kernels without a matmul against their formulas in NumPy float64, in every variant that each adapter runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from nomoat_compiler.reference.sampling import NO_TOKEN, greedy
from nomoat_compiler.scheme import Scheme

from tests.parity.adapters import SWIFTSHADER, SoftwareAdapter, each_adapter
from tests.parity.kernel_cases import POISON, SCHEMES, Arrays, random_matrix, rows_of, run_everywhere
from tests.parity.test_kernel_linear import GROUP_SIZES
from tests.parity.test_kernel_sampling import NOT_FINITE, logits_with


def embed(scheme: Scheme, rows: int, columns: int) -> dict[str, Any]:
    return {"op": "embed", "rows": rows, "columns": columns, "scheme": scheme.to_json(), "scale": 1.0}


@pytest.mark.parametrize("scheme", (SCHEMES | GROUP_SIZES).values(), ids=(SCHEMES | GROUP_SIZES).keys())
@pytest.mark.parametrize(("vocab", "hidden"), [(100, 576), (33, 76)])
def test_embed(vocab: int, hidden: int, scheme: Scheme) -> None:
    rng = np.random.default_rng(vocab)
    table, arrays = random_matrix(rng, vocab, hidden, scheme)
    ids = np.array([0, vocab - 1, 7, 7, 12], dtype=np.int32)
    arrays |= {"token_ids": ids, "out": np.full((5, hidden), POISON)}
    for outputs in run_everywhere(embed(scheme, vocab, hidden), arrays, prefill=True, n=5):
        np.testing.assert_allclose(outputs["out"], table[ids], rtol=1e-6, atol=1e-6)


@each_adapter
def test_embed_keeps_wild_ids_inside_the_table(adapter: SoftwareAdapter) -> None:
    rng = np.random.default_rng(0)
    table, arrays = random_matrix(rng, 10, 64, SCHEMES["f32"])
    arrays |= {"token_ids": np.array([-5, 2**31 - 1], dtype=np.int32), "out": np.full((2, 64), POISON)}
    for outputs in run_everywhere(embed(SCHEMES["f32"], 10, 64), arrays, prefill=True, n=2, adapter=adapter):
        np.testing.assert_allclose(outputs["out"], table[[0, 9]], rtol=1e-6)


@pytest.mark.parametrize("scheme", [SCHEMES["q8s_f16"], SCHEMES["bf16"]], ids=["q8", "bf16"])
def test_embed_slices_make_the_whole(scheme: Scheme) -> None:
    """Each slice writes the tokens whose row it has; wild ids belong to the first or the last."""
    rng = np.random.default_rng(4)
    rows, columns = 30, 96
    table, matrix = random_matrix(rng, rows, columns, scheme)
    ids = np.array([29, 0, 7, 8, -3, 10**6, 20, 19], dtype=np.int32)
    out = np.full((len(ids), columns), POISON)
    for first, end in ((0, 8), (8, 20), (20, 30)):
        arrays = rows_of(matrix, np.arange(first, end)) | {"token_ids": ids, "out": out}
        rows_symbols = {"first_row": first, "all_rows": rows}
        definition = embed(scheme, end - first, columns)
        for outputs in run_everywhere(definition, arrays, prefill=True, n=len(ids), rows=rows_symbols):
            out = outputs["out"]
    np.testing.assert_allclose(out, table[np.clip(ids, 0, rows - 1)], rtol=1e-6, atol=1e-6)


@each_adapter
@pytest.mark.parametrize("hidden", [64, 576, 76])
def test_rms_norm(hidden: int, adapter: SoftwareAdapter) -> None:
    rng = np.random.default_rng(hidden)
    gain = rng.normal(size=hidden).astype(np.float32)
    x = rng.normal(scale=3, size=(5, hidden)).astype(np.float32)
    wide = x.astype(np.float64)
    expected = wide / np.sqrt((wide**2).mean(axis=1, keepdims=True) + 1e-5) * gain
    definition = {"op": "rms_norm", "columns": hidden, "eps": 1e-5, "residual": False}
    arrays = {"x": x, "gain": gain, "out": np.full_like(x, POISON)}
    for outputs in run_everywhere(definition, arrays, prefill=True, n=5, adapter=adapter):
        np.testing.assert_allclose(outputs["out"], expected, rtol=1e-5, atol=1e-6)


@each_adapter
@pytest.mark.parametrize("position", [0, 7])
def test_linear_recurrence(position: int, adapter: SoftwareAdapter) -> None:
    """Two sequences' states side by side: one goes on from its row, or begins at zero; the other's stays."""
    rng = np.random.default_rng(position)
    columns, tokens, slot = 76, 9, 1
    decay = rng.uniform(0.5, 1, columns).astype(np.float32)
    x = rng.normal(size=(tokens, columns)).astype(np.float32)
    memory = rng.normal(size=(3, columns)).astype(np.float32)
    h = memory[slot].astype(np.float64) if position else np.zeros(columns)
    expected = []
    for token in x:
        h = decay * h + token
        expected.append(h)
    definition = {"op": "linear_recurrence", "columns": columns}
    arrays = {
        "x": x,
        "decay": decay,
        "state": np.array([0, position, 0, 0, slot, 0, 0, 0], dtype=np.int32),
        "memory": memory,
        "out": np.full_like(x, POISON),
    }
    for outputs in run_everywhere(definition, arrays, prefill=True, n=tokens, adapter=adapter):
        tolerance = 1e-6 * tokens * np.abs(expected).max()
        np.testing.assert_allclose(outputs["out"], expected, atol=tolerance, rtol=0)
        np.testing.assert_allclose(outputs["memory"][slot], h, atol=tolerance, rtol=0)
        np.testing.assert_array_equal(np.delete(outputs["memory"], slot, 0), np.delete(memory, slot, 0))


def run_argmax(logits: np.ndarray, adapter: SoftwareAdapter = SWIFTSHADER) -> Arrays:
    """sample_greedy at step 70, after token 3 at position 41."""
    state = np.array([3, 41, 70, 12, 0, 0, 0, 0], dtype=np.int32)
    arrays = {"logits": logits, "state": state, "tokens": np.full(64, 99, np.int32)}
    definition = {"op": "sample_greedy", "vocab_size": len(logits)}
    (outputs,) = run_everywhere(definition, arrays, adapter=adapter)
    return outputs


@pytest.mark.parametrize("vocab", [512, 1000, 49152])
@pytest.mark.parametrize("case", ["random", "ties", "all-equal", "zeros", "last", "negative", "lowest", "forbidden"])
@each_adapter
def test_argmax(vocab: int, case: str, adapter: SoftwareAdapter) -> None:
    rng = np.random.default_rng(vocab)
    logits = rng.normal(size=vocab).astype(np.float32)
    if case == "ties":
        logits[[vocab - 3, vocab // 2, 400]] = 9.0
    elif case == "all-equal":
        logits[:] = -7.5
    elif case == "zeros":
        logits = -np.abs(logits)
        logits[[400, vocab - 3]] = -0.0, 0.0  # equal, so the first
    elif case == "last":
        logits[-1] = 100
    elif case == "negative":
        logits -= 1e30
    elif case == "lowest":
        logits[:] = np.finfo(np.float32).min
        logits[411] = np.nextafter(logits[411], np.float32(0))
    elif case == "forbidden":
        logits[:] = -np.inf
        logits[417] = np.finfo(np.float32).min
    outputs = run_argmax(logits, adapter)
    winner = int(np.argmax(logits))
    assert outputs["state"].tolist() == [winner, 42, 71, 12, 0, 0, 0, 0]
    assert outputs["tokens"][70 % 64] == winner
    assert (np.delete(outputs["tokens"], 70 % 64) == 99).all()


@pytest.mark.parametrize("vocab", [512, 1003])
@each_adapter
def test_mask_logits(vocab: int, adapter: SoftwareAdapter) -> None:
    """Also where the last word and the last group of four are not full, and whatever a logit is."""
    rng = np.random.default_rng(vocab)
    logits = rng.normal(size=vocab).astype(np.float32)
    logits[[5, 6, 7]] = np.nan, np.inf, -np.inf
    words = rng.integers(-(2**31), 2**31, size=-(-vocab // 32)).astype(np.int32)
    arrays = {"logits": logits, "token_mask": words}
    definition = {"op": "mask_logits", "vocab_size": vocab}
    allowed = np.array([(int(words[i // 32]) >> (i % 32)) & 1 for i in range(vocab)], dtype=bool)
    expected = np.where(allowed, logits, np.finfo(np.float32).min)
    for outputs in run_everywhere(definition, arrays, adapter=adapter):
        np.testing.assert_array_equal(outputs["logits"][:vocab], expected)


@pytest.mark.parametrize("name", NOT_FINITE)
def test_argmax_of_what_is_not_finite_is_no_token(name: str) -> None:
    logits = logits_with(NOT_FINITE[name])
    assert greedy(logits) == NO_TOKEN
    outputs = run_argmax(logits)
    assert outputs["state"].tolist() == [3, 42, 71, 12, 0, 0, 0, 0]
    assert outputs["tokens"][70 % 64] == NO_TOKEN
    assert (np.delete(outputs["tokens"], 70 % 64) == 99).all()
