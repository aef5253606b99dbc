"""What tests/isa reads off machine code, on programs short enough to be counted by hand. Needs nothing."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.isa import table
from tests.isa.machine_code import ASSUMED_TURNS, read_machine_code
from tests.isa.table import Figures, Report

WAIT = "\ts_waitcnt vmcnt(0)\n"
PROLOGUE = """BB0:
\ts_load_b128 s[4:7], s[2:3], null                            ; f4080101 f8000000
\ts_load_b256 s[8:15], s[2:3], 0x20                            ; f4080101 f8000000
\ts_mov_b32 s0, 0
"""
EPILOGUE = "BB9:\n\ts_endpgm\n"


def loop(body: str, last: str = "\ts_cmp_ge_i32 s0, 10\n\ts_cbranch_scc0 BB1\n") -> str:
    return f"{PROLOGUE}BB1:\n{body}\ts_add_u32 s0, s0, 1\n{last}{EPILOGUE}"


def test_a_loop_with_a_constant_bound_counts_its_turns() -> None:
    load = "\tbuffer_load_b128 v[0:3], v4, s[12:15], 0 offen\n\ts_waitcnt vmcnt(0)\n"
    code = read_machine_code(loop(load))
    assert code.instructions == 3 + 10 * 5 + 1
    # s[12:15] are the second half of eight registers from binding 2 on.
    assert code.load_bytes == Counter({3: 160}) and code.loads == Counter({3: 10})
    assert code.open_loops == 0 and code.least_bytes_per_wait == 16


@pytest.mark.parametrize(
    "last",
    [
        "\ts_cmp_ge_i32 s0, s9\n\ts_cbranch_scc0 BB1\n",  # a bound that is data
        "\ts_cmp_ge_i32 s1, 10\n\ts_cbranch_scc0 BB1\n",  # another counter
        "\ts_cbranch_vccnz BB1\n",
    ],
)
def test_a_loop_whose_turns_depend_on_data_is_open(last: str) -> None:
    code = read_machine_code(loop("", last))
    assert code.open_loops == 1
    assert code.instructions == 3 + ASSUMED_TURNS * (1 + last.count("\n")) + 1


@pytest.mark.parametrize(
    ("body", "bytes_per_wait"),
    [
        # Two loads in flight together.
        ("\tbuffer_load_b128 v[0:3], v8, s[4:7], 0\n\tbuffer_load_b64 v[4:5], v8, s[4:7], 0\n" + WAIT, 24),
        # The second one is waited for later, and by then it is there.
        (
            "\tbuffer_load_b128 v[0:3], v8, s[4:7], 0\n\tbuffer_load_b64 v[4:5], v8, s[4:7], 0\n"
            "\ts_waitcnt vmcnt(1)\n\ts_waitcnt vmcnt(0)\n",
            24,
        ),
        # The address of the second comes of the first.
        (
            "\tbuffer_load_b32 v8, v9, s[4:7], 0\n\ts_waitcnt vmcnt(0)\n"
            "\tbuffer_load_b128 v[0:3], v8, s[4:7], 0\n\ts_waitcnt vmcnt(0)\n",
            10,
        ),
        # A scalar load of data costs a latency and gives no lane anything.
        (
            "\ts_buffer_load_b32 s20, s[4:7], s0\n\ts_waitcnt lgkmcnt(0)\n"
            "\tbuffer_load_b128 v[0:3], v8, s[4:7], 0\n\ts_waitcnt vmcnt(0)\n",
            8,
        ),
        # One of a descriptor costs nothing, workgroup memory neither.
        (
            "\ts_load_b128 s[4:7], s[2:3], null\n\ts_waitcnt lgkmcnt(0)\n\tds_load_b32 v3, v3\n"
            "\ts_waitcnt lgkmcnt(0)\n\tbuffer_load_b128 v[0:3], v8, s[4:7], 0\n\ts_waitcnt vmcnt(0)\n",
            16,
        ),
        # A turn waits for the load of the turn before.
        ("\tbuffer_load_b128 v[0:3], v8, s[4:7], 0\n\ts_waitcnt vmcnt(1)\n", 32),
    ],
)
def test_bytes_per_wait(body: str, bytes_per_wait: float) -> None:
    assert read_machine_code(loop(body)).least_bytes_per_wait == pytest.approx(bytes_per_wait)


def test_a_loop_inside_a_loop_multiplies_and_is_judged_alone() -> None:
    load = "\tbuffer_load_b64 v[0:1], v4, s[4:7], 0 offen\n\ts_waitcnt vmcnt(0)\n"
    inner = f"BB2:\n{load}\ts_add_i32 s1, s1, 1\n\ts_cmpk_ge_i32 s1, 0x20\n\ts_cbranch_scc0 BB2\nBB3:\n"
    code = read_machine_code(loop(f"\tbuffer_load_b128 v[0:3], v4, s[8:11], 0\n{inner}"))
    assert code.load_bytes == Counter({0: 10 * 32 * 8, 2: 10 * 16})
    assert [(turn.turns, turn.bytes_per_lane) for turn in code.loops] == [(10, 16), (32, 8)]
    assert code.least_bytes_per_wait == 8


def test_a_figure_past_its_limit_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = tmp_path / "limits.json"
    bounds = {"at_most": {"registers": 60, "workgroup_bytes": 512}, "at_least": {"bytes_per_wait": 2, "passes": 1}}
    limits.write_text(json.dumps([{"kernels": "attention*", **bounds}, {"kernels": "draw", **bounds}]))
    monkeypatch.setattr(table, "LIMITS", limits)
    figures = Figures("attention 9×3", 61, 24, 0, 512, 300, 300, None, None, None, 1.5, 0)
    broken = table.broken_limits(Report("", {"model": [figures]}, {}))
    assert broken == ["attention 9×3: registers 61, at most 60", "attention 9×3: bytes_per_wait 1.50, at least 2"]
