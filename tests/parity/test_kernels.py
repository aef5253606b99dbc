"""Each kernel against its formula in NumPy float64, in every variant the adapter runs. Needs Chromium with WebGPU."""

from __future__ import annotations

import numpy as np
import pytest
from nomoat_compiler.models.sampling import SAMPLING
from nomoat_compiler.operators.attention.gpu import attention, attention_definition
from nomoat_compiler.operators.embed.gpu import embed, embed_definition
from nomoat_compiler.operators.gpu.emit import Operator, Variant, symbol_n
from nomoat_compiler.operators.linear.gpu import LinearSpec
from nomoat_compiler.operators.linear.gpu_decode import linear_decode, linear_decode_variants
from nomoat_compiler.operators.linear.gpu_prefill import linear_prefill
from nomoat_compiler.operators.rms_norm.gpu import rms_norm, rms_norm_definition
from nomoat_compiler.operators.rope_append.gpu import DynamicNtk, RopeSpec, rope_append, rope_append_definition
from nomoat_compiler.operators.sample_greedy.gpu import PARTS, argmax_final, argmax_partial
from nomoat_compiler.reference.sampling import NO_TOKEN, greedy
from nomoat_compiler.scheme import Scheme

from tests.fixtures.finite_floats import finite_floats
from tests.parity.kernel_cases import SCHEMES, random_matrix, random_vector, run_everywhere
from tests.parity.test_kernel_sampling import NOT_FINITE, logits_with

pytestmark = pytest.mark.browser
POISON = np.float32(np.nan)

LINEAR_CASES = [
    # n, k, norm, bias, residual, swiglu: shapes that fill tiles exactly, and shapes that leave tails everywhere
    pytest.param(192, 576, None, None, False, False, id="plain"),
    pytest.param(96, 64, "float32", None, False, True, id="norm-swiglu"),
    pytest.param(77, 172, None, "float16", True, False, id="tails-bias-residual"),
    pytest.param(70, 172, "bfloat16", "float32", False, True, id="tails-norm-bias-swiglu"),
    pytest.param(48, 1536, None, None, True, False, id="long-residual"),
]


def silu(x: np.ndarray) -> np.ndarray:
    return x / (1 + np.exp(-x))


