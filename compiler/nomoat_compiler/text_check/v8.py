"""Runs one job of the runtime's text part in V8:  python -m nomoat_compiler.text_check.v8 TEXT_PART < JOB > OUTCOME

JOB is a line of JSON, and after it tokenizer.json: tens of megabytes, which go to V8 as they are.

A process of its own, since V8 ends the process that it cannot have its addresses in, and no compile may end so.
"""

from __future__ import annotations

import sys
from pathlib import Path

# A vocabulary of 256,000 tokens takes a few seconds and some hundred megabytes.
LIMIT_S = 300
LIMIT_BYTES = 4 << 30
TOO_MUCH, NO_V8, FAILED = 3, 4, 5  # exit codes


def main(text_part: Path) -> int:
    try:
        from py_mini_racer import JSEvalException, JSFunction, JSOOMException, JSTimeoutException, MiniRacer
    except (ImportError, OSError) as error:  # No wheel for this platform, or a library that it needs is missing.
        print(error, file=sys.stderr)
        return NO_V8
    job, _, tokenizer = sys.stdin.buffer.read().partition(b"\n")
    try:
        with MiniRacer() as engine:
            engine.set_hard_memory_limit(LIMIT_BYTES)
            engine.eval(text_part.read_text(encoding="utf-8"))
            check = engine.eval("check")
            assert isinstance(check, JSFunction)
            # A function is called with the texts themselves; as source code they would be parsed twice.
            outcome = check(job.decode("utf-8"), tokenizer.decode("utf-8"), timeout_sec=LIMIT_S)
    except (JSTimeoutException, JSOOMException):
        return TOO_MUCH
    except JSEvalException as error:
        print(error, file=sys.stderr)
        return FAILED
    sys.stdout.write(str(outcome))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
