"""generation_config.json as the runtime accepts it: "off" is written in one way, and impossible defaults are dropped.

The runtime refuses a package whose defaults it cannot use (runtime/src/text/generation_config.ts); a checkpoint's
author did not mean that. What is dropped is named in a warning.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

from ..errors import NomoatWarning

# Key -> smallest and largest value that the runtime takes.
RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0, 100), "top_p": (0, 1), "top_k": (0, 4_194_303), "repetition_penalty": (0.01, 100),
}  # fmt: skip
MOST_STOP_STRINGS, LONGEST_STOP_STRING = 100, 256


def usable_generation_config(generation: dict[str, Any]) -> dict[str, Any]:
    """The same object with usable sampling defaults and stop strings; keys that say nothing about sampling or the end
    of an answer are left as they are."""
    result = dict(generation)
    if "stop_strings" in result:
        result["stop_strings"] = _stop_strings(result["stop_strings"])
    for key, (smallest, largest) in RANGES.items():
        if key not in result:
            continue
        value = result[key]
        if key == "top_k" and (value is None or value == -1) and not isinstance(value, bool):
            result[key] = 0  # llama.cpp and vLLM write -1, transformers None; all mean that nothing is cut off.
        elif value is None:
            del result[key]
        elif not _is_number(value) or not smallest <= value <= largest:
            warnings.warn(
                f"generation_config.json has {key} {value!r}, which no sampler can use; it must be a number from "
                f"{smallest:g} to {largest:g}. It is left out.",
                NomoatWarning,
                stacklevel=2,
            )
            del result[key]
    return result


def _stop_strings(value: object) -> list[str]:
    """Texts that end an answer, which a file may give as one, as a list, or as null."""
    given = [] if value is None else value if isinstance(value, list) else [value]
    usable = [text for text in given if isinstance(text, str) and 0 < len(text) <= LONGEST_STOP_STRING]
    usable = usable[:MOST_STOP_STRINGS]
    if len(usable) < len(given):
        warnings.warn(
            f"generation_config.json has stop_strings of which {len(given) - len(usable)} cannot end an answer; they "
            f"must be at most {MOST_STOP_STRINGS} texts of 1 to {LONGEST_STOP_STRING} characters. Those are left out.",
            NomoatWarning,
            stacklevel=3,
        )
    return usable


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
