"""The matmul kernels against their formula in NumPy float64: every storage format in every variant.

What costs is compiling: a pipeline takes SwiftShader half a second and lavapipe several, running it hardly anything.
Calls that differ in n and in contents share one. So each thing is proved where it is cheapest: how weights are read,
on SwiftShader, a format at a time; how lanes meet, on every adapter, with plain numbers, whose kernels are short; and
one common format on lavapipe too. NOMOAT_EVERY_KERNEL=1 has all formats on all adapters.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from nomoat_compiler.expression import evaluate
from nomoat_compiler.operators.catalog import OPERATORS, gpu_operator
from nomoat_compiler.operators.declaration import ACTIVATIONS
from nomoat_compiler.operators.definition import FEW_TOKENS, call_symbols, definition_symbols
from nomoat_compiler.operators.gpu.weight_reader import PlainFormat
from nomoat_compiler.operators.linear.gpu_decode import lanes_for
from nomoat_compiler.scheme import Grouped, Scheme

from tests.parity.adapters import ADAPTERS, EVERY_KERNEL, SWIFTSHADER, SoftwareAdapter, each_adapter
from tests.parity.kernel_cases import (
    POISON,
    SCHEMES,
    Arrays,
    random_matrix,
    rows_of,
    run_everywhere,
)

SWIGLU: dict[str, Any] = {"gated": True, "activation": ACTIVATIONS.index("silu")}
BIASED: dict[str, Any] = {"bias": True, "residual": True}
# 500 columns: padding in groups of 32 and half a chunk of 8; an odd number of rows leaves tails in every block.
TAILS: dict[str, dict[str, Any]] = {
    "tails": {"rows": 77, "columns": 500, **BIASED},
    "tails-swiglu": {"rows": 70, "columns": 500, **BIASED, **SWIGLU},
}
# One of them for each format: what is gated is computed by the same kernels.
TAILS_OF = dict(zip(SCHEMES, list(TAILS) * len(SCHEMES), strict=False))
# One row or another of floats is read 8 at a time, and nothing is padded; with more than 2,048 columns in two tiles.
WHOLE: dict[str, dict[str, Any]] = {
    "whole": {"rows": 192, "columns": 576},
    "whole-swiglu": {"rows": 128, "columns": 64, **SWIGLU},
    "tiles": {"rows": 24, "columns": 2208, **BIASED},
}
WHOLE_FORMATS = ("q4m_f16", "f16")
GROUP_SIZES: dict[str, Scheme] = {
    "q4_g64": Grouped(4, 64, None, "float16"),
    "q4_g128": Grouped(4, 128, 8, "float16"),
    "q8_g16": Grouped(8, 16, None, "float32"),
    "q8_g64": Grouped(8, 64, 128, "bfloat16"),
    "q5_g16": Grouped(5, 16, None, "bfloat16"),
    "q3_g64": Grouped(3, 64, 4, "float16"),
    "q6_g32": Grouped(6, 32, 32, "int8"),
    "q2_g32": Grouped(2, 32, None, "uint8"),
}
FORMATS_ON_ADAPTERS = pytest.mark.parametrize(
    ("name", "adapter"),
    [
        pytest.param(name, adapter, id=f"{name}-{adapter.name}")
        for adapter in ADAPTERS
        for name in SCHEMES
        if EVERY_KERNEL or adapter == SWIFTSHADER or (adapter.name == "lavapipe-128MiB" and name == "q4m_f16")
    ],
)
EVERY_SCHEME = pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES.keys())
PHASES = pytest.mark.parametrize("prefill", [False, True], ids=["decode", "prefill"])


def linear(scheme: Scheme, rows: int, columns: int, **fields: Any) -> dict[str, Any]:
    shape = {"op": "linear", "rows": rows, "columns": columns, "scheme": scheme.to_json()}
    return OPERATORS["linear"].defaults() | shape | fields


def silu(x: np.ndarray) -> np.ndarray:
    return x / (1 + np.exp(-x))


def linear_case(
    definition: dict[str, Any], scheme: Scheme, tokens: int, seed: int = 0
) -> tuple[np.ndarray, Arrays, float]:
    """The formula of gpu_product.py in float64, the arrays to run it on, and the tolerance."""
    rng = np.random.default_rng(seed + definition["rows"] + definition["columns"])
    rows, columns = definition["rows"], definition["columns"]
    x = rng.normal(size=(tokens, columns)).astype(np.float32)
    weight, arrays = random_matrix(rng, rows, columns, scheme)
    arrays["x"] = x
    activations = x.astype(np.float64)
    if definition["norm_eps"] is not None:
        arrays["gain"] = rng.normal(size=columns).astype(np.float32)
        rms = np.sqrt((activations**2).mean(axis=1, keepdims=True) + definition["norm_eps"])
        activations = activations * arrays["gain"] / rms
    y = activations @ weight.T
    # float32 rounding of K products, a few operations each; sqrt(K) since the errors are independent.
    tolerance = 2e-6 * np.sqrt(columns) * np.abs(activations).max() * np.abs(weight).max()
    if definition["bias"]:
        arrays["bias"] = rng.normal(size=rows).astype(np.float32)
        y = y + arrays["bias"]
    if definition["gated"]:
        tolerance *= 2 * np.abs(y).max()
        y = silu(y[:, : rows // 2]) * y[:, rows // 2 :]
    if definition["residual"]:
        arrays["residual"] = rng.normal(size=y.shape).astype(np.float32)
        y = y + arrays["residual"]
    arrays["out"] = np.full(y.shape, POISON)
    return y, arrays, tolerance


def check(
    definition: dict[str, Any], scheme: Scheme, tokens: int, prefill: bool, adapter: SoftwareAdapter = SWIFTSHADER
) -> None:
    """Every variant that fits and that the adapter runs, against the formula."""
    expected, arrays, tolerance = linear_case(definition, scheme, tokens)
    variants = list(run_everywhere(definition, arrays, prefill=prefill, n=tokens, adapter=adapter))
    with_subgroups = 1 if "-none" in adapter.name else 2
    few = with_subgroups if prefill and tokens <= FEW_TOKENS else 0
    assert len(variants) == (1 + few if prefill else with_subgroups)
    for outputs in variants:
        np.testing.assert_allclose(outputs["out"], expected, atol=tolerance, rtol=0)


@FORMATS_ON_ADAPTERS
def test_decode(name: str, adapter: SoftwareAdapter) -> None:
    check(linear(SCHEMES[name], **TAILS[TAILS_OF[name]], norm_eps=1e-5), SCHEMES[name], 1, False, adapter)


@FORMATS_ON_ADAPTERS
def test_prefill(name: str, adapter: SoftwareAdapter) -> None:
    """Of a few tokens and of many: in one block, where half of it is not computed, and in two."""
    for tokens in (5, 37):
        check(linear(SCHEMES[name], **TAILS[TAILS_OF[name]]), SCHEMES[name], tokens, True, adapter)


@PHASES
@pytest.mark.parametrize("scheme", [SCHEMES[name] for name in WHOLE_FORMATS], ids=WHOLE_FORMATS)
@pytest.mark.parametrize("case", WHOLE)
def test_shapes_that_fill_every_block(case: str, scheme: Scheme, prefill: bool) -> None:
    check(linear(scheme, **WHOLE[case]), scheme, 64 if prefill else 1, prefill)
    if prefill and case == "tiles":
        check(linear(scheme, **WHOLE[case]), scheme, FEW_TOKENS, prefill)


@each_adapter
@pytest.mark.parametrize(("lanes", "columns", "swiglu"), [(8, 100, False), (16, 128, False), (32, 352, True)])
def test_teams_and_subgroups_of_every_width(lanes: int, columns: int, swiglu: bool, adapter: SoftwareAdapter) -> None:
    """Teams of lanes that are narrower than a subgroup, as wide and wider; the norm's squares meet in all of them."""
    scheme = SCHEMES["f32"]
    definition = linear(scheme, 70, columns, norm_eps=1e-5, residual=True, **(SWIGLU if swiglu else {}))
    symbols = definition_symbols(definition, prefill=False) | {"all_rows": 70}
    assert evaluate(lanes_for(PlainFormat("float32", 4), 1), symbols) == lanes
    check(definition, scheme, 1, False, adapter)


