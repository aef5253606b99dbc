"""One plan for every Llama, layers that differ in everything, and the same instances in Python and in the runtime.

The comparison needs Node; it compares byte for byte, as canonical JSON.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from nomoat_compiler.models.llama import LLAMA_PLAN
from nomoat_compiler.program.instance import Instance, instantiate

from tests.fixtures.instances import configurations, llama_program, other_families, uneven_program, write

ROOT = Path(__file__).parents[2]


def test_one_plan_serves_every_llama() -> None:
    programs = [llama_program(name, config) for name, config in configurations().items()]
    assert len(programs) > 40
    assert all(program["plan"] is LLAMA_PLAN for program in programs)


def test_the_runtime_makes_the_same_instances(tmp_path: Path) -> None:
    write(tmp_path)
    command = ["npx", "vitest", "run", "tests/device/instance.test.ts"]
    environment = os.environ | {"PROGRAMS": f"{tmp_path.as_uri()}/", "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=ROOT / "runtime", env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
    made = len(configurations()) + len(other_families()) + 1
    assert re.search(rf"\b{2 * made} passed", done.stdout), done.stdout[-2000:]


@pytest.fixture(scope="module")
def uneven() -> Instance:
    return instantiate(uneven_program())


def definitions(instance: Instance, function: str, op: str) -> list[dict[str, Any]]:
    found = (instance.operators[step["operator"]]["definition"] for step in instance.functions[function])
    return [definition for definition in found if definition["op"] == op]


def arguments(instance: Instance, function: str, op: str) -> list[dict[str, str]]:
    steps = instance.functions[function]
    return [s["arguments"] for s in steps if instance.operators[s["operator"]]["definition"]["op"] == op]


@pytest.mark.parametrize("function", ["prefill", "decode"])
def test_layers_of_different_widths_and_heads(uneven: Instance, function: str) -> None:
    attended = definitions(uneven, function, "attention")
    assert [(d["heads"], d["kv_heads"], d["head_dim"]) for d in attended] == [
        (4, 2, 16),
        (2, 1, 32),
        (4, 2, 16),
        (8, 4, 8),
    ]
    gated = [d["rows"] // 2 for d in definitions(uneven, function, "linear") if d["gated"]]
    assert gated == [96, 64, 128, 96, 160]


def test_a_layer_reads_the_keys_and_values_of_another(uneven: Instance) -> None:
    assert [a["k_pages"] for a in arguments(uneven, "decode", "attention")] == ["kv.k.0", "kv.k.1", "kv.k.0", "kv.k.3"]
    assert [a["k_pages"] for a in arguments(uneven, "decode", "rope_append")] == ["kv.k.0", "kv.k.1", "kv.k.3"]
    caches = {b["name"]: b["shape"] for b in uneven.buffers if b["kind"] == "kv_cache"}
    assert caches.keys() == {f"kv.{role}.{layer}" for role in "kv" for layer in (0, 1, 3)}
    assert caches["kv.v.3"] == ["kv_pages", 4, 16, 8]


def test_a_rope_table_by_layer(uneven: Instance) -> None:
    tables = [a["inv_freq"] for a in arguments(uneven, "prefill", "rope_append")]
    assert tables == ["rope.inv_freq.0", "rope.inv_freq.1", "rope.inv_freq.2"]
    assert {c["name"]: c["shape"] for c in uneven.constants} == {
        f"rope.inv_freq.{i}": [n] for i, n in enumerate((8, 16, 4))
    }


def test_a_norm_that_stands_elsewhere(uneven: Instance) -> None:
    gains = [a["gain"] for a in arguments(uneven, "decode", "rms_norm")]
    assert gains == [f"layers.{name}.weight" for name in ("0.norm", "1.sub_norm", "2.norm", "3.norm", "4.norm")]


def test_a_layer_that_remembers_instead_of_attending(uneven: Instance) -> None:
    (state,) = [b for b in uneven.buffers if b["kind"] == "recurrent_state"]
    assert (state["name"], state["shape"]) == ("memory.4", ["state_slots", 64])
    (step,) = arguments(uneven, "decode", "linear_recurrence")
    assert (step["memory"], step["state"], step["decay"]) == ("memory.4", "state", "layers.4.decay.weight")


def test_a_scratch_buffer_holds_the_widest_layer(uneven: Instance) -> None:
    shapes = {b["name"]: b["shape"] for b in uneven.buffers if b["kind"] == "scratch"}
    assert shapes["gated"] == ["n", 160]
    assert shapes["qkv"] == ["n", 128]  # 4 + 2 * 2 heads of 16 in layer 0; 8 + 2 * 4 of 8 in layer 3


def test_an_attribute_that_no_operator_reads_is_carried() -> None:
    program = uneven_program()
    without = {**program, "layers": {k: v for k, v in program["layers"].items() if k != "window"}}
    assert instantiate(without).to_json() == instantiate(program).to_json()
