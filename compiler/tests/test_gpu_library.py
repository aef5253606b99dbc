"""The GPU library as data: which variant fits, what its constants are, and its text with the constants filled in."""

from __future__ import annotations

import re
from typing import Any

import pytest
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.gpu_library import bound, compiled, fitting, own_kernels, whole
from nomoat_compiler.operators.catalog import OPERATORS, gpu_operator
from nomoat_compiler.operators.definition import definition_symbols
from nomoat_compiler.scheme import Grouped, Plain
from nomoat_compiler.targets.webgpu import content_hash, specialise

Q4 = Grouped(4, 32, None, "float16")
LINEAR: dict[str, Any] = {
    **OPERATORS["linear"].defaults(), "op": "linear", "rows": 2048, "columns": 2048, "scheme": Q4.to_json(),
    "norm_eps": 1e-5, "residual": True,
}  # fmt: skip


def names(definition: dict[str, Any], prefill: bool = False) -> list[str]:
    symbols = definition_symbols(definition, prefill=prefill) | whole(definition["rows"])
    stage = gpu_operator(definition["op"]).stages[0]
    return [stage.variants[index].name.removeprefix("linear_") for index in fitting(stage, symbols)]


@pytest.mark.parametrize(
    ("changes", "prefill", "expected"),
    [
        ({}, False, ["sg32", "sg8", "sg4", "wg16"]),
        ({"columns": 576}, False, ["sg8", "sg4", "wg16"]),
        ({"columns": 64}, False, ["sg4", "wg4"]),
        # 4 outputs a workgroup would need more than 65535 of them.
        ({"rows": 262144}, False, ["sg8", "sg4", "wg16"]),
        ({}, True, [""]),
    ],
)
def test_wide_clusters_are_for_long_rows(changes: dict[str, Any], prefill: bool, expected: list[str]) -> None:
    base = "prefill_q4m_float16" if prefill else "decode_q4m_float16_"
    assert names(LINEAR | {"norm_eps": None} | changes, prefill) == [base + suffix for suffix in expected]


@pytest.mark.parametrize(
    ("scheme", "columns", "kind"),
    [
        (Plain("float16"), 64, "float16_x8"),
        (Plain("float16"), 68, "float16_x4"),
        (Plain("bfloat16"), 12, "bfloat16_x4"),
        (Plain("float32"), 68, "float32_x4"),
        (Grouped(8, 16, 3, "float32"), 64, "q8s_float32"),
        (Grouped(8, 48, None, "bfloat16"), 64, "q8m_bfloat16_padded"),
    ],
)
def test_storage_formats(scheme: Plain | Grouped, columns: int, kind: str) -> None:
    definition = LINEAR | {"scheme": scheme.to_json(), "columns": columns, "norm_eps": None}
    assert names(definition, prefill=True) == [f"prefill_{kind}"]


def test_groups_that_are_no_whole_chunks_have_no_kernel() -> None:
    definition = LINEAR | {"scheme": Grouped(4, 16, None, "float16").to_json()}
    with pytest.raises(NomoatError, match="no GPU kernel for linear") as raised:
        own_kernels(definition, prefill=False)
    assert raised.value.code == "unsupported"


def test_own_kernels_have_their_constants_filled_in() -> None:
    entry, kernels, texts = own_kernels(LINEAR, prefill=False)
    assert entry["definition"] == LINEAR and entry["prefill"] == 0 and entry["scratch"] == []
    (stage,) = entry["stages"]
    assert [variant["requires"]["subgroup_min_size"] for variant in stage["variants"]] == [32, 8, 4, 0]
    assert [variant["grid"] for variant in stage["variants"]] == [[512, 1, 1], [128, 1, 1], [64, 1, 1], [256, 1, 1]]
    assert set(kernels) == set(texts) == {variant["kernel"] for variant in stage["variants"]}
    for digest, text in texts.items():
        assert digest == content_hash(text) and "override" not in text
        assert re.search(r"^const norm_eps: f32 = 9\.99999975e-06f;$", text, re.M)
        assert "const columns: i32 = 2048i;" in text


def test_own_kernels_of_several_stages() -> None:
    entry, kernels, _ = own_kernels({"op": "sample", "vocab_size": 1000}, prefill=False)
    assert entry["scratch"] == [{"name": "weights", "dtype": "float32", "length": 1000}]
    assert [stage["name"] for stage in entry["stages"]] == ["penalize", "draw"]
    assert len(kernels) == 2


def test_grids_over_tokens_keep_n() -> None:
    entry, _, _ = own_kernels(LINEAR | {"norm_eps": None}, prefill=True)
    assert entry["stages"][0]["variants"][0]["grid"] == [32, ["//", ["+", "n", 15], 16], 1]
    assert bound(["*", "n", ["+", "a", 1]], {"a": 2}) == ["*", "n", 3]


def test_every_operator_has_kernels_and_writes_what_it_says() -> None:
    for op, declaration in OPERATORS.items():
        bindings = [
            binding
            for s, stage in enumerate(gpu_operator(op).stages)
            for binding in compiled(op, s, len(stage.variants) - 1).record["bindings"]
        ]
        written = {binding["argument"] for binding in bindings if binding["access"] == "read_write"}
        assert {argument.name for argument in declaration.arguments if argument.written} <= written, op


def test_specialise_refuses_a_missing_value() -> None:
    with pytest.raises(KeyError):
        specialise("override rows: i32;\n", {})
