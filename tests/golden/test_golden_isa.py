"""Pins what the GPU kernels are in RDNA3 machine code, and their limits (tests/isa): registers, instructions, loads.

Refresh with UPDATE_GOLDEN=1 and read the diff; a column that got worse wants a reason. Needs TVM, Node and Mesa's
drivers, which are fetched where the system has none, and no GPU.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.isa.compile import find_radv
from tests.isa.table import Report, broken_limits, measure, table_text
from tests.parity.vulkan_driver import Unavailable

GOLDEN = Path(__file__).with_name("isa.txt")


@pytest.fixture(scope="module")
def report() -> Report:
    driver = find_radv()
    if isinstance(driver, Unavailable):
        pytest.skip(driver.reason)
    return measure()


def test_limits_are_kept(report: Report) -> None:
    assert broken_limits(report) == []


def test_machine_code_is_unchanged(report: Report) -> None:
    text = table_text(report)
    if os.environ.get("UPDATE_GOLDEN") == "1":
        GOLDEN.write_text(text)
    made_with, _, golden = GOLDEN.read_text().partition("\n")
    if made_with != f"# {report.made_with}":
        pytest.skip(f"the golden was made with {made_with[2:]}, and this is {report.made_with}")
    assert golden == text.partition("\n")[2], "the machine code changed: UPDATE_GOLDEN=1 refreshes it; read the diff"
