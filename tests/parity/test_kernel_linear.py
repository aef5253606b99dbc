"""The matmul kernels against their formula in NumPy float64: every storage format, variant and adapter.

Cases that reuse a pipeline (other numbers of tokens, other contents) cost little; each other set of constants is one
more pipeline for each variant, so formats share the cases that reach every branch.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from nomoat_compiler.expression import evaluate
from nomoat_compiler.operators.catalog import OPERATORS, gpu_operator
from nomoat_compiler.operators.declaration import ACTIVATIONS
from nomoat_compiler.operators.definition import definition_symbols
from nomoat_compiler.operators.gpu.operator import Variant
from nomoat_compiler.operators.linear.gpu_decode import linear_decode
from nomoat_compiler.operators.linear.gpu_product import KINDS
from nomoat_compiler.scheme import Grouped, Scheme
from nomoat_compiler.targets.webgpu import compile_variant

from tests.parity.adapters import ADAPTERS, EVERY_KERNEL, SWIFTSHADER, SoftwareAdapter
from tests.parity.kernel_cases import (
    POISON,
    SCHEMES,
    Arrays,
    kernel_outputs,
    random_matrix,
    rows_of,
    run_everywhere,
)

SWIGLU: dict[str, Any] = {"gated": True, "activation": ACTIVATIONS.index("silu")}
# 500 columns: padding in groups of 32 and half a chunk of 8; an odd number of rows leaves tails in every tile.
TAILS: dict[str, dict[str, Any]] = {
    "tails": {"rows": 77, "columns": 500, "bias": True, "residual": True},
    "tails-swiglu": {"rows": 70, "columns": 500, "bias": True, **SWIGLU, "residual": True},
}
WHOLE: dict[str, dict[str, Any]] = {
    "whole": {"rows": 192, "columns": 576},
    "whole-swiglu": {"rows": 96, "columns": 64, **SWIGLU},
}
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
# A pipeline takes lavapipe seconds, up to 30 with its widest vectors, and SwiftShader half of one. What differs from
# adapter to adapter is how lanes meet, not how weights are read: so a run has all formats on SwiftShader and these
# on lavapipe. NOMOAT_EVERY_KERNEL=1 has all on all.
ON_ADAPTER = {"swiftshader": tuple(SCHEMES), "lavapipe-sg16": ("q4m_f16",), "lavapipe-128MiB": ("q4m_f16", "q6s_i8")}
FORMATS_ON_ADAPTERS = pytest.mark.parametrize(
    ("scheme", "adapter"),
    [
        pytest.param(scheme, adapter, id=f"{name}-{adapter.name}")
        for adapter in ADAPTERS
        for name, scheme in SCHEMES.items()
        if EVERY_KERNEL or name in ON_ADAPTER[adapter.name]
    ],
)
EVERY_SCHEME = pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES.keys())


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


@FORMATS_ON_ADAPTERS
@pytest.mark.parametrize("case", TAILS)
def test_decode(case: str, scheme: Scheme, adapter: SoftwareAdapter) -> None:
    definition = linear(scheme, **TAILS[case], norm_eps=1e-5)
    expected, arrays, tolerance = linear_case(definition, scheme, 1)
    for outputs in run_everywhere(definition, arrays, adapter=adapter):
        np.testing.assert_allclose(outputs["out"], expected, atol=tolerance, rtol=0)


@FORMATS_ON_ADAPTERS
@pytest.mark.parametrize("case", TAILS)
def test_prefill(case: str, scheme: Scheme, adapter: SoftwareAdapter) -> None:
    definition = linear(scheme, **TAILS[case])
    for tokens in (1, 16, 37):
        expected, arrays, tolerance = linear_case(definition, scheme, tokens)
        for outputs in run_everywhere(definition, arrays, prefill=True, n=tokens, adapter=adapter):
            np.testing.assert_allclose(outputs["out"], expected, atol=tolerance, rtol=0)


@pytest.mark.parametrize("prefill", [False, True], ids=["decode", "prefill"])
@EVERY_SCHEME
@pytest.mark.parametrize("case", WHOLE)
def test_shapes_that_fill_every_tile(case: str, scheme: Scheme, prefill: bool) -> None:
    """Where nothing is padded, no norm, bias or residual is there, and 16-bit values are read 8 at a time."""
    definition = linear(scheme, **WHOLE[case])
    tokens = 16 if prefill else 1
    expected, arrays, tolerance = linear_case(definition, scheme, tokens)
    for outputs in run_everywhere(definition, arrays, prefill=prefill, n=tokens):
        np.testing.assert_allclose(outputs["out"], expected, atol=tolerance, rtol=0)


@pytest.mark.parametrize("prefill", [False, True], ids=["decode", "prefill"])
@pytest.mark.parametrize("scheme", GROUP_SIZES.values(), ids=GROUP_SIZES.keys())
def test_group_sizes(scheme: Scheme, prefill: bool) -> None:
    for columns in (576, 600):
        definition = linear(scheme, 40, columns)
        tokens = 5 if prefill else 1
        expected, arrays, tolerance = linear_case(definition, scheme, tokens)
        for outputs in run_everywhere(definition, arrays, prefill=prefill, n=tokens):
            np.testing.assert_allclose(outputs["out"], expected, atol=tolerance, rtol=0)


@pytest.mark.parametrize(
    "flags", [{"norm_eps": 1e-5}, {"bias": True}, {"residual": True}], ids=lambda flags: next(iter(flags))
)
def test_each_flag_alone(flags: dict[str, Any]) -> None:
    """What the definition lacks is bound to x, and must not be read."""
    scheme = SCHEMES["q4m_f16"]
    definition = linear(scheme, 64, 128, **flags)
    expected, arrays, tolerance = linear_case(definition, scheme, 1)
    for outputs in run_everywhere(definition, arrays):
        np.testing.assert_allclose(outputs["out"], expected, atol=tolerance, rtol=0)


@pytest.mark.parametrize("prefill", [False, True], ids=["decode", "prefill"])
@pytest.mark.parametrize("swiglu", [False, True], ids=["plain", "swiglu"])
@pytest.mark.parametrize("scheme", [SCHEMES["q4m_f16"], SCHEMES["q8s_bf16"], SCHEMES["f32"]], ids=["q4", "q8", "f32"])
def test_slices_of_rows_make_the_whole(scheme: Scheme, swiglu: bool, prefill: bool) -> None:
    """Three uneven slices, one after the other into one result, give the bits of the whole matrix."""
    rows, columns, tokens = 90, 160, 6 if prefill else 1
    flags: dict[str, Any] = {
        "bias": True,
        "residual": True,
        **(SWIGLU if swiglu else {}),
        "norm_eps": None if prefill else 1e-5,
    }
    definition = linear(scheme, rows, columns, **flags)
    expected, arrays, tolerance = linear_case(definition, scheme, tokens)
    whole = [outputs["out"] for outputs in run_everywhere(definition, arrays, prefill=prefill, n=tokens)]
    width = expected.shape[1]
    matrix: Arrays = {name: arrays[name] for name in ("w", "w_scale") if name in arrays}
    pieces = [arrays["out"]] * len(whole)
    for first, end in ((0, 7), (7, width - 13), (width - 13, width)):
        taken = np.arange(first, end)
        taken = np.concatenate([taken, taken + width]) if swiglu else taken
        part = linear(scheme, len(taken), columns, **flags)
        symbols = {"first_row": first, "all_rows": rows}
        for index, out in enumerate(pieces):
            sliced = arrays | rows_of(matrix, taken) | {"out": out}
            outputs = list(run_everywhere(part, sliced, prefill=prefill, n=tokens, rows=symbols))
            pieces[index] = outputs[index]["out"]
    for out, one in zip(pieces, whole, strict=True):
        np.testing.assert_allclose(out, expected, atol=tolerance, rtol=0)
        np.testing.assert_array_equal(out, one)


@pytest.mark.parametrize("swiglu", [False, True], ids=["plain", "swiglu"])
def test_clusters_of_32_lanes(swiglu: bool) -> None:
    """No software adapter has subgroups of 32: their split of rows is proved with the other reduction."""
    scheme = SCHEMES["q4m_f16"]
    definition = linear(scheme, 70, 1088, norm_eps=1e-5, residual=True, **(SWIGLU if swiglu else {}))
    expected, arrays, tolerance = linear_case(definition, scheme, 1)
    kind = next(kind for kind in KINDS if kind.name == ("gated_" if swiglu else "") + "q4m_float16")
    variant = Variant("wide", 1, lambda symbols: linear_decode(symbols, "wide", kind, 32, "workgroup"))
    kernel = compile_variant(variant, gpu_operator("linear"), OPERATORS["linear"])
    outputs = kernel_outputs(kernel, definition, arrays, SWIFTSHADER)
    np.testing.assert_allclose(outputs["out"], expected, atol=tolerance, rtol=0)


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
            symbols = definition_symbols(linear(each, rows, columns, **(SWIGLU if swiglu else {})), prefill=prefill)
            fitting = [variant for variant in variants if evaluate(variant.when, symbols)]
            assert fitting and not fitting[-1].features
            assert len({variant.name.rpartition("_")[0] for variant in fitting}) == 1 or prefill