@each_adapter
def test_every_number_of_tokens(adapter: SoftwareAdapter) -> None:
    """Below, at and above the blocks of tokens of both kernels; one pipeline each."""
    scheme = SCHEMES["f32"]
    for tokens in (*range(1, FEW_TOKENS + 1), 9, 32, 33, 64, 65, 130):
        check(linear(scheme, 70, 100, **BIASED, **SWIGLU), scheme, tokens, True, adapter)


@PHASES
@pytest.mark.parametrize("scheme", GROUP_SIZES.values(), ids=GROUP_SIZES.keys())
def test_group_sizes(scheme: Scheme, prefill: bool) -> None:
    check(linear(scheme, 40, 600), scheme, FEW_TOKENS + 1 if prefill else 1, prefill)


@pytest.mark.parametrize(
    "flags", [{"norm_eps": 1e-5}, {"bias": True}, {"residual": True}], ids=lambda flags: next(iter(flags))
)
def test_each_flag_alone(flags: dict[str, Any]) -> None:
    """What the definition lacks is bound to x, and must not be read."""
    check(linear(SCHEMES["f32"], 64, 128, **flags), SCHEMES["f32"], 1, False)


@pytest.mark.parametrize(
    ("name", "swiglu", "prefill"),
    [("f32", False, False), ("f32", True, True), ("q4m_f16", True, False)],
    ids=["f32-decode", "f32-swiglu-prefill", "q4-swiglu-decode"],
)
def test_slices_of_rows_make_the_whole(name: str, swiglu: bool, prefill: bool) -> None:
    """Uneven slices, one after the other into one result, give the bits of the whole matrix."""
    scheme = SCHEMES[name]
    rows, columns, tokens = 90, 160, 6 if prefill else 1
    flags: dict[str, Any] = {**BIASED, **(SWIGLU if swiglu else {}), "norm_eps": None if prefill else 1e-5}
    definition = linear(scheme, rows, columns, **flags)
    expected, arrays, tolerance = linear_case(definition, scheme, tokens)
    whole = [outputs["out"] for outputs in run_everywhere(definition, arrays, prefill=prefill, n=tokens)]
    width = expected.shape[1]
    matrix: Arrays = {name: arrays[name] for name in ("w", "w_scale") if name in arrays}
    pieces = [arrays["out"]] * len(whole)
    for first, end in ((0, 7), (7, width)):
        taken = np.arange(first, end)
        taken = np.concatenate([taken, taken + width]) if swiglu else taken
        part = linear(scheme, len(taken), columns, **flags)
        symbols = {"first_row": first, "all_rows": rows}
        for index, outputs in enumerate(_of_slice(part, arrays | rows_of(matrix, taken), pieces, symbols, prefill)):
            pieces[index] = outputs
    for out, one in zip(pieces, whole, strict=True):
        np.testing.assert_allclose(out, expected, atol=tolerance, rtol=0)
        np.testing.assert_array_equal(out, one)


