"""Prints what every GPU kernel is in RDNA3 machine code, and which limit one breaks. Needs no GPU.

    python -m tests.isa [PATTERN ...] [--assembly FOLDER]

PATTERN: of kernels (linear_decode_*sg32*); without one, all of them. --assembly writes the machine code of each into
FOLDER. What the columns say stands in tests/isa/table.py. The exit code is 1 where a limit of tests/isa/limits.json is
broken, or where Mesa's drivers cannot be had.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.isa.compile import find_radv
from tests.isa.table import broken_limits, measure, table_text
from tests.parity.vulkan_driver import Unavailable


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.isa")
    parser.add_argument("patterns", nargs="*", default=["*"], metavar="PATTERN")
    parser.add_argument("--assembly", type=Path, metavar="FOLDER")
    options = parser.parse_args(arguments)
    driver = find_radv()
    if isinstance(driver, Unavailable):
        print(driver.reason, file=sys.stderr)
        return 1
    report = measure(options.patterns)
    print(table_text(report))
    if options.assembly:
        options.assembly.mkdir(parents=True, exist_ok=True)
        for kernel, text in report.assembly.items():
            (options.assembly / f"{kernel.replace(' ', '_')}.s").write_text(text)
    broken = broken_limits(report)
    print("\n".join(broken) or "every limit is kept")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
