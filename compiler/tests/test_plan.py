"""The builder refuses what a model file must not write, where it is written. Needs nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from nomoat_compiler.program.plan import PlanBuilder


def builder() -> PlanBuilder:
    plan = PlanBuilder()
    plan.tensors.add("embed", "embedding", ("vocab_size", 8))
    with plan.tensors.each_layer():
        plan.tensors.add("norm.{layer}", "norm", (8,))
    plan.buffers.scratch("x", ("n", 8))
    plan.buffers.scratch("y", ("n", 8))
    return plan


def norm(plan: PlanBuilder, **changes: Any) -> None:
    fields = {"columns": 8, "eps": 1e-5} | changes.pop("fields", {})
    arguments = {"x": "x", "gain": "norm.{layer}", "out": "y"} | changes.pop("arguments", {})
    decode = plan.function("decode")
    with decode.each_layer():
        decode.step("rms_norm", arguments, **fields, **changes)


def nested(plan: PlanBuilder) -> None:
    with plan.tensors.each_layer(), plan.tensors.each_layer():
        pass


MISTAKES: dict[str, tuple[Callable[[PlanBuilder], None], str]] = {
    "a field missing": (lambda plan: plan.function("decode").step("rms_norm", {}, columns=8), "fields"),
    "a field unknown": (lambda plan: norm(plan, fields={"heads": 1}), "fields"),
    "an argument missing": (lambda plan: plan.function("f").step("rms_norm", {"x": "x"}, columns=8, eps=1), "gain"),
    "an argument unknown": (lambda plan: norm(plan, arguments={"bias": "x"}), "no arguments"),
    "a buffer that is not there": (lambda plan: norm(plan, arguments={"x": "z"}), "names z"),
    "a buffer as vector": (lambda plan: norm(plan, arguments={"gain": "x"}), "names x"),
    "the layer outside of a repeat": (lambda plan: plan.buffers.scratch("a", ("n", "layer.ffn")), "outside"),
    "a layer's name outside of a repeat": (lambda plan: plan.buffers.scratch("a{layer}", ("n", 8)), "outside"),
    "a repeat in a repeat": (nested, "nest"),
    "no decode": (lambda plan: plan.to_json() and None, "decode"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_shown_where_it_is_made(mistake: str) -> None:
    change, said = MISTAKES[mistake]
    with pytest.raises(AssertionError, match=said):
        change(builder())


def test_what_a_plan_says() -> None:
    plan = builder()
    norm(plan, when="layer.normed")
    plan.function("prefill")
    written = plan.to_json()
    assert written["tensors"] == [
        {
            "name": "embed", "kind": "embedding", "shape": ["vocab_size", 8],
            "sources": [{"name": "embed.weight", "rows": "vocab_size"}],
        },
        {
            "repeat": "layer", "from": 0, "to": "num_hidden_layers",
            "items": [
                {
                    "name": "norm.{layer}", "kind": "norm", "shape": [8],
                    "sources": [{"name": "norm.{layer}.weight", "rows": 8}],
                }
            ],
        },
    ]  # fmt: skip
    (step,) = written["functions"]["decode"][0]["items"]
    assert step == {
        "op": "rms_norm", "fields": {"columns": 8, "eps": 1e-5, "residual": False},
        "arguments": {"x": "x", "gain": "norm.{layer}", "out": "y"}, "when": "layer.normed",
    }  # fmt: skip


def test_a_layer_may_name_another_layers_array() -> None:
    norm(builder(), arguments={"gain": "norm.{layer.source}"})
