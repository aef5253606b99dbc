"""Every time limit of the tests, in Python and in TypeScript (limits.ts), from limits.json.

A limit ends what hangs; it says nothing about speed. Each is at least five times what the slowest of its kind takes on
a quiet machine of two cores, and one is well below the next, so that the innermost tells what it was waiting for.
NOMOAT_TEST_TIME_FACTOR multiplies all of them, for machines that are much slower than that.

    wait     one condition: an element, a page, an answer of a browser, a server that starts
    process  one command of ours, one bundle of TypeScript, one call into a browser that loads and computes
    test     one test with its fixtures
    tier     one tier
"""

from __future__ import annotations

import json
import os
from pathlib import Path

_FACTOR = float(os.environ.get("NOMOAT_TEST_TIME_FACTOR", "1"))
_DECLARED = json.loads(Path(__file__).with_suffix(".json").read_text())

WAIT_S: float = _FACTOR * _DECLARED["wait_s"]
PROCESS_S: float = _FACTOR * _DECLARED["process_s"]
TEST_S: float = _FACTOR * _DECLARED["test_s"]
TIER_S: float = _FACTOR * _DECLARED["tier_s"]
# As Playwright takes it.
WAIT_MS: float = 1000 * WAIT_S