def linear_inputs(spec: LinearSpec, tokens: int, seed: int) -> tuple[np.ndarray, dict[str, np.ndarray], float]:
    """The formula of linear.py in float64, the arrays to run it on, and the tolerance."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(tokens, spec.k)).astype(np.float32)
    weight, arrays = random_matrix(rng, spec.n, spec.k, spec.scheme)
    arrays["x"] = x
    activations = x.astype(np.float64)
    if spec.norm_dtype:
        gain, arrays["gain"] = random_vector(rng, spec.k, spec.norm_dtype)
        rms = np.sqrt((activations**2).mean(axis=1, keepdims=True) + spec.norm_eps)
        activations = activations * gain / rms
    y = activations @ weight.T
    # float32 rounding of K products, a few operations each; sqrt(K) since the errors are independent.
    tolerance = 2e-6 * np.sqrt(spec.k) * np.abs(activations).max() * np.abs(weight).max()
    if spec.bias_dtype:
        bias, arrays["bias"] = random_vector(rng, spec.n, spec.bias_dtype)
        y = y + bias
    if spec.swiglu:
        tolerance *= 2 * np.abs(y).max()
        y = silu(y[:, : spec.n // 2]) * y[:, spec.n // 2 :]
    if spec.residual:
        arrays["residual"] = rng.normal(size=y.shape).astype(np.float32)
        y = y + arrays["residual"]
    arrays["out"] = np.full(y.shape, POISON)
    return y, arrays, tolerance


def linear_operator(name: str, spec: LinearSpec, variants: tuple[Variant, ...]) -> Operator:
    return Operator(name, tuple(a.name for a in spec.arguments(1)), ("out",), spec.definition, lambda: variants)


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES.keys())
@pytest.mark.parametrize(("n", "k", "norm", "bias", "residual", "swiglu"), LINEAR_CASES)
def test_linear_decode(
    n: int, k: int, norm: str | None, bias: str | None, residual: bool, swiglu: bool, scheme: Scheme
) -> None:
    spec = LinearSpec(n, k, scheme, norm, 1e-5, bias, residual, swiglu)
    expected, arrays, tolerance = linear_inputs(spec, 1, seed=n + k)
    for outputs in run_everywhere(linear_operator("linear", spec, linear_decode_variants("linear", spec)), arrays, {}):
        np.testing.assert_allclose(outputs["out"], expected, atol=tolerance, rtol=0)


@pytest.mark.parametrize("lanes", [8, 32])
def test_linear_decode_splits_rows_over_many_lanes(lanes: int) -> None:
    """Wide clusters need wide subgroups, which few adapters here have: the split is proved with the other reduction."""
    spec = LinearSpec(77, 172, SCHEMES["q4"], "float32", 1e-5, None, True, False)
    expected, arrays, tolerance = linear_inputs(spec, 1, seed=lanes)
    kernel = linear_decode("linear", spec, lanes=lanes, rows=2, reduction="workgroup")
    for outputs in run_everywhere(linear_operator("linear", spec, (Variant(kernel),)), arrays, {}):
        np.testing.assert_allclose(outputs["out"], expected, atol=tolerance, rtol=0)


@pytest.mark.parametrize("tokens", [1, 16, 37])
@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES.keys())
@pytest.mark.parametrize(("n", "k", "norm", "bias", "residual", "swiglu"), LINEAR_CASES)
def test_linear_prefill(
    n: int,
    k: int,
    norm: str | None,
    bias: str | None,
    residual: bool,
    swiglu: bool,
    scheme: Scheme,
    tokens: int,
) -> None:
    spec = LinearSpec(n, k, scheme, None, 0.0, bias, residual, swiglu)
    expected, arrays, tolerance = linear_inputs(spec, tokens, seed=n + k + tokens)
    operator = linear_operator("linear", spec, (Variant(linear_prefill("linear", spec, symbol_n())),))
    for outputs in run_everywhere(operator, arrays, {"n": tokens}):
        np.testing.assert_allclose(outputs["out"], expected, atol=tolerance, rtol=0)


@pytest.mark.parametrize("name", ["q4", "q4_0", "q8", "q8m"])
def test_scales_below_the_smallest_normal_half_are_read(name: str) -> None:
    """Files of other programs have them. A device that takes them for zero fails here."""
    rng = np.random.default_rng(1)
    values, matrix = random_matrix(rng, 24, 192, SCHEMES[name], subnormal=True)
    assert np.abs(values).max() > 0
    x = rng.normal(size=(5, 192)).astype(np.float32)
    tolerance = 2e-6 * np.sqrt(192) * np.abs(x).max() * np.abs(values).max()
    spec = LinearSpec(24, 192, SCHEMES[name])
    decode = linear_operator("decode", spec, linear_decode_variants("decode", spec))
    for outputs in run_everywhere(decode, {"x": x[:1], "out": np.full((1, 24), POISON)} | matrix, {}):
        np.testing.assert_allclose(outputs["out"], x[:1] @ values.T, rtol=0, atol=tolerance)
    prefill = linear_operator("prefill", spec, (Variant(linear_prefill("prefill", spec, symbol_n())),))
    for outputs in run_everywhere(prefill, {"x": x, "out": np.full((5, 24), POISON)} | matrix, {"n": 5}):
        np.testing.assert_allclose(outputs["out"], x @ values.T, rtol=0, atol=tolerance)
    ids = np.array([0, 23, 7], np.int32)
    kernel = embed("embed", 24, 192, SCHEMES[name], symbol_n(), 3)
    definition = embed_definition(24, 192, SCHEMES[name])
    arrays = {"token_ids": ids, "out": np.full((3, 192), POISON)} | matrix
    for outputs in run_everywhere(
        Operator("embed", ("token_ids", *matrix, "out"), ("out",), definition, lambda: (Variant(kernel),)),
        arrays,
        {"n": 3},
    ):
        np.testing.assert_allclose(outputs["out"], values[ids], rtol=1e-6, atol=1e-6 * np.abs(values).max())


@pytest.mark.parametrize("prefill", [False, True], ids=["decode", "prefill"])
def test_swiglu_over_all_finite_numbers(prefill: bool) -> None:
    """Gates of every size, and NaN, which must not be lost: the rows of the matrix are [gate, 0, 0, 0]."""
    gates = np.append(finite_floats(), np.float32(np.nan))
    w = np.zeros((2 * len(gates), 4), np.float32)
    w[: len(gates), 0], w[len(gates) :, 1] = gates, 0.5
    spec = LinearSpec(len(w), 4, SCHEMES["f32"], swiglu=True)
    variants = (
        (Variant(linear_prefill("linear", spec, symbol_n())),) if prefill else linear_decode_variants("linear", spec)
    )
    x = np.array([[1, 1, 0, 0]], np.float32)
    arrays = {"x": x, "w": w, "out": np.full((1, len(gates)), POISON)}
    wide = gates.astype(np.float64)
    with np.errstate(over="ignore"):
        expected = wide / (1 + np.exp(-wide)) * 0.5
    # WGSL allows exp(-x) an error of 3 + 2|x| units in the last place. silu(-87), 1.5e-36, stands for all below it.
    allowed = np.abs(expected) * (8 + 2 * np.abs(wide).clip(max=87)) * 2.0**-23 + 0.8e-36
    for outputs in run_everywhere(linear_operator("linear", spec, variants), arrays, {"n": 1} if prefill else {}):
        out = outputs["out"][0]
        assert np.isnan(out[-1])
        assert (np.abs(out - expected)[:-1] <= allowed[:-1]).all()


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES.keys())
@pytest.mark.parametrize(("vocab", "hidden"), [(100, 576), (33, 76)])
def test_embed(vocab: int, hidden: int, scheme: Scheme) -> None:
    rng = np.random.default_rng(vocab)
    table, arrays = random_matrix(rng, vocab, hidden, scheme)
    ids = np.array([0, vocab - 1, 7, 7, 12], dtype=np.int32)
    arrays |= {"token_ids": ids, "out": np.full((5, hidden), POISON)}
    kernel = embed("embed", vocab, hidden, scheme, symbol_n(), len(ids))
    definition = embed_definition(vocab, hidden, scheme)
    operator = Operator("embed", (*arrays,), ("out",), definition, lambda: (Variant(kernel),))
    for outputs in run_everywhere(operator, arrays, {"n": 5}):
        np.testing.assert_allclose(outputs["out"], table[ids], rtol=1e-6, atol=1e-6)


def test_embed_keeps_wild_ids_inside_the_table() -> None:
    rng = np.random.default_rng(0)
    table, arrays = random_matrix(rng, 10, 64, SCHEMES["f32"])
    arrays |= {"token_ids": np.array([-5, 2**31 - 1], dtype=np.int32), "out": np.full((2, 64), POISON)}
    kernel = embed("embed", 10, 64, SCHEMES["f32"], symbol_n(), 2)
    definition = embed_definition(10, 64, SCHEMES["f32"])
    operator = Operator("embed", (*arrays,), ("out",), definition, lambda: (Variant(kernel),))
    for outputs in run_everywhere(operator, arrays, {"n": 2}):
        np.testing.assert_allclose(outputs["out"], table[[0, 9]], rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("hidden", [64, 576, 76])
def test_rms_norm(hidden: int, dtype: str) -> None:
    rng = np.random.default_rng(hidden)
    gain, stored = random_vector(rng, hidden, dtype)
    x = rng.normal(scale=3, size=(5, hidden)).astype(np.float32)
    expected = x / np.sqrt((x.astype(np.float64) ** 2).mean(axis=1, keepdims=True) + 1e-5) * gain
    operator = Operator(
        "norm",
        ("x", "gain", "out"),
        ("out",),
        rms_norm_definition(hidden, 1e-5),
        lambda: (Variant(rms_norm("norm", hidden, 1e-5, dtype, symbol_n())),),
    )
    arrays = {"x": x, "gain": stored, "out": np.full_like(x, POISON)}
    for outputs in run_everywhere(operator, arrays, {"n": 5}):
        np.testing.assert_allclose(outputs["out"], expected, rtol=1e-5, atol=1e-6)


def rotate(x: np.ndarray, angles: np.ndarray, scaling: float) -> np.ndarray:
    """x (..., head_dim) by angles (..., head_dim/2), half-split layout, float64."""
    half = x.shape[-1] // 2
    a, b = x[..., :half].astype(np.float64), x[..., half:].astype(np.float64)
    cosine, sine = np.cos(angles) * scaling, np.sin(angles) * scaling
    return np.concatenate([a * cosine - b * sine, b * cosine + a * sine], axis=-1)


@pytest.mark.parametrize("position", [0, 5, 4090, 100_003])
@pytest.mark.parametrize(
    ("heads", "kv_heads", "head_dim", "scaling"), [(9, 3, 64, 1.0), (4, 4, 16, 1.25), (3, 1, 10, 1.0)]
)
def test_rope_append(heads: int, kv_heads: int, head_dim: int, scaling: float, position: int) -> None:
    rng = np.random.default_rng(position)
    tokens, page_size = 7, 16
    logical_pages = position // page_size + 2
    spec = RopeSpec(heads, kv_heads, head_dim, page_size, logical_pages, scaling, None)
    # Only the pages around the position exist; they are stored out of order.
    table = np.zeros(logical_pages, dtype=np.int32)
    table[position // page_size], table[position // page_size + 1] = 2, 0
    inv_freq = (10000.0 ** (-np.arange(0, head_dim, 2) / head_dim)).astype(np.float32)
    qkv = rng.normal(size=(tokens, (heads + 2 * kv_heads) * head_dim)).astype(np.float32)
    k_pages = rng.normal(size=(3, kv_heads, page_size, head_dim)).astype(np.float32)
    v_pages = rng.normal(size=(3, kv_heads, page_size, head_dim)).astype(np.float32)
    arrays = {
        "qkv": qkv,
        "inv_freq": inv_freq,
        "state": np.array([0, position, 0, 0, 0, 0, 0, 0], dtype=np.int32),
        "block_table": table,
        "k_pages": k_pages,
        "v_pages": v_pages,
        "q": np.full((tokens, heads * head_dim), POISON),
    }
    operator = Operator(
        "rope",
        (*arrays,),
        ("k_pages", "v_pages", "q"),
        rope_append_definition(spec),
        lambda: (Variant(rope_append("rope", spec, symbol_n(), 3)),),
    )
    split = qkv.reshape(tokens, heads + 2 * kv_heads, head_dim)
    positions = position + np.arange(tokens)
    # The angle is a float32 product, as in transformers; float64 from there on.
    angles = (positions.astype(np.float32)[:, None] * inv_freq).astype(np.float64)[:, None, :]
    expected_q = rotate(split[:, :heads], angles, scaling).reshape(tokens, -1)
    expected_k, expected_v = k_pages.astype(np.float64), v_pages.astype(np.float64)
    for t, p in enumerate(positions):
        page, slot = table[p // page_size], p % page_size
        expected_k[page, :, slot] = rotate(split[t, heads : heads + kv_heads], angles[t], scaling)
        expected_v[page, :, slot] = split[t, heads + kv_heads :]
    for outputs in run_everywhere(operator, arrays, {"n": tokens}):
        # 2e-6: the polynomials are good to 2e-7, and each result is a sum of two products of values up to 4.
        np.testing.assert_allclose(outputs["q"], expected_q, atol=4e-6)
        np.testing.assert_allclose(outputs["k_pages"], expected_k, atol=4e-6)
        np.testing.assert_array_equal(outputs["v_pages"], expected_v.astype(np.float32))


def test_rope_dynamic_follows_the_position() -> None:
    """Beyond the trained length the base of the frequencies grows with each token's own position."""
    rng = np.random.default_rng(3)
    head_dim, trained, factor, theta, position = 16, 32, 2.0, 10000.0, 29
    tokens = 8
    spec = RopeSpec(1, 1, head_dim, 16, 4, 1.0, DynamicNtk(theta, factor, trained))
    exponent = np.arange(0, head_dim, 2) / head_dim
    qkv = rng.normal(size=(tokens, 3 * head_dim)).astype(np.float32)
    arrays = {
        "qkv": qkv,
        "inv_freq": (theta**-exponent).astype(np.float32),
        "state": np.array([0, position, 0, 0, 0, 0, 0, 0], dtype=np.int32),
        "block_table": np.arange(4, dtype=np.int32),
        "k_pages": np.zeros((4, 1, 16, head_dim), dtype=np.float32),
        "v_pages": np.zeros((4, 1, 16, head_dim), dtype=np.float32),
        "q": np.full((tokens, head_dim), POISON),
    }
    operator = Operator(
        "rope",
        (*arrays,),
        ("k_pages", "v_pages", "q"),
        rope_append_definition(spec),
        lambda: (Variant(rope_append("rope", spec, symbol_n(), 4)),),
    )
    positions = position + np.arange(tokens)
    length = np.maximum(positions + 1, trained)
    base = theta * (factor * length / trained - (factor - 1)) ** (head_dim / (head_dim - 2))
    angles = positions[:, None] * base[:, None] ** -exponent
    expected = rotate(qkv[:, :head_dim], angles, 1.0)
    for outputs in run_everywhere(operator, arrays, {"n": tokens}):
        # WGSL's exp and log have a few units in the last place, times an exponent near 10.
        np.testing.assert_allclose(outputs["q"], expected, atol=1e-3)


