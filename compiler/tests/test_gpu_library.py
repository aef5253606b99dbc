"""The GPU library as data: which variant fits, what its constants are, and its text with the constants filled in."""

from __future__ import annotations

import re
from typing import Any

import pytest
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.expression import evaluate
from nomoat_compiler.gpu_library import bound, compiled, fitting, own_kernels, whole
from nomoat_compiler.operators.catalog import OPERATORS, gpu_operator
from nomoat_compiler.operators.definition import call_symbols, definition_symbols
from nomoat_compiler.operators.gpu.weight_reader import GroupedFormat
from nomoat_compiler.operators.linear.gpu_decode import lanes_for
from nomoat_compiler.scheme import QUAD_BITS, Grouped, Plain
from nomoat_compiler.targets.webgpu import content_hash, specialise

Q4 = Grouped(4, 32, None, "float16")
LINEAR: dict[str, Any] = {
    **OPERATORS["linear"].defaults(), "op": "linear", "rows": 2048, "columns": 2048, "scheme": Q4.to_json(),
    "norm_eps": 1e-5, "residual": True,
}  # fmt: skip


def names(definition: dict[str, Any], prefill: bool = False, tokens: int = 128) -> list[str]:
    symbols = definition_symbols(definition, prefill=prefill) | call_symbols(tokens) | whole(definition["rows"])
    stage = gpu_operator(definition["op"]).stages[0]
    return [stage.variants[index].name.removeprefix("linear_") for index in fitting(stage, symbols)]


def test_variants_are_for_one_token_for_a_few_and_for_many() -> None:
    decode = ["decode_q4m_float16_subgroup", "decode_q4m_float16_workgroup"]
    assert names(LINEAR) == decode
    # Whether it is gated, and how long its rows are, are constants of the same kernels.
    assert names(LINEAR | {"columns": 60, "gated": True}) == decode
    many = LINEAR | {"norm_eps": None}
    assert names(many, prefill=True) == ["prefill_q4m_float16"]
    few = ["few_q4m_float16_subgroup", "few_q4m_float16_workgroup", "prefill_q4m_float16"]
    assert names(many, prefill=True, tokens=8)[:2] == few[:2]
    assert names(many, prefill=True, tokens=9) == few[2:]


@pytest.mark.parametrize(
    ("rows", "columns", "lanes"),
    [
        (2048, 2048, 32),
        (2048, 8192, 32),
        # Enough rows for every GPU.
        (16384, 2048, 16),
        (128256, 4096, 8),
        # 18 chunks: of 16 or 32 lanes nearly half would idle.
        (960, 576, 8),
        (576, 1536, 16),
    ],
)
def test_lanes_of_a_row_are_for_its_length_and_the_number_of_rows(rows: int, columns: int, lanes: int) -> None:
    symbols = definition_symbols(LINEAR | {"rows": rows, "columns": columns}, prefill=False)
    assert evaluate(lanes_for(GroupedFormat(4, True), 1), symbols | whole(rows)) == lanes


@pytest.mark.parametrize(
    ("scheme", "columns", "kind"),
    [
        (Plain("float16"), 64, "float16_x8"),
        (Plain("float16"), 68, "float16_x4"),
        (Plain("bfloat16"), 12, "bfloat16_x4"),
        (Plain("float32"), 68, "float32_x4"),
        (Grouped(8, 48, None, "float16"), 64, "q8m_float16"),
        (Grouped(8, 16, 3, "float32"), 64, "q8"),
        (Grouped(8, 48, None, "bfloat16"), 64, "q8"),
        (Grouped(4, 32, None, "uint8"), 64, "q4"),
        (Grouped(4, 32, None, "float16", "iq4_nl"), 64, "q4_codebook"),
        *((Grouped(bits, 16, None, "float16"), 64, f"q{bits}") for bits in QUAD_BITS),
    ],
)
def test_storage_formats(scheme: Plain | Grouped, columns: int, kind: str) -> None:
    definition = LINEAR | {"scheme": scheme.to_json(), "columns": columns, "norm_eps": None}
    assert names(definition, prefill=True) == [f"prefill_{kind}"]


@pytest.mark.parametrize(
    "scheme", [Grouped(4, 16, None, "float16"), Grouped(4, 16, 0, "int8"), Grouped(6, 48, 0, "int8")]
)
def test_groups_that_are_no_whole_chunks_have_no_kernel(scheme: Grouped) -> None:
    definition = LINEAR | {"scheme": scheme.to_json()}
    with pytest.raises(NomoatError, match="no GPU kernel for linear") as raised:
        own_kernels(definition, prefill=False)
    assert raised.value.code == "unsupported"


def test_own_kernels_have_their_constants_filled_in() -> None:
    entry, kernels, texts = own_kernels(LINEAR, prefill=False)
    assert entry["definition"] == LINEAR and entry["prefill"] == 0 and entry["scratch"] == []
    (stage,) = entry["stages"]
    assert [variant["requires"]["features"] for variant in stage["variants"]] == [["subgroups"], []]
    assert [variant["grid"] for variant in stage["variants"]] == [[128, 1, 1]] * 2
    assert set(kernels) == set(texts) == {variant["kernel"] for variant in stage["variants"]}
    for digest, text in texts.items():
        assert digest == content_hash(text) and "override" not in text
        assert re.search(r"^const norm_eps: f32 = 9\.99999975e-06f;$", text, re.M)
        assert "const columns: i32 = 2048i;" in text and "array<vec4<f32>, held_quads>" in text


def test_own_kernels_of_several_stages() -> None:
    entry, kernels, _ = own_kernels({"op": "sample", "vocab_size": 1000}, prefill=False)
    assert entry["scratch"] == [
        {"name": "weights", "dtype": "float32", "length": 1000},
        {"name": "tops", "dtype": "uint32", "length": 1},
        {"name": "kept_bits", "dtype": "uint32", "length": 1000},
        {"name": "kept_ids", "dtype": "int32", "length": 1000},
    ]
    assert [stage["name"] for stage in entry["stages"]] == ["penalize", "draw"]
    assert len(kernels) == 2


def test_grids_over_tokens_keep_n() -> None:
    entry, _, _ = own_kernels(LINEAR | {"norm_eps": None}, prefill=True)
    assert entry["stages"][0]["variants"][0]["grid"] == [32, ["//", ["+", "n", 63], 64], 1]
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