def _of_slice(
    part: dict[str, Any], arrays: Arrays, pieces: list[np.ndarray], symbols: dict[str, int], prefill: bool
) -> list[np.ndarray]:
    """What each variant makes of the result so far. The variants compute the same rows of it."""
    tokens = len(arrays["x"])
    ran = list(run_everywhere(part, arrays | {"out": pieces[0]}, prefill=prefill, n=tokens, rows=symbols))
    width = pieces[0].shape[1] - (part["rows"] // (1 + part["gated"]) + symbols["first_row"])
    assert width >= 0
    columns = slice(symbols["first_row"], pieces[0].shape[1] - width)
    results = []
    for piece, outputs in zip(pieces, ran, strict=True):
        merged = piece.copy()
        merged[:, columns] = outputs["out"][:, columns]
        untouched = np.delete(np.arange(merged.shape[1]), np.arange(columns.start, columns.stop))
        np.testing.assert_array_equal(outputs["out"][:, untouched], pieces[0][:, untouched])
        results.append(merged)
    return results


@pytest.mark.parametrize("prefill", [False, True], ids=["decode", "prefill"])
@pytest.mark.parametrize("swiglu", [False, True], ids=["plain", "swiglu"])
@EVERY_SCHEME
def test_some_variant_needs_nothing(scheme: Scheme, swiglu: bool, prefill: bool) -> None:
    """For every scheme, also in groups of other sizes, and however many rows and columns; needs no adapter."""
    variants = gpu_operator("linear").stages[0].variants
    schemes = [scheme]
    if isinstance(scheme, Grouped):
        sizes = [16, 32, 48, 64, 96, 256] if scheme.bits == 8 else [16, 32, 64, 96, 256]
        sizes = [32] if scheme.two_level else sizes[scheme.bits == 4 :]
        schemes = [dataclasses.replace(scheme, group_size=size) for size in sizes]
    for each in schemes:
        for rows, columns in ((2, 4), (576, 576), (128256, 2048), (1 << 20, 12)):
            definition = linear(each, rows, columns, **(SWIGLU if swiglu else {}))
            symbols = definition_symbols(definition, prefill=prefill) | call_symbols(64)
            fitting = [variant for variant in variants if evaluate(variant.when, symbols)]
            assert fitting and not fitting[-1].features
            assert len({variant.name.rpartition("_")[0] for variant in fitting}) == 1