@pytest.mark.parametrize("position", [0, 1, 63, 64, 200])
@pytest.mark.parametrize(("heads", "kv_heads", "head_dim"), [(6, 2, 64), (2, 2, 16), (2, 1, 128), (3, 1, 10)])
@pytest.mark.parametrize("tokens", [1, 5])
def test_attention(heads: int, kv_heads: int, head_dim: int, position: int, tokens: int) -> None:
    rng = np.random.default_rng(position + head_dim)
    page_size = 16
    length = position + tokens
    pages = -(-length // page_size)
    spec = RopeSpec(heads, kv_heads, head_dim, page_size, pages, 1.0, None)
    table = rng.permutation(pages).astype(np.int32)
    q = rng.normal(size=(tokens, heads, head_dim)).astype(np.float32) * 2
    k = rng.normal(size=(pages * page_size, kv_heads, head_dim)).astype(np.float32)
    v = rng.normal(size=(pages * page_size, kv_heads, head_dim)).astype(np.float32)
    # Slots past the sequence hold garbage that must not be read into the result.
    k[length:], v[length:] = 1e9, POISON

    def paged(x: np.ndarray) -> np.ndarray:
        stored = np.empty((pages, kv_heads, page_size, head_dim), dtype=np.float32)
        stored[table] = x.reshape(pages, page_size, kv_heads, head_dim).transpose(0, 2, 1, 3)
        return stored

    arrays = {
        "q": q.reshape(tokens, -1),
        "state": np.array([0, position, 0, 0, 0, 0, 0, 0], dtype=np.int32),
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
    operator = Operator(
        "attention",
        (*arrays,),
        ("out",),
        attention_definition(spec),
        lambda: (Variant(attention("attention", spec, symbol_n(), pages)),),
    )
    for outputs in run_everywhere(operator, arrays, {"n": tokens}):
        np.testing.assert_allclose(outputs["out"], expected.reshape(tokens, -1), atol=2e-5)


def run_argmax(logits: np.ndarray) -> dict[str, np.ndarray]:
    """Both kernels at step 70, after token 3 at position 41."""
    vocab = len(logits)
    partial = Operator(
        "partial",
        ("logits", "best_key", "best_index"),
        ("best_key", "best_index"),
        SAMPLING,
        lambda: (Variant(argmax_partial("partial", vocab)),),
    )
    empty = {"best_key": np.zeros(PARTS, np.uint32), "best_index": np.zeros(PARTS, np.int32)}
    (first,) = run_everywhere(partial, {"logits": logits, **empty}, {})
    final = Operator(
        "final",
        ("best_key", "best_index", "state", "tokens"),
        ("state", "tokens"),
        SAMPLING,
        lambda: (Variant(argmax_final("final", vocab)),),
    )
    state = np.array([3, 41, 70, 12, 0, 0, 0, 0], dtype=np.int32)
    (outputs,) = run_everywhere(final, {**first, "state": state, "tokens": np.full(64, 99, np.int32)}, {})
    return outputs


@pytest.mark.parametrize("vocab", [512, 1000, 49152])
@pytest.mark.parametrize("case", ["random", "ties", "all-equal", "zeros", "last", "negative", "lowest", "forbidden"])
def test_argmax(vocab: int, case: str) -> None:
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
    outputs = run_argmax(logits)
    winner = int(np.argmax(logits))
    assert outputs["state"].tolist() == [winner, 42, 71, 12, 0, 0, 0, 0]
    assert outputs["tokens"][70 % 64] == winner
    assert (np.delete(outputs["tokens"], 70 % 64) == 99).all()


@pytest.mark.parametrize("name", NOT_FINITE)
def test_argmax_of_what_is_not_finite_is_no_token(name: str) -> None:
    logits = logits_with(NOT_FINITE[name])
    assert greedy(logits) == NO_TOKEN
    outputs = run_argmax(logits)
    assert outputs["state"].tolist() == [3, 42, 71, 12, 0, 0, 0, 0]
    assert outputs["tokens"][70 % 64] == NO_TOKEN
    assert (np.delete(outputs["tokens"], 70 % 64) == 99).all()
